// The ranked engine's kernels with AVX2: 32 rows, or 32 trees, per register.
#include <immintrin.h>

#include "kernels/bytes_avx2.h"
#include "kernels/ranked.h"

namespace arsenal::runtime {

namespace {

using namespace avx2;

// kRankBlock thresholds in registers.
struct FloatBlock {
  using Vector = __m256;
  explicit FloatBlock(const float* block) : low(_mm256_loadu_ps(block)), high(_mm256_loadu_ps(block + 8)) {}

  static Vector broadcast(const float* x) { return _mm256_broadcast_ss(x); }
  static Vector add_nan(Vector seen, Vector x) { return _mm256_or_ps(seen, _mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
  static bool any(Vector seen) { return _mm256_movemask_ps(seen) != 0; }
  static __m256i below(Vector part, Vector x) { return _mm256_castps_si256(_mm256_cmp_ps(part, x, _CMP_LT_OQ)); }

  // Two bytes for each threshold: -1 where it is below x.
  __m256i below(Vector x) const { return _mm256_packs_epi32(below(low, x), below(high, x)); }

  Vector low, high;
};

struct DoubleBlock {
  using Vector = __m256d;
  explicit DoubleBlock(const double* block) {
    for (int k = 0; k < 4; ++k) part[k] = _mm256_loadu_pd(block + 4 * k);
  }

  static Vector broadcast(const double* x) { return _mm256_broadcast_sd(x); }
  static Vector add_nan(Vector seen, Vector x) { return _mm256_or_pd(seen, _mm256_cmp_pd(x, x, _CMP_UNORD_Q)); }
  static bool any(Vector seen) { return _mm256_movemask_pd(seen) != 0; }
  static __m256i below(Vector part, Vector x) { return _mm256_castpd_si256(_mm256_cmp_pd(part, x, _CMP_LT_OQ)); }

  __m256i below(Vector x) const {
    const __m256i low = _mm256_packs_epi32(below(part[0], x), below(part[1], x));
    const __m256i high = _mm256_packs_epi32(below(part[2], x), below(part[3], x));
    return _mm256_packs_epi32(low, high);
  }

  Vector part[4];
};

template <typename T>
struct BlockOf;
template <>
struct BlockOf<float> {
  using Type = FloatBlock;
};
template <>
struct BlockOf<double> {
  using Type = DoubleBlock;
};

// Twice the number of thresholds below x.
template <typename Block>
unsigned twice_below(const Block& block, typename Block::Vector x) {
  return static_cast<unsigned>(_mm_popcnt_u32(static_cast<unsigned>(_mm256_movemask_epi8(block.below(x)))));
}

// As if x were not NaN.
template <typename T, typename Block>
std::int8_t rank_of(const RankColumn<T>& column, const Block& pivots, typename Block::Vector x) {
  const unsigned before = column.n_blocks > 1 ? twice_below(pivots, x) * static_cast<unsigned>(kRankBlock / 2) : 0;
  const unsigned within = twice_below(Block(column.thresholds + before), x) / 2;
  return static_cast<std::int8_t>(static_cast<int>(before + within) + kLowestRank);
}

template <typename T>
void rank(const RankColumn<T>& column, const T* rows, std::int64_t width, std::size_t n_rows, std::int8_t* ranks) {
  using Block = typename BlockOf<T>::Type;
  const RankColumn<T> own = column;
  const Block pivots(own.pivots);
  const T* const first = rows + own.feature;
  typename Block::Vector nan{};
  const T* x = first;
  for (std::size_t r = 0; r < n_rows; ++r, x += width) {
    const auto wide = Block::broadcast(x);
    ranks[r] = rank_of(own, pivots, wide);
    nan = Block::add_nan(nan, wide);
  }
  if (!Block::any(nan)) return;
  x = first;
  for (std::size_t r = 0; r < n_rows; ++r, x += width) ranks[r] = *x != *x ? own.nan_rank : ranks[r];
}

template <typename T>
void rank_row(const RankColumn<T>* columns, std::size_t n_columns, const T* row, std::int8_t* ranks) {
  using Block = typename BlockOf<T>::Type;
  for (std::size_t c = 0; c < n_columns; ++c) {
    const T* const x = row + columns[c].feature;
    const std::int8_t rank = rank_of(columns[c], Block(columns[c].pivots), Block::broadcast(x));
    ranks[c] = *x != *x ? columns[c].nan_rank : rank;
  }
}

void test_members(const std::uint8_t* bits, const std::uint8_t* codes, std::size_t n_rows, std::int8_t* outside) {
  const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits)));
  const __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + 16)));
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  for (std::size_t r = 0; r < n_rows; r += 32) {
    const __m256i code = load(codes + r);
    // Byte code / 8 of the bits, and bit code % 8 of that byte.
    const __m256i index = _mm256_and_si256(_mm256_srli_epi16(code, 3), _mm256_set1_epi8(15));
    // The top bit of a code says which half holds its byte; blendv looks at just that bit.
    const __m256i byte = _mm256_blendv_epi8(_mm256_shuffle_epi8(low, index), _mm256_shuffle_epi8(high, index), code);
    const __m256i bit = _mm256_shuffle_epi8(bit_of, _mm256_and_si256(code, _mm256_set1_epi8(7)));
    const __m256i missing = _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), _mm256_setzero_si256());
    store(outside + r, _mm256_and_si256(missing, _mm256_set1_epi8(1)));
  }
}

