#include "engines/ensemble.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "failure.h"

namespace arsenal::runtime {

template <typename T>
void Ensemble<T>::add_set(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  set_values.insert(set_values.end(), values.begin(), values.end());
  set_begin.push_back(static_cast<std::uint32_t>(set_values.size()));
}

template <typename T>
void Ensemble<T>::add_split(NodeMode mode, std::uint32_t feature, T value, bool nan_is_true, Branch if_true,
                            Branch if_false) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  Split<T> split{value, feature, Split<T>::kNoSet, if_true, if_false, nan_is_true};
  const auto negate = [&] {
    std::swap(split.yes, split.no);
    split.nan_yes = !split.nan_yes;
  };
  // A test that nothing passes.
  const auto never = [&] {
    add_set({});
    split.set = static_cast<std::uint32_t>(set_count() - 1);
  };
  const bool below_all = value == -kInfinity;
  switch (mode) {
    case NodeMode::kLeq:
      if (std::isnan(value)) never();
      break;
    case NodeMode::kLt:
      // x < t is x <= the number before t.
      if (std::isnan(value) || below_all) {
        never();
      } else {
        split.threshold = std::nextafter(value, -kInfinity);
      }
      break;
    case NodeMode::kGte:
      if (std::isnan(value)) {
        never();
      } else if (below_all) {
        negate();
        never();
      } else {
        negate();
        split.threshold = std::nextafter(value, -kInfinity);
      }
      break;
    case NodeMode::kGt:
      if (std::isnan(value)) {
        never();
      } else {
        negate();
      }
      break;
    case NodeMode::kEq:
    case NodeMode::kNeq:
      if (std::isnan(value)) {
        never();
      } else {
        add_set({value});
        split.set = static_cast<std::uint32_t>(set_count() - 1);
      }
      if (mode == NodeMode::kNeq) {
        // NaN differs from every number, so it goes where "true" leads, unless its flag alone decides.
        std::swap(split.yes, split.no);
        split.nan_yes = nan_follows_flag && !nan_is_true;
      }
      break;
    case NodeMode::kMember:
      split.set = static_cast<std::uint32_t>(set_count() - 1);
      break;
  }
  n_features = std::max(n_features, std::size_t{feature} + 1);
  splits.push_back(split);
}

template <typename T>
bool children_follow(const Ensemble<T>& ensemble) noexcept {
  // Leaves are negative, which as unsigned is beyond all splits.
  using Unsigned = std::make_unsigned_t<Branch>;
  bool follow = true;
  for (std::size_t i = 0; i < ensemble.splits.size(); ++i) {
    const auto at = static_cast<Unsigned>(i);
    const Split<T>& split = ensemble.splits[i];
    follow = follow & (static_cast<Unsigned>(split.yes) > at) & (static_cast<Unsigned>(split.no) > at);
  }
  return follow;
}

namespace {

void check_depth(std::uint32_t depth, std::size_t tree, const Limits& limits) {
  if (depth > limits.max_tree_depth) {
    fail(ARSENAL_LIMIT_EXCEEDED, "tree %zu is deeper than max_tree_depth = %u", tree, limits.max_tree_depth);
  }
}

// check_ensemble() where children follow their parents: then there are no cycles, and no walk is needed.
template <typename T>
std::size_t check_in_order(Ensemble<T>& ensemble, const Limits& limits) {
  std::vector<std::uint32_t> heights(ensemble.splits.size() + 1);
  std::vector<std::uint8_t> reached(ensemble.splits.size() + 1);
  for (std::size_t i = ensemble.splits.size(); i-- > 0;) {
    const Split<T>& split = ensemble.splits[i];
    heights[i + 1] = 1 + std::max(heights[slot_of(split.yes)], heights[slot_of(split.no)]);
  }
  for (std::size_t tree = 0; tree < ensemble.roots.size(); ++tree) {
    const std::size_t root = slot_of(ensemble.roots[tree]);
    check_depth(heights[root], tree, limits);
    ensemble.depths.push_back(heights[root]);
    reached[root] = 1;
  }
  std::size_t count = 0;
  for (std::size_t i = 0; i < ensemble.splits.size(); ++i) {
    const Split<T>& split = ensemble.splits[i];
    const std::uint8_t here = reached[i + 1];
    count += here;
    reached[slot_of(split.yes)] |= here;
    reached[slot_of(split.no)] |= here;
  }
  return count;
}

}  // namespace

template <typename T>
std::size_t check_ensemble(Ensemble<T>& ensemble, const Limits& limits) {
  constexpr std::uint32_t kUnseen = UINT32_MAX;
  constexpr std::uint32_t kOpen = UINT32_MAX - 1;
  const auto exists = [&](Branch branch) {
    return branch >= 0 ? static_cast<std::size_t>(branch) < ensemble.splits.size()
                       : static_cast<std::size_t>(~branch) < ensemble.leaf_count();
  };
  for (const Split<T>& split : ensemble.splits) {
    if (!exists(split.yes) || !exists(split.no))
      fail(ARSENAL_INVALID_MODEL, "a branch leads to a node that is not there");
  }
  for (std::size_t tree = 0; tree < ensemble.roots.size(); ++tree) {
    if (!exists(ensemble.roots[tree])) fail(ARSENAL_INVALID_MODEL, "the root of tree %zu is not there", tree);
  }
  ensemble.depths.clear();
  if (children_follow(ensemble)) return check_in_order(ensemble, limits);
  // Edges below each split. A walk over the splits with an explicit stack: trees may be deeper than ours.
  std::vector<std::uint32_t> heights(ensemble.splits.size(), kUnseen);
  std::vector<Branch> stack;
  const auto height_of = [&](Branch branch) { return branch < 0 ? 0 : heights[static_cast<std::size_t>(branch)]; };
  std::size_t reached = 0;
  for (std::size_t tree = 0; tree < ensemble.roots.size(); ++tree) {
    const Branch root = ensemble.roots[tree];
    if (height_of(root) == kUnseen) stack.push_back(root);
    while (!stack.empty()) {
      const auto at = static_cast<std::size_t>(stack.back());
      const Split<T>& split = ensemble.splits[at];
      if (heights[at] == kUnseen) {
        heights[at] = kOpen;
        for (const Branch child : {split.yes, split.no}) {
          if (height_of(child) == kOpen) fail(ARSENAL_INVALID_MODEL, "tree %zu has a cycle", tree);
          if (height_of(child) == kUnseen) stack.push_back(child);
        }
        continue;
      }
      stack.pop_back();
      // A shared child may have been on the stack twice.
      if (heights[at] != kOpen) continue;
      ++reached;
      heights[at] = 1 + std::max(height_of(split.yes), height_of(split.no));
      check_depth(heights[at], tree, limits);
    }
    ensemble.depths.push_back(height_of(root));
  }
  return reached;
}

template struct Ensemble<float>;
template struct Ensemble<double>;
template bool children_follow(const Ensemble<float>&) noexcept;
template bool children_follow(const Ensemble<double>&) noexcept;
template std::size_t check_ensemble(Ensemble<float>&, const Limits&);
template std::size_t check_ensemble(Ensemble<double>&, const Limits&);

}  // namespace arsenal::runtime
