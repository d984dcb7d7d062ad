// The ranked engine's kernels with AVX2: 32 rows, or 32 trees, per register.
#include <immintrin.h>

#include "kernels/ranked.h"

namespace arsenal::runtime {

namespace {

struct Floats {
  using T = float;
  // Thresholds of a block below x.
  static unsigned count_below(const float* block, float x) {
    const __m256 wide = _mm256_set1_ps(x);
    const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(block), wide, _CMP_LT_OQ));
    const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(block + 8), wide, _CMP_LT_OQ));
    return static_cast<unsigned>(_mm_popcnt_u32(static_cast<unsigned>(low | high << 8)));
  }
};

struct Doubles {
  using T = double;
  static unsigned count_below(const double* block, double x) {
    const __m256d wide = _mm256_set1_pd(x);
    int below = 0;
    for (int part = 0; part < 4; ++part) {
      below |= _mm256_movemask_pd(_mm256_cmp_pd(_mm256_loadu_pd(block + 4 * part), wide, _CMP_LT_OQ)) << (4 * part);
    }
    return static_cast<unsigned>(_mm_popcnt_u32(static_cast<unsigned>(below)));
  }
};

template <typename V, typename T = typename V::T>
std::uint8_t rank_of(const RankColumn<T>& column, T x) {
  unsigned block = 0;
  if (column.n_blocks > 1) block = V::count_below(column.pivots, x) * static_cast<unsigned>(kRankBlock);
  const unsigned below = block + V::count_below(column.thresholds + block, x) + column.shift;
  return static_cast<std::uint8_t>(x != x ? column.nan_rank : below);
}

template <typename V, typename T = typename V::T>
void rank(const RankColumn<T>& column, const T* rows, std::int64_t width, std::size_t n_rows, std::uint8_t* ranks) {
  const RankColumn<T> own = column;
  const T* x = rows + own.feature;
  for (std::size_t r = 0; r < n_rows; ++r, x += width) ranks[r] = rank_of<V>(own, *x);
}

template <typename V, typename T = typename V::T>
void rank_row(const RankColumn<T>* columns, std::size_t n_columns, const T* row, std::uint8_t* ranks) {
  for (std::size_t c = 0; c < n_columns; ++c) ranks[c] = rank_of<V>(columns[c], row[columns[c].feature]);
}

__m256i load(const std::uint8_t* bytes) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)); }

void store(std::uint8_t* bytes, __m256i value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), value); }

// 255 where rank > threshold, else 0.
__m256i exceeds(__m256i rank, __m256i threshold) {
  const __m256i at_most = _mm256_cmpeq_epi8(_mm256_max_epu8(rank, threshold), threshold);
  return _mm256_xor_si256(at_most, _mm256_set1_epi8(-1));
}

