// The walking engine: eight trees at a time for one row, so that their memory accesses overlap.
#include <algorithm>
#include <cstring>

#include "engines/engine.h"
#include "engines/lanes.h"

namespace arsenal::runtime {

namespace {

constexpr std::size_t kTogether = 8;

// One split in as few bytes as can be; `feature` also holds two flags.
template <typename T>
struct WalkNode {
  static constexpr std::uint32_t kNanYes = 1U << 31;
  static constexpr std::uint32_t kMember = 1U << 30;
  static constexpr std::uint32_t kFeature = kMember - 1;

  T threshold;
  std::uint32_t feature;
  // Where to go: [0] if the test holds, [1] if not.
  Branch next[2];
};

template <typename T>
class WalkEngine final : public TreeEngine<T> {
 public:
  explicit WalkEngine(const Ensemble<T>& ensemble) : ensemble_(ensemble), leaf_values_(single_values(ensemble)) {
    for (const Split<T>& split : ensemble_.splits) {
      WalkNode<T> node{split.threshold, split.feature, {split.yes, split.no}};
      if (split.nan_yes) node.feature |= WalkNode<T>::kNanYes;
      if (split.set != Split<T>::kNoSet) {
        node.feature |= WalkNode<T>::kMember;
        has_members_ = true;
      }
      nodes_.push_back(node);
    }
  }

  const char* name() const noexcept override { return "walk"; }

  std::size_t scratch_bytes(std::int64_t) const noexcept override {
    return leaf_values_.empty() ? RowScore<T>::scratch_bytes(ensemble_.n_targets) : 0;
  }

  void evaluate(const T* rows, std::int64_t n_rows, std::int64_t width, const Scores<T>& scores,
                void* scratch) const noexcept override {
    const std::size_t n_targets = ensemble_.n_targets;
    for (std::int64_t r = 0; r < n_rows; ++r) {
      const T* row = rows + r * width;
      T* values = scores.values + static_cast<std::size_t>(r) * n_targets;
      std::uint8_t* touched =
          scores.touched == nullptr ? nullptr : scores.touched + static_cast<std::size_t>(r) * n_targets;
      if (!leaf_values_.empty()) {
        RowSum<T> sum(leaf_values_.data());
        walk_all(row, sum);
        values[0] = sum.finish();
        if (touched != nullptr) touched[0] = !ensemble_.roots.empty();
      } else {
        RowScore<T> score(ensemble_, static_cast<T*>(scratch), values, touched);
        walk_all(row, score);
        score.finish();
      }
    }
  }

 private:
  template <typename Score>
  void walk_all(const T* row, Score& score) const noexcept {
    if (has_members_) {
      walk_trees<true>(row, score);
    } else {
      walk_trees<false>(row, score);
    }
  }

  template <bool kMembers, typename Score>
  void walk_trees(const T* row, Score& score) const noexcept {
    const std::size_t n_trees = ensemble_.roots.size();
    std::size_t tree = 0;
    // Without any split there may be no feature to look at either.
    for (; nodes_.empty() && tree < n_trees; ++tree)
      score.add(tree, static_cast<std::uint32_t>(~ensemble_.roots[tree]));
    for (; tree + kTogether <= n_trees; tree += kTogether) walk<kTogether, kMembers>(row, tree, score);
    for (; tree < n_trees; ++tree) walk<1, kMembers>(row, tree, score);
  }

  // Takes kCount trees down to their leaves in step.
  template <std::size_t kCount, bool kMembers, typename Score>
  void walk(const T* row, std::size_t tree, Score& score) const noexcept {
    Branch at[kCount];
    std::memcpy(at, ensemble_.roots.data() + tree, sizeof(at));
    Branch all_done;
    do {
      all_done = -1;
      for (std::size_t k = 0; k < kCount; ++k) {
        // A tree that has reached its leaf stays there; it looks at node 0 for nothing.
        const Branch here = at[k];
        const Branch next = step<kMembers>(row, static_cast<std::size_t>(std::max(here, 0)));
        at[k] = here < 0 ? here : next;
        all_done &= at[k];
      }
    } while (all_done >= 0);
    for (std::size_t k = 0; k < kCount; ++k) score.add(tree + k, static_cast<std::uint32_t>(~at[k]));
  }

  template <bool kMembers>
  Branch step(const T* row, std::size_t index) const noexcept {
    const WalkNode<T>& node = nodes_[index];
    const T x = row[node.feature & WalkNode<T>::kFeature];
    bool yes = x <= node.threshold;
    if (kMembers && (node.feature & WalkNode<T>::kMember) != 0) yes = is_member(x, index);
    yes |= (x != x) & ((node.feature & WalkNode<T>::kNanYes) != 0);
    return node.next[yes ? 0 : 1];
  }

  bool is_member(T x, std::size_t index) const noexcept {
    const std::uint32_t set = ensemble_.splits[index].set;
    const T* first = ensemble_.set_values.data() + ensemble_.set_begin[set];
    const T* last = ensemble_.set_values.data() + ensemble_.set_begin[set + 1];
    return x == x && std::binary_search(first, last, x);
  }

  const Ensemble<T> ensemble_;
  std::vector<T> leaf_values_;
  std::vector<WalkNode<T>> nodes_;
  bool has_members_ = false;
};

}  // namespace

template <typename T>
std::unique_ptr<TreeEngine<T>> make_walk_engine(const Ensemble<T>& ensemble) {
  return std::make_unique<WalkEngine<T>>(ensemble);
}

template std::unique_ptr<TreeEngine<float>> make_walk_engine(const Ensemble<float>&);
template std::unique_ptr<TreeEngine<double>> make_walk_engine(const Ensemble<double>&);

}  // namespace arsenal::runtime
