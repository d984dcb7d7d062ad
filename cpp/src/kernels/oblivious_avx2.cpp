// The oblivious engine's kernels with AVX2: 32 rows, or 32 trees, per register.
#include <immintrin.h>

#include "kernels/bytes_avx2.h"
#include "kernels/oblivious.h"

namespace arsenal::runtime {

namespace {

using namespace avx2;

// Leaf numbers one level further down; `passes` is -1 where the test holds.
__m256i descend(__m256i leaf, __m256i passes) { return _mm256_sub_epi8(_mm256_add_epi8(leaf, leaf), passes); }

__m256i bound_of(const ObliviousLevel& level) {
  int bounds;
  __builtin_memcpy(&bounds, level.bounds, 4);
  return _mm256_set1_epi32(bounds);
}

template <typename V, typename T = typename V::T>
void sum_terms(const ObliviousTerm<T>* terms, std::size_t n_terms, const std::int8_t* columns, std::size_t stride,
               std::size_t n_rows, T* sums) {
  for (std::size_t r = 0; r < n_rows; r += 32) {
    typename V::Vector sum[V::kVectors];
    for (int v = 0; v < V::kVectors; ++v) sum[v] = V::zero();
    for (const ObliviousTerm<T>* term = terms; term != terms + n_terms; ++term) {
      __m256i leaf = _mm256_setzero_si256();
      for (std::uint32_t l = 0; l < term->n_levels; ++l) {
        const ObliviousLevel& level = term->levels[l];
        leaf = descend(leaf, _mm256_cmpgt_epi8(bound_of(level), load(columns + level.column * stride + r)));
      }
      typename V::Vector values[V::kVectors];
      V::values_of(term->leaves, leaf, values);
      for (int v = 0; v < V::kVectors; ++v) sum[v] = V::add(sum[v], values[v]);
    }
    for (int v = 0; v < V::kVectors; ++v) V::store(sums + r + v * (32 / V::kVectors), sum[v]);
  }
}

void find_row_leaves(const ObliviousGroups& groups, const std::int8_t* columns, std::uint8_t* leaves) {
  const ObliviousStep* step = groups.steps;
  for (std::size_t g = 0; g < groups.n_groups; ++g, leaves += kObliviousGroup) {
    __m256i low = _mm256_setzero_si256();
    __m256i high = low;
    for (const ObliviousStep* const end = step + groups.n_steps[g]; step != end; ++step) {
      const __m256i low_byte = look_up(columns, groups.n_columns, load(step->column));
      const __m256i high_byte = look_up(columns, groups.n_columns, load(step->column + 32));
      low = descend(low, _mm256_cmpgt_epi8(load(step->bound), low_byte));
      high = descend(high, _mm256_cmpgt_epi8(load(step->bound + 32), high_byte));
    }
    store(leaves, low);
    store(leaves + 32, high);
  }
}

}  // namespace

const ObliviousKernels<float> kObliviousAvx2Float = {sum_terms<Floats>, find_row_leaves};
const ObliviousKernels<double> kObliviousAvx2Double = {sum_terms<Doubles>, find_row_leaves};

}  // namespace arsenal::runtime
