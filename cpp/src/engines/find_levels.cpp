// From ranked trees to the one question of each of their levels.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engines/oblivious.h"

namespace arsenal::runtime {

namespace {

template <typename T>
class LevelFinder {
 public:
  LevelFinder(const Ensemble<T>& ensemble, const RankedTrees<T>& ranked) : ensemble_(ensemble), ranked_(ranked) {}

  std::optional<ObliviousTrees> find() {
    for (std::size_t t = 0; t < ranked_.tree_count(); ++t) {
      if (!add_levels(t) || !add_targets(t)) return std::nullopt;
    }
    return std::move(trees_);
  }

 private:
  bool add_levels(std::size_t tree) {
    levels_.clear();
    next_node_ = ranked_.node_begin[tree];
    if (!is_symmetric(0, ranked_.leaf_begin[tree + 1] - ranked_.leaf_begin[tree], 0)) return false;
    for (const RankedNode& node : levels_) {
      ObliviousLevel level{node.column, {}};
      std::fill(std::begin(level.bounds), std::end(level.bounds), node.bound);
      trees_.levels.push_back(level);
    }
    trees_.level_begin.push_back(static_cast<std::uint32_t>(trees_.levels.size()));
    return true;
  }

  // Whether the next nodes, in pre-order, are a full tree over `n_leaves` leaves from `first` on that asks what levels_
  // ask from `depth` on. Adds levels that are not there yet.
  bool is_symmetric(std::uint32_t first, std::uint32_t n_leaves, std::size_t depth) {
    if (n_leaves == 1) return true;
    const RankedNode& node = ranked_.nodes[next_node_++];
    const std::uint32_t half = n_leaves / 2;
    if (n_leaves % 2 != 0 || node.from != first || node.to != first + half) return false;
    if (depth == levels_.size()) levels_.push_back(node);
    if (node.column != levels_[depth].column || node.bound != levels_[depth].bound) return false;
    return is_symmetric(first, half, depth + 1) && is_symmetric(first + half, half, depth + 1);
  }

  bool add_targets(std::size_t tree) {
    const std::uint32_t* leaf = ranked_.leaves.data() + ranked_.leaf_begin[tree];
    const std::uint32_t* const end = ranked_.leaves.data() + ranked_.leaf_begin[tree + 1];
    const std::vector<std::uint32_t> targets = targets_of(*leaf);
    std::vector<std::uint32_t> sorted = targets;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return false;
    while (++leaf != end) {
      if (targets_of(*leaf) != targets) return false;
    }
    trees_.targets.insert(trees_.targets.end(), targets.begin(), targets.end());
    trees_.target_begin.push_back(static_cast<std::uint32_t>(trees_.targets.size()));
    return true;
  }

  std::vector<std::uint32_t> targets_of(std::uint32_t leaf) const {
    std::vector<std::uint32_t> targets;
    for (std::uint32_t i = ensemble_.leaf_begin[leaf]; i < ensemble_.leaf_begin[leaf + 1]; ++i) {
      targets.push_back(ensemble_.weights[i].target);
    }
    return targets;
  }

  const Ensemble<T>& ensemble_;
  const RankedTrees<T>& ranked_;
  ObliviousTrees trees_;
  // The first node of each level of the tree at hand.
  std::vector<RankedNode> levels_;
  std::size_t next_node_ = 0;
};

}  // namespace

template <typename T>
std::optional<ObliviousTrees> find_levels(const Ensemble<T>& ensemble, const RankedTrees<T>& ranked) {
  return LevelFinder<T>(ensemble, ranked).find();
}

template std::optional<ObliviousTrees> find_levels(const Ensemble<float>&, const RankedTrees<float>&);
template std::optional<ObliviousTrees> find_levels(const Ensemble<double>&, const RankedTrees<double>&);

}  // namespace arsenal::runtime
