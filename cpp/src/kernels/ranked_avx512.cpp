// The ranked engine's kernels with AVX-512 (F, BW, DQ, VL, VBMI): 64 rows, or 64 trees, per register.
#include <immintrin.h>

#include "kernels/ranked.h"

namespace arsenal::runtime {

namespace {

struct Floats {
  using T = float;
  // Thresholds of a block below x.
  static unsigned count_below(const float* block, float x) {
    return static_cast<unsigned>(
        _mm_popcnt_u32(_mm512_cmp_ps_mask(_mm512_loadu_ps(block), _mm512_set1_ps(x), _CMP_LT_OQ)));
  }
};

struct Doubles {
  using T = double;
  static unsigned count_below(const double* block, double x) {
    const __m512d wide = _mm512_set1_pd(x);
    const unsigned low = _mm512_cmp_pd_mask(_mm512_loadu_pd(block), wide, _CMP_LT_OQ);
    const unsigned high = _mm512_cmp_pd_mask(_mm512_loadu_pd(block + 8), wide, _CMP_LT_OQ);
    return static_cast<unsigned>(_mm_popcnt_u32(low | high << 8));
  }
};

template <typename V, typename T = typename V::T>
std::int8_t rank_of(const RankColumn<T>& column, T x) {
  unsigned block = 0;
  if (column.n_blocks > 1) block = V::count_below(column.pivots, x) * static_cast<unsigned>(kRankBlock);
  const unsigned below = block + V::count_below(column.thresholds + block, x);
  return static_cast<std::int8_t>(x != x ? column.nan_rank : static_cast<int>(below) + kLowestRank);
}

template <typename V, typename T = typename V::T>
void rank(const RankColumn<T>& column, const T* rows, std::int64_t width, std::size_t n_rows, std::int8_t* ranks) {
  const RankColumn<T> own = column;
  const T* x = rows + own.feature;
  for (std::size_t r = 0; r < n_rows; ++r, x += width) ranks[r] = rank_of<V>(own, *x);
}

template <typename V, typename T = typename V::T>
void rank_row(const RankColumn<T>* columns, std::size_t n_columns, const T* row, std::int8_t* ranks) {
  for (std::size_t c = 0; c < n_columns; ++c) ranks[c] = rank_of<V>(columns[c], row[columns[c].feature]);
}

void test_members(const std::uint8_t* bits, const std::uint8_t* codes, std::size_t n_rows, std::int8_t* outside) {
  const __m512i table = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)));
  const __m512i bit_of = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201ULL));
  const __m512i one = _mm512_set1_epi8(1);
  for (std::size_t r = 0; r < n_rows; r += 64) {
    const __m512i code = _mm512_loadu_si512(codes + r);
    // Byte code / 8 of the bits, and bit code % 8 of that byte.
    const __m512i index = _mm512_and_si512(_mm512_srli_epi16(code, 3), _mm512_set1_epi8(31));
    const __m512i byte = _mm512_permutexvar_epi8(index, table);
    const __m512i bit = _mm512_shuffle_epi8(bit_of, _mm512_and_si512(code, _mm512_set1_epi8(7)));
    _mm512_storeu_si512(outside + r, _mm512_maskz_mov_epi8(_mm512_testn_epi8_mask(byte, bit), one));
  }
}

// kVectors times 64 rows: several chains of dependent steps run side by side.
template <int kVectors>
void find_leaves_of(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                    std::uint8_t* leaves) {
  __m512i at[kVectors];
  for (int v = 0; v < kVectors; ++v) at[v] = _mm512_setzero_si512();
  for (std::size_t k = 0; k < n_nodes; ++k) {
    const std::int8_t* ranks = columns + nodes[k].column * stride;
    const __m512i bound = _mm512_set1_epi8(static_cast<char>(nodes[k].bound));
    const __m512i from = _mm512_set1_epi8(static_cast<char>(nodes[k].from));
    const __m512i to = _mm512_set1_epi8(static_cast<char>(nodes[k].to));
    for (int v = 0; v < kVectors; ++v) {
      const __mmask64 fails = _mm512_cmpge_epi8_mask(_mm512_loadu_si512(ranks + 64 * v), bound);
      at[v] = _mm512_mask_mov_epi8(at[v], _mm512_mask_cmpeq_epi8_mask(fails, at[v], from), to);
    }
  }
  for (int v = 0; v < kVectors; ++v) _mm512_storeu_si512(leaves + 64 * v, at[v]);
}