// kVectors times 32 rows: several chains of dependent steps run side by side.
template <int kVectors>
void find_leaves_of(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                    std::uint8_t* leaves) {
  __m256i at[kVectors];
  for (int v = 0; v < kVectors; ++v) at[v] = _mm256_setzero_si256();
  for (std::size_t k = 0; k < n_nodes; ++k) {
    const std::int8_t* ranks = columns + nodes[k].column * stride;
    const __m256i bound = _mm256_set1_epi8(static_cast<char>(nodes[k].bound));
    const __m256i from = _mm256_set1_epi8(static_cast<char>(nodes[k].from));
    const __m256i to = _mm256_set1_epi8(static_cast<char>(nodes[k].to));
    for (int v = 0; v < kVectors; ++v) {
      const __m256i passes = _mm256_cmpgt_epi8(bound, load(ranks + 32 * v));
      const __m256i moves = _mm256_andnot_si256(passes, _mm256_cmpeq_epi8(at[v], from));
      at[v] = _mm256_blendv_epi8(at[v], to, moves);
    }
  }
  for (int v = 0; v < kVectors; ++v) store(leaves + 32 * v, at[v]);
}

void find_leaves(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                 std::size_t n_rows, std::uint8_t* leaves) {
  std::size_t r = 0;
  for (; r + 64 < n_rows; r += 128) find_leaves_of<4>(nodes, n_nodes, columns + r, stride, leaves + r);
  if (r < n_rows) find_leaves_of<2>(nodes, n_nodes, columns + r, stride, leaves + r);
}

template <typename V, typename T = typename V::T>
void add_leaves(const LeafTable<T>& table, const std::uint8_t* leaves, std::size_t n_rows, T* sums) {
  constexpr std::size_t kStep = 32 / V::kVectors;
  for (std::size_t r = 0; r < n_rows; r += 32) {
    typename V::Vector values[V::kVectors];
    V::values_of(table, load(leaves + r), values);
    for (std::size_t v = 0; v < V::kVectors; ++v) {
      T* const to = sums + r + v * kStep;
      V::store(to, V::add(V::load(to), values[v]));
    }
  }
}

// 255 in byte t where bit t is set.
__m256i spread(std::uint32_t bits) {
  const __m256i byte_of = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), byte_of);
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of), bit_of);
}

// Half a group: 32 trees from tree `first` of the group on.
__m256i take_step(const RowStep& step, std::size_t first, const std::int8_t* ranks, std::size_t n_columns,
                  std::uint64_t failed, __m256i at) {
  const __m256i rank = look_up(ranks, n_columns, load(step.column + first));
  __m256i passes = _mm256_cmpgt_epi8(load(step.bound + first), rank);
  const auto own = static_cast<std::uint32_t>(failed >> first);
  if (own != 0) passes = _mm256_andnot_si256(spread(own), passes);
  const __m256i moves = _mm256_andnot_si256(passes, _mm256_cmpeq_epi8(at, load(step.from + first)));
  return _mm256_blendv_epi8(at, load(step.to + first), moves);
}

void find_row_leaves(const RowGroups& groups, const std::int8_t* ranks, const std::uint64_t* failed,
                     std::uint8_t* leaves) {
  std::size_t s = 0;
  for (std::size_t g = 0; g < groups.n_groups; ++g) {
    __m256i low = _mm256_setzero_si256();
    __m256i high = low;
    for (const std::size_t end = s + groups.n_steps[g]; s < end; ++s) {
      const std::uint64_t own = failed == nullptr ? 0 : failed[s];
      low = take_step(groups.steps[s], 0, ranks, groups.n_columns, own, low);
      high = take_step(groups.steps[s], 32, ranks, groups.n_columns, own, high);
    }
    store(leaves + g * kGroupTrees, low);
    store(leaves + g * kGroupTrees + 32, high);
  }
}

template <typename T>
void add_row_leaves(const T* values, const std::uint32_t* begin, const std::uint8_t* leaves, std::size_t n_trees,
                    T* lanes) {
  for (std::size_t t = 0; t < n_trees; ++t) lanes[t % 16] += values[begin[t] + leaves[t]];
}

}  // namespace

const RankedKernels<float> kRankedAvx2Float = {rank<float>,        rank_row<float>, test_members,         find_leaves,
                                               add_leaves<Floats>, find_row_leaves, add_row_leaves<float>};
const RankedKernels<double> kRankedAvx2Double = {rank<double>,          rank_row<double>,    test_members,
                                                 find_leaves,           add_leaves<Doubles>, find_row_leaves,
                                                 add_row_leaves<double>};

}  // namespace arsenal::runtime
