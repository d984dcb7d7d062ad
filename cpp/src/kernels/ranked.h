// The kernels of the ranked engine (engines/ranked.h), one table per instruction set, all with the same results.
//
// A column holds one byte per row: the rank of a feature among thresholds of the model. Comparing bytes then takes the
// same branches as comparing the numbers did. Bytes have a sign, since AVX2 compares no others at once. A tree is a
// list of nodes in pre-order; its leaves are numbered from left
// ("yes") to right. A row starts at leaf 0. A node sends rows that fail its test from its leftmost leaf, `from`, to the
// leftmost leaf of its "no" branch, `to`. Rows that are not at `from` when a node comes up are not below that node,
// so the last number a row gets is the leaf it belongs to.
//
// The files that implement this for an instruction set are compiled with its flags. They use nothing from the standard
// library, so that no function with such instructions can replace a portable one at link time.
#ifndef ARSENAL_SRC_KERNELS_RANKED_H_
#define ARSENAL_SRC_KERNELS_RANKED_H_

#include <cstddef>
#include <cstdint>

#include "isa.h"
#include "kernels/leaves.h"

namespace arsenal::runtime {

// Most rows in a tile: what the kernels work on at a time.
constexpr std::size_t kTileRows = 256;
// Trees that the kernel for single rows works on at a time.
constexpr std::size_t kGroupTrees = 64;
// Most columns that it can look up.
constexpr std::size_t kRowColumns = 128;
// Thresholds are searched in blocks of this many.
constexpr std::size_t kRankBlock = 16;

// Ranks go from here on. No rank is above kHighestRank, so that everything is below kNoBound.
constexpr std::int8_t kLowestRank = INT8_MIN;
constexpr std::int8_t kNoBound = INT8_MAX;
constexpr std::int8_t kHighestRank = kNoBound - 1;

// How a feature becomes a rank: kLowestRank plus the number of thresholds below it; NaN becomes nan_rank.
template <typename T>
struct RankColumn {
  // Ascending, filled up to blocks of kRankBlock with +inf.
  const T* thresholds;
  // kRankBlock numbers: the last threshold of each block but the last, then +inf.
  const T* pivots;
  std::uint32_t feature;
  std::uint32_t n_blocks;
  std::int8_t nan_rank;
};

struct RankedNode {
  std::uint16_t column;
  // The test holds if the column's byte is below this.
  std::int8_t bound;
  std::uint8_t from;
  std::uint8_t to;
};

// The same for one row and 64 trees at a time: step s of a group handles node s of each of its trees.
struct RowStep {
  std::uint8_t column[kGroupTrees];
  std::int8_t bound[kGroupTrees];
  std::uint8_t from[kGroupTrees];
  std::uint8_t to[kGroupTrees];
};

struct RowGroups {
  // All groups' steps, one group after the other.
  const RowStep* steps;
  // Steps of each group.
  const std::uint32_t* n_steps;
  std::size_t n_groups;
  std::size_t n_columns;
};

template <typename T>
struct RankedKernels {
  // Ranks of n_rows <= 64 rows that lie `width` elements apart; the first one's feature 0 is at `rows`.
  void (*rank)(const RankColumn<T>& column, const T* rows, std::int64_t width, std::size_t n_rows, std::int8_t* ranks);

  // Ranks of one row for all columns.
  void (*rank_row)(const RankColumn<T>* columns, std::size_t n_columns, const T* row, std::int8_t* ranks);

  // 0 for each row of which bit codes[r] of the 256 bits is set, else 1. `outside` may be written up to the next
  // multiple of 64.
  void (*test_members)(const std::uint8_t* bits, const std::uint8_t* codes, std::size_t n_rows, std::int8_t* outside);

  // Leaf numbers of one tree for a tile of n_rows, of which the columns lie `stride` bytes apart. Columns are read and
  // `leaves` is written up to the next multiple of 64 rows.
  void (*find_leaves)(const RankedNode* nodes, std::size_t n_nodes, const std::int8_t* columns, std::size_t stride,
                      std::size_t n_rows, std::uint8_t* leaves);

  // sums[r] += table.values[leaves[r]]. Sums are written up to the next multiple of 64 rows.
  void (*add_leaves)(const LeafTable<T>& table, const std::uint8_t* leaves, std::size_t n_rows, T* sums);

  // Leaf numbers of all trees for one row. ranks has kRowColumns bytes. Bit t of failed[s], over the steps of all
  // groups, says that tree t's node of step s fails whatever the rank; nullptr: none does. nullptr: this set has no
  // such kernel.
  void (*find_row_leaves)(const RowGroups& groups, const std::int8_t* ranks, const std::uint64_t* failed,
                          std::uint8_t* leaves);

  // lanes[t % 16] += values[begin[t] + leaves[t]] for all trees t, in order. `leaves` is read up to the next multiple
  // of 16 trees.
  void (*add_row_leaves)(const T* values, const std::uint32_t* begin, const std::uint8_t* leaves, std::size_t n_trees,
                         T* lanes);
};

template <typename T>
const RankedKernels<T>& ranked_kernels(Isa isa) noexcept;

// The tables that ranked_kernels() chooses from.
extern const RankedKernels<float> kRankedScalarFloat;
extern const RankedKernels<double> kRankedScalarDouble;
extern const RankedKernels<float> kRankedAvx2Float;
extern const RankedKernels<double> kRankedAvx2Double;
extern const RankedKernels<float> kRankedAvx512Float;
extern const RankedKernels<double> kRankedAvx512Double;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_RANKED_H_