void find_leaves(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                 std::size_t n_rows, std::uint8_t* leaves) {
  std::size_t r = 0;
  for (; r + 192 < n_rows; r += 256) find_leaves_of<4>(nodes, n_nodes, columns + r, stride, leaves + r);
  for (; r + 64 < n_rows; r += 128) find_leaves_of<2>(nodes, n_nodes, columns + r, stride, leaves + r);
  if (r < n_rows) find_leaves_of<1>(nodes, n_nodes, columns + r, stride, leaves + r);
}

void add_leaves_float(const LeafTable<float>& table, const std::uint8_t* leaves, std::size_t n_rows, float* sums) {
  const float* values = table.values;
  const std::size_t n_leaves = table.n_leaves;
  const auto leaf_at = [leaves](std::size_t r) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(leaves + r)));
  };
  const auto add = [sums](std::size_t r, __m512 value) {
    _mm512_storeu_ps(sums + r, _mm512_add_ps(_mm512_loadu_ps(sums + r), value));
  };
  const __m512 v0 = _mm512_loadu_ps(values);
  if (n_leaves <= 16) {
    for (std::size_t r = 0; r < n_rows; r += 16) add(r, _mm512_permutexvar_ps(leaf_at(r), v0));
    return;
  }
  const __m512 v1 = _mm512_loadu_ps(values + 16);
  if (n_leaves <= 32) {
    for (std::size_t r = 0; r < n_rows; r += 16) add(r, _mm512_permutex2var_ps(v0, leaf_at(r), v1));
    return;
  }
  if (n_leaves <= 64) {
    const __m512 v2 = _mm512_loadu_ps(values + 32);
    const __m512 v3 = _mm512_loadu_ps(values + 48);
    const __m512i high = _mm512_set1_epi32(32);
    for (std::size_t r = 0; r < n_rows; r += 16) {
      const __m512i leaf = leaf_at(r);
      const __m512 lower = _mm512_permutex2var_ps(v0, leaf, v1);
      const __m512 upper = _mm512_permutex2var_ps(v2, leaf, v3);
      add(r, _mm512_mask_blend_ps(_mm512_test_epi32_mask(leaf, high), lower, upper));
    }
    return;
  }
  for (std::size_t r = 0; r < n_rows; r += 16) add(r, _mm512_i32gather_ps(leaf_at(r), values, 4));
}

void add_leaves_double(const LeafTable<double>& table, const std::uint8_t* leaves, std::size_t n_rows, double* sums) {
  const double* values = table.values;
  const std::size_t n_leaves = table.n_leaves;
  const auto leaf_at = [leaves](std::size_t r) {
    return _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(leaves + r)));
  };
  const auto add = [sums](std::size_t r, __m512d value) {
    _mm512_storeu_pd(sums + r, _mm512_add_pd(_mm512_loadu_pd(sums + r), value));
  };
  const __m512d v0 = _mm512_loadu_pd(values);
  const __m512d v1 = _mm512_loadu_pd(values + 8);
  if (n_leaves <= 16) {
    for (std::size_t r = 0; r < n_rows; r += 8) add(r, _mm512_permutex2var_pd(v0, leaf_at(r), v1));
    return;
  }
  if (n_leaves <= 32) {
    const __m512d v2 = _mm512_loadu_pd(values + 16);
    const __m512d v3 = _mm512_loadu_pd(values + 24);
    const __m512i high = _mm512_set1_epi64(16);
    for (std::size_t r = 0; r < n_rows; r += 8) {
      const __m512i leaf = leaf_at(r);
      const __m512d lower = _mm512_permutex2var_pd(v0, leaf, v1);
      const __m512d upper = _mm512_permutex2var_pd(v2, leaf, v3);
      add(r, _mm512_mask_blend_pd(_mm512_test_epi64_mask(leaf, high), lower, upper));
    }
    return;
  }
  for (std::size_t r = 0; r < n_rows; r += 8) add(r, _mm512_i64gather_pd(leaf_at(r), values, 8));
}

// The ranks of up to 64 columns fit one register, those of 128 two.
template <bool kTwo>
struct RankTable {
  explicit RankTable(const std::int8_t* ranks) : low(_mm512_loadu_si512(ranks)), high(_mm512_loadu_si512(ranks + 64)) {}

  __m512i look_up(__m512i column) const {
    return kTwo ? _mm512_permutex2var_epi8(low, column, high) : _mm512_permutexvar_epi8(column, low);
  }

  __m512i low;
  __m512i high;
};

