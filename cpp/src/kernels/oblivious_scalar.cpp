// The oblivious engine's kernels in portable code: what all others must equal.
#include "kernels/oblivious.h"

namespace arsenal::runtime {

namespace {

// Rows whose leaf numbers are found together: the compiler uses what vectors there are.
constexpr std::size_t kTogether = 64;

// The branch of the next level.
std::uint8_t below(std::uint8_t leaf, std::int8_t value, std::int8_t bound) {
  return static_cast<std::uint8_t>(2 * leaf + (value < bound ? 1 : 0));
}

template <typename T>
void sum_terms(const ObliviousTerm<T>* terms, std::size_t n_terms, const std::int8_t* columns, std::size_t stride,
               std::size_t n_rows, T* sums) {
  for (std::size_t r = 0; r < n_rows; r += kTogether) {
    for (std::size_t i = 0; i < kTogether; ++i) sums[r + i] = 0;
    for (const ObliviousTerm<T>* term = terms; term != terms + n_terms; ++term) {
      std::uint8_t leaf[kTogether] = {};
      for (std::size_t l = 0; l < term->n_levels; ++l) {
        const std::int8_t* column = columns + term->levels[l].column * stride + r;
        for (std::size_t i = 0; i < kTogether; ++i) leaf[i] = below(leaf[i], column[i], term->levels[l].bounds[0]);
      }
      for (std::size_t i = 0; i < kTogether; ++i) sums[r + i] += term->leaves.values[leaf[i]];
    }
  }
}

void find_row_leaves(const ObliviousGroups& groups, const std::int8_t* columns, std::uint8_t* leaves) {
  const ObliviousStep* step = groups.steps;
  for (std::size_t g = 0; g < groups.n_groups; ++g, leaves += kObliviousGroup) {
    for (std::size_t t = 0; t < kObliviousGroup; ++t) leaves[t] = 0;
    for (const ObliviousStep* const end = step + groups.n_steps[g]; step != end; ++step) {
      for (std::size_t t = 0; t < kObliviousGroup; ++t) {
        leaves[t] = below(leaves[t], columns[step->column[t]], step->bound[t]);
      }
    }
  }
}

}  // namespace

const ObliviousKernels<float> kObliviousScalarFloat = {sum_terms<float>, find_row_leaves};
const ObliviousKernels<double> kObliviousScalarDouble = {sum_terms<double>, find_row_leaves};

}  // namespace arsenal::runtime
