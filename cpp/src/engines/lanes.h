// The fixed order of summation, and the leaves as the engines read them.
#ifndef ARSENAL_SRC_ENGINES_LANES_H_
#define ARSENAL_SRC_ENGINES_LANES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engines/engine.h"

namespace arsenal::runtime {

// Folds 16 lanes that lie `stride` apart; leaves them changed.
template <typename T>
T fold_lanes(T* lanes, std::size_t stride = 1) noexcept {
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lanes[i * stride] += lanes[(i + width) * stride];
  }
  return lanes[0];
}

// Gathers the leaves that one row reaches, tree by tree in the order of the file.
template <typename T>
class RowScore {
 public:
  static std::size_t scratch_bytes(std::size_t n_targets) noexcept { return n_targets * kLanes * sizeof(T); }

  // `lanes` holds scratch_bytes(); `values` and `touched` have n_targets entries, `touched` may be nullptr.
  RowScore(const Ensemble<T>& ensemble, T* lanes, T* values, std::uint8_t* touched) noexcept
      : ensemble_(ensemble), lanes_(lanes), values_(values), touched_(touched) {
    if (sums()) {
      std::memset(lanes_, 0, scratch_bytes(ensemble.n_targets));
    } else {
      std::memset(lanes_, 0, ensemble.n_targets * sizeof(T));
      std::memset(values_, 0, ensemble.n_targets * sizeof(T));
    }
    if (touched_ != nullptr) std::memset(touched_, 0, ensemble.n_targets);
  }

  void add(std::size_t tree, std::uint32_t leaf) noexcept {
    const std::uint32_t end = ensemble_.leaf_begin[leaf + 1];
    for (std::uint32_t i = ensemble_.leaf_begin[leaf]; i < end; ++i) {
      const LeafWeight<T>& weight = ensemble_.weights[i];
      if (sums()) {
        lanes_[weight.target * kLanes + tree % kLanes] += weight.value;
      } else {
        keep_extreme(weight);
      }
      if (touched_ != nullptr) touched_[weight.target] = 1;
    }
  }

  void finish() noexcept {
    if (!sums()) return;
    for (std::size_t target = 0; target < ensemble_.n_targets; ++target) {
      values_[target] = fold_lanes(lanes_ + target * kLanes);
    }
  }

 private:
  bool sums() const noexcept {
    return ensemble_.aggregate == Aggregate::kSum || ensemble_.aggregate == Aggregate::kAverage;
  }

  // The lanes tell here which targets have a value yet.
  void keep_extreme(const LeafWeight<T>& weight) noexcept {
    T& value = values_[weight.target];
    const bool better = ensemble_.aggregate == Aggregate::kMin ? weight.value < value : weight.value > value;
    if (lanes_[weight.target] != 0 && !better) return;
    value = weight.value;
    lanes_[weight.target] = 1;
  }

  const Ensemble<T>& ensemble_;
  T* lanes_;
  T* values_;
  std::uint8_t* touched_;
};

// Like RowScore for the common case: sums, every leaf has one weight, for target 0.
template <typename T>
class RowSum {
 public:
  explicit RowSum(const T* leaf_values) noexcept : leaf_values_(leaf_values) {}

  void add(std::size_t tree, std::uint32_t leaf) noexcept { lanes_[tree % kLanes] += leaf_values_[leaf]; }
  T finish() noexcept { return fold_lanes(lanes_); }

 private:
  const T* leaf_values_;
  T lanes_[kLanes] = {};
};

// The leaves' values, if each leaf has exactly one weight, for target 0, and they are summed; else empty.
template <typename T>
std::vector<T> single_values(const Ensemble<T>& ensemble) {
  std::vector<T> values;
  const bool sums = ensemble.aggregate == Aggregate::kSum || ensemble.aggregate == Aggregate::kAverage;
  if (!sums || ensemble.n_targets != 1 || ensemble.weights.size() != ensemble.leaf_count()) return values;
  for (std::size_t leaf = 0; leaf < ensemble.leaf_count(); ++leaf) {
    if (ensemble.leaf_begin[leaf] != leaf) return {};
    values.push_back(ensemble.weights[leaf].value);
  }
  return values;
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_LANES_H_
