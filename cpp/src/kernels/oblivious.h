// The kernels of the oblivious engine (engines/oblivious.h), one table per instruction set, all with the same results.
//
// A column holds one byte per row, as for the ranked engine (kernels/ranked.h). Each level of a tree has one test for
// all its nodes, so that the tests a row passes, first one on top, are the bits of its leaf's number.
#ifndef ARSENAL_SRC_KERNELS_OBLIVIOUS_H_
#define ARSENAL_SRC_KERNELS_OBLIVIOUS_H_

#include <cstddef>
#include <cstdint>

#include "isa.h"
#include "kernels/leaves.h"

namespace arsenal::runtime {

// One level's test, which holds if the column's byte is below the bound.
struct ObliviousLevel {
  std::uint32_t column;
  // The bound, four times.
  std::int8_t bounds[4];
};

// A tree and what its leaves add to one target.
template <typename T>
struct ObliviousTerm {
  const ObliviousLevel* levels;
  std::uint32_t n_levels;
  LeafTable<T> leaves;
};

// The same for one row and kObliviousGroup trees at a time: the trees' last levels are the last steps of their group.
constexpr std::size_t kObliviousGroup = 64;

struct ObliviousStep {
  std::uint8_t column[kObliviousGroup];
  std::int8_t bound[kObliviousGroup];
};

struct ObliviousGroups {
  // All groups' steps, one group after the other.
  const ObliviousStep* steps;
  // Steps of each group.
  const std::uint32_t* n_steps;
  std::size_t n_groups;
  std::size_t n_columns;
};

template <typename T>
struct ObliviousKernels {
  // sums[r] = the values of the leaves that row r reaches, added to +0 term by term. Columns lie `stride` bytes apart.
  // They are read, and sums are written, up to the next multiple of 64 rows.
  void (*sum_terms)(const ObliviousTerm<T>* terms, std::size_t n_terms, const std::int8_t* columns, std::size_t stride,
                    std::size_t n_rows, T* sums);

  // Leaf numbers of all trees for one row. `columns` has kRowColumns bytes.
  void (*find_row_leaves)(const ObliviousGroups& groups, const std::int8_t* columns, std::uint8_t* leaves);
};

template <typename T>
const ObliviousKernels<T>& oblivious_kernels(Isa isa) noexcept;

// The tables that oblivious_kernels() chooses from.
extern const ObliviousKernels<float> kObliviousScalarFloat;
extern const ObliviousKernels<double> kObliviousScalarDouble;
extern const ObliviousKernels<float> kObliviousAvx2Float;
extern const ObliviousKernels<double> kObliviousAvx2Double;
extern const ObliviousKernels<float> kObliviousAvx512Float;
extern const ObliviousKernels<double> kObliviousAvx512Double;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_OBLIVIOUS_H_
