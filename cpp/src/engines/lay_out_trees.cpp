// Trees in the order in which the deep engine walks them.
#include <algorithm>
#include <unordered_map>

#include "engines/deep.h"

namespace arsenal::runtime {

namespace {

// Number of splits in the subtree below and including each split; empty if a split has several parents.
template <typename T>
std::vector<std::uint32_t> subtree_sizes(const Ensemble<T>& ensemble) {
  std::vector<std::uint32_t> sizes(ensemble.splits.size(), 0);
  std::vector<Branch> order;
  order.reserve(sizes.size());
  for (const Branch root : ensemble.roots) {
    if (root < 0) continue;
    std::size_t next = order.size();
    order.push_back(root);
    for (; next < order.size(); ++next) {
      const auto at = static_cast<std::size_t>(order[next]);
      if (sizes[at]++ != 0) return {};
      for (const Branch child : {ensemble.splits[at].yes, ensemble.splits[at].no}) {
        if (child >= 0) order.push_back(child);
      }
    }
  }
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const Split<T>& split = ensemble.splits[static_cast<std::size_t>(*at)];
    for (const Branch child : {split.yes, split.no}) {
      if (child >= 0) sizes[static_cast<std::size_t>(*at)] += sizes[static_cast<std::size_t>(child)];
    }
  }
  return sizes;
}

std::uint32_t bit_width(std::uint64_t value) noexcept {
  std::uint32_t width = 0;
  for (; value != 0; value >>= 1) ++width;
  return width;
}

}  // namespace

template <typename T>
bool suits_deep(const Ensemble<T>& ensemble) {
  const bool sums = ensemble.aggregate == Aggregate::kSum || ensemble.aggregate == Aggregate::kAverage;
  // Slots and flagged roots are 32 bits wide.
  constexpr std::size_t kMost = std::size_t{1} << 30;
  return sums && !ensemble.splits.empty() && ensemble.set_count() == 0 && ensemble.splits.size() < kMost &&
         ensemble.leaf_count() < kMost;
}

template <typename T>
std::optional<DeepTrees<T>> lay_out_trees(const Ensemble<T>& ensemble) {
  const std::vector<std::uint32_t> sizes = subtree_sizes(ensemble);
  if (sizes.size() != ensemble.splits.size()) return std::nullopt;
  DeepTrees<T> trees;

  std::unordered_map<std::uint32_t, std::uint32_t> nan_columns;
  for (const Split<T>& split : ensemble.splits) {
    if (!split.nan_yes) continue;
    const auto column = static_cast<std::uint32_t>(ensemble.n_features + trees.nan_features.size());
    if (nan_columns.emplace(split.feature, column).second) trees.nan_features.push_back(split.feature);
  }

  // A far branch jumps over all the splits of the near one.
  const std::uint32_t largest = sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end());
  const std::size_t n_columns = ensemble.n_features + trees.nan_features.size();
  trees.links.column_bits = bit_width(n_columns == 0 ? 0 : n_columns - 1);
  if (trees.links.column_bits + bit_width(largest) > DeepLinks::kPayloadBits) return std::nullopt;

  trees.nodes.reserve(ensemble.splits.size());
  trees.leaves.reserve(2 * ensemble.splits.size());
  const auto add_leaf = [&](Branch leaf) {
    trees.leaf_order.push_back(static_cast<std::uint32_t>(~leaf));
    return static_cast<std::uint32_t>(trees.leaf_order.size() - 1);
  };
  std::vector<Branch> stack;
  for (const Branch root : ensemble.roots) {
    if (root < 0) {
      trees.roots.push_back(DeepTrees<T>::kLeafRoot + add_leaf(root));
      continue;
    }
    trees.roots.push_back(static_cast<std::uint32_t>(trees.nodes.size()));
    stack.push_back(root);
    while (!stack.empty()) {
      const Split<T>& split = ensemble.splits[static_cast<std::size_t>(stack.back())];
      stack.pop_back();
      const auto size = [&](Branch child) { return child < 0 ? 0U : sizes[static_cast<std::size_t>(child)]; };
      const bool near_is_yes = size(split.yes) >= size(split.no);
      const Branch near = near_is_yes ? split.yes : split.no;
      const Branch far = near_is_yes ? split.no : split.yes;
      const std::uint32_t column = split.nan_yes ? nan_columns.at(split.feature) : split.feature;
      trees.nodes.push_back(
          {split.threshold, column | size(near) << trees.links.column_bits | (near_is_yes ? DeepLinks::kFarIsNo : 0) |
                                (near < 0 ? DeepLinks::kNearLeaf : 0) | (far < 0 ? DeepLinks::kFarLeaf : 0)});
      trees.leaves.push_back(near < 0 ? add_leaf(near) : 0);
      trees.leaves.push_back(far < 0 ? add_leaf(far) : 0);
      if (far >= 0) stack.push_back(far);
      if (near >= 0) stack.push_back(near);
    }
  }
  return trees;
}

template bool suits_deep(const Ensemble<float>&);
template bool suits_deep(const Ensemble<double>&);
template std::optional<DeepTrees<float>> lay_out_trees(const Ensemble<float>&);
template std::optional<DeepTrees<double>> lay_out_trees(const Ensemble<double>&);

}  // namespace arsenal::runtime
