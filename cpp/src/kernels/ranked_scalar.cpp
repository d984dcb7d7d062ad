// The ranked engine's kernels in portable code: what all others must equal.
#include "kernels/ranked.h"

namespace arsenal::runtime {

namespace {

template <typename T>
void rank(const RankColumn<T>& column, const T* rows, std::int64_t width, std::size_t n_rows, std::int8_t* ranks) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    const T x = rows[static_cast<std::int64_t>(r) * width + column.feature];
    if (x != x) {
      ranks[r] = column.nan_rank;
      continue;
    }
    // Binary search; the padding is never below x.
    std::size_t below = 0;
    std::size_t span = column.n_blocks * kRankBlock;
    while (span > 0) {
      const std::size_t half = span / 2;
      const bool right = column.thresholds[below + half] < x;
      below = right ? below + half + 1 : below;
      span = right ? span - half - 1 : half;
    }
    ranks[r] = static_cast<std::int8_t>(static_cast<int>(below) + kLowestRank);
  }
}

template <typename T>
void rank_row(const RankColumn<T>* columns, std::size_t n_columns, const T* row, std::int8_t* ranks) {
  for (std::size_t c = 0; c < n_columns; ++c) rank(columns[c], row, 0, 1, ranks + c);
}

void test_members(const std::uint8_t* bits, const std::uint8_t* codes, std::size_t n_rows, std::int8_t* outside) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    outside[r] = static_cast<std::int8_t>((bits[codes[r] >> 3] >> (codes[r] & 7) & 1) ^ 1);
  }
}

void find_leaves(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                 std::size_t n_rows, std::uint8_t* leaves) {
  for (std::size_t r = 0; r < n_rows; ++r) leaves[r] = 0;
  for (std::size_t k = 0; k < n_nodes; ++k) {
    const RankedNode node = nodes[k];
    const std::int8_t* ranks = columns + node.column * stride;
    for (std::size_t r = 0; r < n_rows; ++r) {
      const bool moves = (leaves[r] == node.from) & (ranks[r] >= node.bound);
      leaves[r] = moves ? node.to : leaves[r];
    }
  }
}

template <typename T>
void add_leaves(const LeafTable<T>& table, const std::uint8_t* leaves, std::size_t n_rows, T* sums) {
  for (std::size_t r = 0; r < n_rows; ++r) sums[r] += table.values[leaves[r]];
}

template <typename T>
void add_row_leaves(const T* values, const std::uint32_t* begin, const std::uint8_t* leaves, std::size_t n_trees,
                    T* lanes) {
  for (std::size_t t = 0; t < n_trees; ++t) lanes[t % 16] += values[begin[t] + leaves[t]];
}

}  // namespace

const RankedKernels<float> kRankedScalarFloat = {rank<float>,       rank_row<float>, test_members,         find_leaves,
                                                 add_leaves<float>, nullptr,         add_row_leaves<float>};
const RankedKernels<double> kRankedScalarDouble = {
    rank<double>, rank_row<double>, test_members, find_leaves, add_leaves<double>, nullptr, add_row_leaves<double>};

}  // namespace arsenal::runtime
