// A tree ensemble in one normal form, whichever operator and version it came from.
#ifndef ARSENAL_SRC_ENGINES_ENSEMBLE_H_
#define ARSENAL_SRC_ENGINES_ENSEMBLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "plan/op.h"

namespace arsenal::runtime {

// Where an edge leads: n >= 0 is split n, n < 0 is leaf ~n.
using Branch = std::int32_t;

// The largest number of splits, and of leaves, that a Branch can tell apart.
constexpr std::size_t kMostBranches = std::size_t{1} << 31;

enum class NodeMode : std::uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };

// x goes to `yes` if it is NaN and nan_yes is set, or else if it passes the test: x <= threshold, or, where `set` is
// not kNoSet, x is an element of that set. A NaN passes no test.
template <typename T>
struct Split {
  static constexpr std::uint32_t kNoSet = UINT32_MAX;

  T threshold;
  std::uint32_t feature;
  std::uint32_t set;
  Branch yes;
  Branch no;
  bool nan_yes;
};

// What a leaf adds to a target.
template <typename T>
struct LeafWeight {
  std::uint32_t target;
  T value;
};

enum class Aggregate : std::uint8_t { kAverage, kSum, kMin, kMax };

template <typename T>
struct Ensemble {
  std::vector<Split<T>> splits;
  // Leaf i adds weights[leaf_begin[i]] to weights[leaf_begin[i + 1] - 1].
  std::vector<std::uint32_t> leaf_begin = {0};
  std::vector<LeafWeight<T>> weights;
  // Set s holds set_values[set_begin[s]] to set_values[set_begin[s + 1] - 1], ascending, without NaN or repetition.
  std::vector<std::uint32_t> set_begin = {0};
  std::vector<T> set_values;
  // One per tree, in the order of the file.
  std::vector<Branch> roots;
  // Per tree, edges from the root to the deepest leaf.
  std::vector<std::uint32_t> depths;
  std::size_t n_targets = 0;
  // 1 + the largest feature index in use.
  std::size_t n_features = 0;
  Aggregate aggregate = Aggregate::kSum;
  // Whether add_split() sends NaN by `nan_is_true` in kNeq too, whose test it passes.
  bool nan_follows_flag = false;

  std::size_t leaf_count() const noexcept { return leaf_begin.size() - 1; }
  std::size_t set_count() const noexcept { return set_begin.size() - 1; }

  // Appends a split that sends x to `if_true` if "x mode value" holds, or if x is NaN and `nan_is_true`.
  // With kMember the last set added is tested.
  void add_split(NodeMode mode, std::uint32_t feature, T value, bool nan_is_true, Branch if_true, Branch if_false);

  // Appends a set; sorts it and drops repetitions.
  void add_set(std::vector<T> values);
};

// Where a list over splits whose place 0 stands for every leaf has a branch, the first split at 1: nothing branches on
// what is a leaf.
inline std::size_t slot_of(Branch branch) noexcept {
  return static_cast<std::size_t>(std::max(branch, Branch{-1}) + 1);
}

// Whether the splits below each split come after it, as most writers have them: then one pass, from the last split to
// the first, sees children before their parents.
template <typename T>
bool children_follow(const Ensemble<T>& ensemble) noexcept;

// Checks that all branches exist and that no walk goes in circles or deeper than the limits; fills `depths`.
// Throws Failure, naming the tree. Returns how many splits the roots reach.
template <typename T>
std::size_t check_ensemble(Ensemble<T>& ensemble, const Limits& limits);

extern template struct Ensemble<float>;
extern template struct Ensemble<double>;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_ENSEMBLE_H_
