// The deep engine: walks of many rows, or of many trees for few rows, in step; for trees too large for bit masks.
//
// Each tree lies in memory in the order of a walk: the child with more splits below it follows its parent at once, the
// other one somewhere behind. A node is then one threshold and 32 bits. All walks of a group advance by one level at a
// time; those that have arrived leave the group without a branch, so that nothing is mispredicted and the memory
// accesses of all the others overlap.
#ifndef ARSENAL_SRC_ENGINES_DEEP_H_
#define ARSENAL_SRC_ENGINES_DEEP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engines/engine.h"
#include "engines/ensemble.h"
#include "kernels/deep.h"

namespace arsenal::runtime {

// The trees of an ensemble as the kernel wants them.
template <typename T>
struct DeepTrees {
  std::vector<DeepNode<T>> nodes;
  DeepLinks links;
  // Per tree the node that it begins with, or kLeafRoot + the leaf that it consists of. Leaves are counted in the order
  // of the walk.
  static constexpr std::uint32_t kLeafRoot = std::uint32_t{1} << 31;
  std::vector<std::uint32_t> roots;
  // Slot 2n is where the near branch of node n leads if that is a leaf, slot 2n + 1 the far branch.
  std::vector<std::uint32_t> leaves;
  // What each leaf is called in the ensemble.
  std::vector<std::uint32_t> leaf_order;
  // Columns of a row behind the ensemble's own features: feature nan_features[k] with -inf for NaN. A split that sends
  // NaN to "yes" looks there.
  std::vector<std::uint32_t> nan_features;
};

// Nothing if the ensemble has sets, shared children, or more features than fit a node beside its branches.
template <typename T>
std::optional<DeepTrees<T>> lay_out_trees(const Ensemble<T>& ensemble);

// Whether the deep engine can take the ensemble, apart from its trees.
template <typename T>
bool suits_deep(const Ensemble<T>& ensemble);

template <typename T>
std::unique_ptr<TreeEngine<T>> make_deep_engine(const Ensemble<T>& ensemble, DeepTrees<T> trees, Isa isa);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_DEEP_H_