void test_members(const std::uint8_t* bits, const std::uint8_t* codes, std::size_t n_rows, std::uint8_t* outside) {
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
void find_leaves_of(const RankedNode* nodes, std::size_t n_nodes, const std::uint8_t* columns, std::size_t stride,
                    std::uint8_t* leaves) {
  __m256i at[kVectors];
  for (int v = 0; v < kVectors; ++v) at[v] = _mm256_setzero_si256();
  for (std::size_t k = 0; k < n_nodes; ++k) {
    const std::uint8_t* ranks = columns + nodes[k].column * stride;
    const __m256i threshold = _mm256_set1_epi8(static_cast<char>(nodes[k].threshold));
    const __m256i from = _mm256_set1_epi8(static_cast<char>(nodes[k].from));
    const __m256i distance = _mm256_set1_epi8(static_cast<char>(nodes[k].to - nodes[k].from));
    for (int v = 0; v < kVectors; ++v) {
      const __m256i rank = load(ranks + 32 * v);
      const __m256i stays = _mm256_cmpeq_epi8(_mm256_max_epu8(rank, threshold), threshold);
      const __m256i moves = _mm256_andnot_si256(stays, _mm256_cmpeq_epi8(at[v], from));
      at[v] = _mm256_add_epi8(at[v], _mm256_and_si256(moves, distance));
    }
  }
  for (int v = 0; v < kVectors; ++v) store(leaves + 32 * v, at[v]);
}

void find_leaves(const RankedNode* nodes, std::size_t n_nodes, const std::uint8_t* columns, std::size_t stride,
                 std::size_t n_rows, std::uint8_t* leaves) {
  std::size_t r = 0;
  for (; r + 64 < n_rows; r += 128) find_leaves_of<4>(nodes, n_nodes, columns + r, stride, leaves + r);
  if (r < n_rows) find_leaves_of<2>(nodes, n_nodes, columns + r, stride, leaves + r);
}

void add_leaves_float(const float* values, std::size_t n_leaves, const std::uint8_t* leaves, std::size_t n_rows,
                      float* sums) {
  const __m256 first = _mm256_loadu_ps(values);
  for (std::size_t r = 0; r < n_rows; r += 8) {
    const __m256i leaf = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(leaves + r)));
    const __m256 value = n_leaves <= 8 ? _mm256_permutevar8x32_ps(first, leaf) : _mm256_i32gather_ps(values, leaf, 4);
    _mm256_storeu_ps(sums + r, _mm256_add_ps(_mm256_loadu_ps(sums + r), value));
  }
}

void add_leaves_double(const double* values, std::size_t, const std::uint8_t* leaves, std::size_t n_rows,
                       double* sums) {
  for (std::size_t r = 0; r < n_rows; r += 4) {
    int four;
    __builtin_memcpy(&four, leaves + r, 4);
    const __m128i leaf = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
    const __m256d value = _mm256_i32gather_pd(values, leaf, 8);
    _mm256_storeu_pd(sums + r, _mm256_add_pd(_mm256_loadu_pd(sums + r), value));
  }
}

// Ranks of 32 columns, 16 bytes per shuffle. Adding 0x70 with saturation sets the top bit of all indices but those of
// this part, and a shuffle gives 0 for these.
__m256i look_up(const std::uint8_t* ranks, std::size_t n_columns, __m256i column) {
  __m256i found = _mm256_setzero_si256();
  for (std::size_t part = 0; part < n_columns; part += 16) {
    const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(ranks + part)));
    const __m256i index = _mm256_xor_si256(column, _mm256_set1_epi8(static_cast<char>(part)));
    found = _mm256_or_si256(found, _mm256_shuffle_epi8(table, _mm256_adds_epu8(index, _mm256_set1_epi8(0x70))));
  }
  return found;
}

// 255 in byte t where bit t is set.
__m256i spread(std::uint32_t bits) {
  const __m256i byte_of = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
  const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), byte_of);
  return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of), bit_of);
}

// Half a group: 32 trees from tree `first` of the group on.
__m256i take_step(const RowStep& step, std::size_t first, const std::uint8_t* ranks, std::size_t n_columns,
                  std::uint64_t failed, __m256i at) {
  const __m256i rank = look_up(ranks, n_columns, load(step.column + first));
  __m256i fails = exceeds(rank, load(step.threshold + first));
  const auto own = static_cast<std::uint32_t>(failed >> first);
  if (own != 0) fails = _mm256_or_si256(fails, spread(own));
  const __m256i moves = _mm256_and_si256(fails, _mm256_cmpeq_epi8(at, load(step.from + first)));
  return _mm256_blendv_epi8(at, load(step.to + first), moves);
}

void find_row_leaves(const RowGroups& groups, const std::uint8_t* ranks, const std::uint64_t* failed,
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

const RankedKernels<float> kRankedAvx2Float = {rank<Floats>,     rank_row<Floats>, test_members,         find_leaves,
                                               add_leaves_float, find_row_leaves,  add_row_leaves<float>};
const RankedKernels<double> kRankedAvx2Double = {rank<Doubles>,         rank_row<Doubles>, test_members,
                                                 find_leaves,           add_leaves_double, find_row_leaves,
                                                 add_row_leaves<double>};

}  // namespace arsenal::runtime
