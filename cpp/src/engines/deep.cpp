#include "engines/deep.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "engines/lanes.h"

namespace arsenal::runtime {

namespace {

// Walks that go in step. More of them hide more of the memory's latency and share a tree's nodes in the cache, until
// their own rows no longer fit in it.
constexpr std::size_t kMostWalks = 2048;
// Where there are fewer rows than this, trees are walked together.
constexpr std::size_t kFewWalks = 256;
// Memory for the sums of one group of rows.
constexpr std::size_t kMostLaneBytes = std::size_t{1} << 20;

std::size_t padded(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

template <typename T>
class DeepEngine final : public TreeEngine<T> {
 public:
  DeepEngine(const Ensemble<T>& ensemble, DeepTrees<T> trees, Isa isa)
      : trees_(std::move(trees)),
        walk_(deep_kernel<T>(isa)),
        n_targets_(ensemble.n_targets),
        n_features_(ensemble.n_features) {
    take_weights(ensemble);
  }

  const char* name() const noexcept override { return "deep"; }

  std::size_t scratch_bytes(std::int64_t rows) const noexcept override { return Work(*this, rows).bytes; }

  std::int64_t preferred_rows() const noexcept override { return static_cast<std::int64_t>(group_rows(kMostWalks)); }

  void evaluate(const T* rows, std::int64_t n_rows, std::int64_t width, const Scores<T>& scores,
                void* scratch) const noexcept override {
    const Work work(*this, n_rows);
    // Offsets of elements within a group are 31 bits wide.
    constexpr std::size_t kMostElements = std::size_t{1} << 30;
    const std::size_t by_width = kMostElements / std::max(static_cast<std::size_t>(width), column_count());
    const auto total = static_cast<std::size_t>(n_rows);
    for (std::size_t row = 0, count = 0; row < total; row += count) {
      count = std::min({work.n_rows, total - row, std::max<std::size_t>(by_width, 1)});
      Group group{rows + row * static_cast<std::size_t>(width),
                  count,
                  static_cast<std::size_t>(width),
                  work,
                  static_cast<char*>(scratch),
                  {}};
      group.scores.values = scores.values + row * n_targets_;
      group.scores.touched = scores.touched == nullptr ? nullptr : scores.touched + row * n_targets_;
      evaluate_group(group);
    }
  }

 private:
  // How the scratch memory for a call with `rows` rows is divided.
  struct Work {
    Work(const DeepEngine& engine, std::int64_t rows) noexcept {
      const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(rows, 1));
      n_rows = engine.group_rows(wanted);
      n_trees = std::clamp<std::size_t>(kFewWalks / n_rows, 1, std::max<std::size_t>(engine.trees_.roots.size(), 1));
      // Not n_rows * n_trees, which may fall where n_rows grows.
      const std::size_t n_walks = std::max(n_rows, kFewWalks);
      const auto take = [&](std::size_t size) {
        const std::size_t at = bytes;
        bytes += padded(size);
        return at;
      };
      lanes = take(n_rows * engine.n_targets_ * kLanes * sizeof(T));
      walks = take((n_walks + kWalkPadding) * sizeof(DeepWalk));
      ends = take((n_walks + kWalkPadding) * sizeof(DeepWalk));
      offsets = take(n_walks * sizeof(std::uint32_t));
      leaves = take(n_walks * sizeof(std::uint32_t));
      columns = take(engine.trees_.nan_features.empty() ? 0 : n_rows * engine.column_count() * sizeof(T));
    }

    std::size_t n_rows;
    // Trees that are walked at the same time.
    std::size_t n_trees;
    std::size_t lanes, walks, ends, offsets, leaves, columns;
    std::size_t bytes = 0;
  };

  struct Group {
    const T* rows;
    std::size_t n_rows;
    std::size_t width;
    const Work& work;
    char* scratch;
    Scores<T> scores;

    template <typename U>
    U* at(std::size_t offset) const noexcept {
      return static_cast<U*>(static_cast<void*>(scratch + offset));
    }
  };

  std::size_t column_count() const noexcept { return n_features_ + trees_.nan_features.size(); }

  std::size_t group_rows(std::size_t wanted) const noexcept {
    const std::size_t by_memory = kMostLaneBytes / (n_targets_ * kLanes * sizeof(T));
    return std::min({wanted, kMostWalks, std::max<std::size_t>(by_memory, 16)});
  }

  // Weights of a leaf lie side by side, one for each target. Where most leaves have weights for few of the targets, or
  // several for one of them, they stay lists.
  void take_weights(const Ensemble<T>& ensemble) {
    for (const std::uint32_t leaf : trees_.leaf_order) {
      for (std::uint32_t i = ensemble.leaf_begin[leaf]; i < ensemble.leaf_begin[leaf + 1]; ++i) {
        weights_.push_back(ensemble.weights[i]);
      }
      weight_begin_.push_back(static_cast<std::uint32_t>(weights_.size()));
    }
    const std::size_t n_leaves = trees_.leaf_order.size();
    if (weights_.size() * 4 < n_leaves * n_targets_) return;
    std::vector<std::uint32_t> seen(n_targets_, 0);
    bool once = true;
    for (std::size_t leaf = 0; leaf < n_leaves && once; ++leaf) {
      const auto stamp = static_cast<std::uint32_t>(leaf + 1);
      for (std::uint32_t i = weight_begin_[leaf]; i < weight_begin_[leaf + 1]; ++i) {
        once = once && std::exchange(seen[weights_[i].target], stamp) != stamp;
      }
    }
    if (!once) return;
    dense_.assign(n_leaves * n_targets_, T{0});
    for (std::size_t leaf = 0; leaf < n_leaves; ++leaf) {
      for (std::uint32_t i = weight_begin_[leaf]; i < weight_begin_[leaf + 1]; ++i) {
        dense_[leaf * n_targets_ + weights_[i].target] = weights_[i].value;
      }
    }
    all_touched_ = weights_.size() == n_leaves * n_targets_ && n_leaves > 0;
    if (!all_touched_) return;
    weights_ = {};
    weight_begin_ = {};
  }

  void evaluate_group(const Group& group) const noexcept {
    const T* columns = group.rows;
    std::size_t stride = group.width;
    if (!trees_.nan_features.empty()) {
      stride = column_count();
      columns = fill_columns(group);
    }
    const std::size_t n_rows = group.n_rows;
    auto* const offsets = group.template at<std::uint32_t>(group.work.offsets);
    for (std::size_t t = 0; t < group.work.n_trees; ++t) {
      for (std::size_t r = 0; r < n_rows; ++r) offsets[t * n_rows + r] = static_cast<std::uint32_t>(r * stride);
    }
    std::memset(group.template at<T>(group.work.lanes), 0, n_rows * n_targets_ * kLanes * sizeof(T));
    if (group.scores.touched != nullptr) {
      std::memset(group.scores.touched, all_touched_ ? 1 : 0, n_rows * n_targets_);
    }
    for (std::size_t tree = 0; tree < trees_.roots.size(); tree += group.work.n_trees) {
      const std::size_t count = std::min(group.work.n_trees, trees_.roots.size() - tree);
      walk_trees(group, columns, tree, count);
      const auto* leaves = group.template at<std::uint32_t>(group.work.leaves);
      for (std::size_t t = 0; t < count; ++t) add_leaves(group, tree + t, leaves + t * n_rows);
    }
    fold(group);
  }

  // The rows with columns for NaN as "yes" behind their features.
  const T* fill_columns(const Group& group) const noexcept {
    T* const columns = group.template at<T>(group.work.columns);
    T* to = columns;
    for (std::size_t r = 0; r < group.n_rows; ++r) {
      const T* from = group.rows + r * group.width;
      std::memcpy(to, from, n_features_ * sizeof(T));
      to += n_features_;
      for (const std::uint32_t feature : trees_.nan_features) {
        const T x = from[feature];
        *to++ = x == x ? x : -std::numeric_limits<T>::infinity();
      }
    }
    return columns;
  }

  // Finds the leaf of each row in `count` trees from `tree` on: leaves[t * n_rows + r] for tree + t and row r.
  void walk_trees(const Group& group, const T* columns, std::size_t tree, std::size_t count) const noexcept {
    auto* const walks = group.template at<DeepWalk>(group.work.walks);
    auto* const leaves = group.template at<std::uint32_t>(group.work.leaves);
    std::size_t n_walks = 0;
    for (std::size_t t = 0; t < count; ++t) {
      const std::uint32_t root = trees_.roots[tree + t];
      const std::size_t first = t * group.n_rows;
      if (root >= DeepTrees<T>::kLeafRoot) {
        std::fill_n(leaves + first, group.n_rows, root - DeepTrees<T>::kLeafRoot);
        continue;
      }
      for (std::size_t r = 0; r < group.n_rows; ++r) walks[n_walks++] = DeepWalk{first + r} << 32 | root;
    }
    auto* const ends = group.template at<DeepWalk>(group.work.ends);
    walk_(trees_.nodes.data(), trees_.links, columns, group.template at<std::uint32_t>(group.work.offsets), walks,
          n_walks, ends);
    for (std::size_t i = 0; i < n_walks; ++i) leaves[number_of(ends[i])] = trees_.leaves[place_of(ends[i])];
  }

  // Adds the weights of the leaves that the rows reached in one tree to its lane.
  void add_leaves(const Group& group, std::size_t tree, const std::uint32_t* leaves) const noexcept {
    T* lane = group.template at<T>(group.work.lanes) + tree % kLanes * group.n_rows * n_targets_;
    if (dense_.empty()) {
      for (std::size_t r = 0; r < group.n_rows; ++r) add_list(leaves[r], lane + r * n_targets_);
    } else if (n_targets_ == 1) {
      for (std::size_t r = 0; r < group.n_rows; ++r) lane[r] += dense_[leaves[r]];
    } else {
      for (std::size_t r = 0; r < group.n_rows; ++r) {
        const T* weights = &dense_[leaves[r] * n_targets_];
        for (std::size_t k = 0; k < n_targets_; ++k) lane[r * n_targets_ + k] += weights[k];
      }
    }
    if (group.scores.touched == nullptr || all_touched_) return;
    for (std::size_t r = 0; r < group.n_rows; ++r) touch(leaves[r], group.scores.touched + r * n_targets_);
  }

  void add_list(std::uint32_t leaf, T* sums) const noexcept {
    for (std::uint32_t i = weight_begin_[leaf]; i < weight_begin_[leaf + 1]; ++i) {
      sums[weights_[i].target] += weights_[i].value;
    }
  }

  void touch(std::uint32_t leaf, std::uint8_t* touched) const noexcept {
    for (std::uint32_t i = weight_begin_[leaf]; i < weight_begin_[leaf + 1]; ++i) touched[weights_[i].target] = 1;
  }

  // As fold_lanes(), for all sums of the group at once.
  void fold(const Group& group) const noexcept {
    const std::size_t count = group.n_rows * n_targets_;
    T* const lanes = group.template at<T>(group.work.lanes);
    for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
      for (std::size_t i = 0; i < width * count; ++i) lanes[i] += lanes[i + width * count];
    }
    std::memcpy(group.scores.values, lanes, count * sizeof(T));
  }

  DeepTrees<T> trees_;
  WalkDeep<T> walk_;
  std::size_t n_targets_;
  std::size_t n_features_;
  // [leaves, n_targets], or empty.
  std::vector<T> dense_;
  // Leaf i has weights_[weight_begin_[i]] to weights_[weight_begin_[i + 1] - 1], where that is not in dense_ alone.
  std::vector<std::uint32_t> weight_begin_ = {0};
  std::vector<LeafWeight<T>> weights_;
  // Each leaf has a weight for each target.
  bool all_touched_ = false;
};

}  // namespace

template <typename T>
std::unique_ptr<TreeEngine<T>> make_deep_engine(const Ensemble<T>& ensemble, DeepTrees<T> trees, Isa isa) {
  return std::make_unique<DeepEngine<T>>(ensemble, std::move(trees), isa);
}

template std::unique_ptr<TreeEngine<float>> make_deep_engine(const Ensemble<float>&, DeepTrees<float>, Isa);
template std::unique_ptr<TreeEngine<double>> make_deep_engine(const Ensemble<double>&, DeepTrees<double>, Isa);

}  // namespace arsenal::runtime