// One step for the 64 trees of a group.
template <bool kTwo>
__m512i take_step(const RowStep& step, const RankTable<kTwo>& table, std::uint64_t failed, __m512i at) {
  const __m512i rank = table.look_up(_mm512_loadu_si512(step.column));
  const __mmask64 fails = _mm512_cmpge_epi8_mask(rank, _mm512_loadu_si512(step.bound)) | failed;
  const __mmask64 moves = _mm512_mask_cmpeq_epi8_mask(fails, at, _mm512_loadu_si512(step.from));
  return _mm512_mask_loadu_epi8(at, moves, step.to);
}

template <bool kTwo>
void find_row_leaves_of(const RowGroups& groups, const std::int8_t* ranks, const std::uint64_t* failed,
                        std::uint8_t* leaves) {
  const RankTable<kTwo> table(ranks);
  const auto failed_at = [failed](std::size_t s) { return failed == nullptr ? 0 : failed[s]; };
  std::size_t start = 0;
  std::size_t g = 0;
  // Two groups side by side, so that one computes while the other waits for its result.
  for (; g + 2 <= groups.n_groups; g += 2) {
    const std::size_t n0 = groups.n_steps[g];
    const std::size_t n1 = groups.n_steps[g + 1];
    const std::size_t both = n0 < n1 ? n0 : n1;
    const RowStep* first = groups.steps + start;
    const RowStep* second = first + n0;
    __m512i at0 = _mm512_setzero_si512();
    __m512i at1 = at0;
    std::size_t s = 0;
    for (; s < both; ++s) {
      at0 = take_step(first[s], table, failed_at(start + s), at0);
      at1 = take_step(second[s], table, failed_at(start + n0 + s), at1);
    }
    for (std::size_t rest = s; rest < n0; ++rest) at0 = take_step(first[rest], table, failed_at(start + rest), at0);
    for (std::size_t rest = s; rest < n1; ++rest) {
      at1 = take_step(second[rest], table, failed_at(start + n0 + rest), at1);
    }
    _mm512_storeu_si512(leaves + g * kGroupTrees, at0);
    _mm512_storeu_si512(leaves + (g + 1) * kGroupTrees, at1);
    start += n0 + n1;
  }
  if (g < groups.n_groups) {
    __m512i at = _mm512_setzero_si512();
    for (std::size_t s = start; s < start + groups.n_steps[g]; ++s) {
      at = take_step(groups.steps[s], table, failed_at(s), at);
    }
    _mm512_storeu_si512(leaves + g * kGroupTrees, at);
  }
}

void find_row_leaves(const RowGroups& groups, const std::int8_t* ranks, const std::uint64_t* failed,
                     std::uint8_t* leaves) {
  if (groups.n_columns <= 64) {
    find_row_leaves_of<false>(groups, ranks, failed, leaves);
  } else {
    find_row_leaves_of<true>(groups, ranks, failed, leaves);
  }
}

template <typename T>
void add_row_leaves(const T* values, const std::uint32_t* begin, const std::uint8_t* leaves, std::size_t n_trees,
                    T* lanes) {
  for (std::size_t t = 0; t < n_trees; ++t) lanes[t % 16] += values[begin[t] + leaves[t]];
}

void add_row_leaves_float(const float* values, const std::uint32_t* begin, const std::uint8_t* leaves,
                          std::size_t n_trees, float* lanes) {
  __m512 sums = _mm512_loadu_ps(lanes);
  for (std::size_t t = 0; t < n_trees; t += 16) {
    const auto there = static_cast<__mmask16>(n_trees - t >= 16 ? 0xffffU : (1U << (n_trees - t)) - 1);
    const __m512i leaf = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(leaves + t)));
    const __m512i index = _mm512_add_epi32(_mm512_maskz_loadu_epi32(there, begin + t), leaf);
    sums = _mm512_add_ps(sums, _mm512_mask_i32gather_ps(_mm512_setzero_ps(), there, index, values, 4));
  }
  _mm512_storeu_ps(lanes, sums);
}

}  // namespace

const RankedKernels<float> kRankedAvx512Float = {rank<Floats>,     rank_row<Floats>, test_members,        find_leaves,
                                                 add_leaves_float, find_row_leaves,  add_row_leaves_float};
const RankedKernels<double> kRankedAvx512Double = {rank<Doubles>,         rank_row<Doubles>, test_members,
                                                   find_leaves,           add_leaves_double, find_row_leaves,
                                                   add_row_leaves<double>};

}  // namespace arsenal::runtime
