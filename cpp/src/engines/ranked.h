// The ranked engine: exact comparisons of bytes instead of numbers, for trees of up to 256 leaves.
//
// x <= t holds exactly if the rank of x among the model's thresholds for that feature is at most the rank of t. Splits
// of one feature that send NaN to "yes" and those that send it to "no" have columns of their own, and a feature with
// more thresholds than a byte can count has several. A set of categories becomes 256 bits, one per category code.
#ifndef ARSENAL_SRC_ENGINES_RANKED_H_
#define ARSENAL_SRC_ENGINES_RANKED_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engines/engine.h"
#include "engines/ensemble.h"
#include "kernels/ranked.h"

namespace arsenal::runtime {

// How the values of a feature that is tested for membership become codes: the k-th known value has code k + 1, any
// other 0, and NaN the last one.
template <typename T>
struct CodeColumn {
  std::uint32_t feature;
  // Ascending.
  std::vector<T> values;
  // codes[v] is the code of the whole number v, for the first few numbers.
  std::vector<std::uint8_t> small_codes;

  std::uint8_t code_of(T x) const noexcept;
  std::uint8_t nan_code() const noexcept { return static_cast<std::uint8_t>(values.size() + 1); }
};

// A set of codes of one feature.
struct SetColumn {
  std::uint32_t code_column;
  std::uint8_t bits[32];
};

// The trees of an ensemble as the kernels want them.
template <typename T>
struct RankedTrees {
  // Columns 0 to rank_columns.size() - 1 are ranks, those behind them sets.
  std::vector<RankColumn<T>> rank_columns;
  std::vector<CodeColumn<T>> code_columns;
  std::vector<SetColumn> set_columns;
  std::vector<T> thresholds;
  std::vector<T> pivots;

  // Nodes of tree t: node_begin[t] to node_begin[t + 1] - 1.
  std::vector<RankedNode> nodes;
  std::vector<std::uint32_t> node_begin = {0};
  // Leaf k of tree t is leaves[leaf_begin[t] + k] of the ensemble.
  std::vector<std::uint32_t> leaves;
  std::vector<std::uint32_t> leaf_begin = {0};

  std::size_t tree_count() const noexcept { return node_begin.size() - 1; }
  std::size_t column_count() const noexcept { return rank_columns.size() + set_columns.size(); }
};

// Nothing if the ensemble has a tree of more than 256 leaves, a feature with more than 254 categories, or needs more
// columns than are worth while.
template <typename T>
std::optional<RankedTrees<T>> rank_trees(const Ensemble<T>& ensemble);

// The engine for an ensemble whose weights are summed; `trees` comes from rank_trees().
template <typename T>
std::unique_ptr<TreeEngine<T>> make_ranked_engine(const Ensemble<T>& ensemble, RankedTrees<T> trees, Isa isa);

// Whether the ranked engine can take the ensemble, apart from its trees.
template <typename T>
bool suits_ranked(const Ensemble<T>& ensemble);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_RANKED_H_
