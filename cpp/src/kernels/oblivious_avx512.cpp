// The oblivious engine's kernels with AVX-512 (F, BW, DQ, VL, VBMI): 64 rows, or 64 trees, per register.
#include <immintrin.h>

#include "kernels/bytes_avx512.h"
#include "kernels/oblivious.h"

namespace arsenal::runtime {

namespace {

using namespace avx512;

// Leaf numbers one level further down.
__m512i descend(__m512i leaf, __mmask64 passes) {
  const __m512i twice = _mm512_add_epi8(leaf, leaf);
  return _mm512_mask_sub_epi8(twice, passes, twice, _mm512_set1_epi8(-1));
}

template <typename V, typename T = typename V::T>
void sum_terms(const ObliviousTerm<T>* terms, std::size_t n_terms, const std::int8_t* columns, std::size_t stride,
               std::size_t n_rows, T* sums) {
  for (std::size_t r = 0; r < n_rows; r += 64) {
    typename V::Vector sum[V::kVectors];
    for (int v = 0; v < V::kVectors; ++v) sum[v] = V::zero();
    for (const ObliviousTerm<T>* term = terms; term != terms + n_terms; ++term) {
      __m512i leaf = _mm512_setzero_si512();
      for (std::uint32_t l = 0; l < term->n_levels; ++l) {
        const ObliviousLevel& level = term->levels[l];
        const __m512i bound = _mm512_set1_epi8(level.bounds[0]);
        leaf = descend(leaf, _mm512_cmplt_epi8_mask(_mm512_loadu_si512(columns + level.column * stride + r), bound));
      }
      typename V::Vector values[V::kVectors];
      V::values_of(term->leaves, leaf, values);
      for (int v = 0; v < V::kVectors; ++v) sum[v] = V::add(sum[v], values[v]);
    }
    for (int v = 0; v < V::kVectors; ++v) V::store(sums + r + v * (64 / V::kVectors), sum[v]);
  }
}

template <bool kTwo>
void find_row_leaves_of(const ObliviousGroups& groups, const std::int8_t* columns, std::uint8_t* leaves) {
  const ColumnTable<kTwo> table(columns);
  const ObliviousStep* step = groups.steps;
  for (std::size_t g = 0; g < groups.n_groups; ++g, leaves += kObliviousGroup) {
    __m512i leaf = _mm512_setzero_si512();
    for (const ObliviousStep* const end = step + groups.n_steps[g]; step != end; ++step) {
      const __m512i byte = table.look_up(_mm512_loadu_si512(step->column));
      leaf = descend(leaf, _mm512_cmplt_epi8_mask(byte, _mm512_loadu_si512(step->bound)));
    }
    _mm512_storeu_si512(leaves, leaf);
  }
}

void find_row_leaves(const ObliviousGroups& groups, const std::int8_t* columns, std::uint8_t* leaves) {
  if (groups.n_columns <= 64) {
    find_row_leaves_of<false>(groups, columns, leaves);
  } else {
    find_row_leaves_of<true>(groups, columns, leaves);
  }
}

}  // namespace

const ObliviousKernels<float> kObliviousAvx512Float = {sum_terms<Floats>, find_row_leaves};
const ObliviousKernels<double> kObliviousAvx512Double = {sum_terms<Doubles>, find_row_leaves};

}  // namespace arsenal::runtime
