// Random tree ensembles for the tests, written as any of the tree operators, and a naive evaluator to compare with.
#ifndef ARSENAL_TESTS_FOREST_H_
#define ARSENAL_TESTS_FOREST_H_

#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "onnx_writer.h"

namespace arsenal::test {

// One node. Branches are positions in the tree's list of nodes.
template <typename T>
struct TreeNode {
  // "LEAF", "BRANCH_LEQ", …, "BRANCH_MEMBER".
  std::string mode;
  std::int64_t feature = 0;
  T value = 0;
  std::vector<T> members;
  bool missing_is_true = false;
  std::size_t if_true = 0;
  std::size_t if_false = 0;
  // Of a leaf: target and weight.
  std::vector<std::pair<std::int64_t, T>> weights;
};

template <typename T>
struct Tree {
  std::size_t root = 0;
  std::vector<TreeNode<T>> nodes;
};

template <typename T>
struct Forest {
  std::int64_t n_features = 1;
  std::int64_t n_targets = 1;
  std::vector<Tree<T>> trees;
};

struct ForestShape {
  std::size_t n_trees = 20;
  std::size_t n_leaves = 31;
  std::int64_t n_features = 10;
  std::int64_t n_targets = 1;
  std::vector<std::string> modes = {"BRANCH_LEQ"};
  // Thresholds are drawn from this many values per feature.
  int n_thresholds = 50;
  bool missing = false;
  // Weights of several targets on each leaf; else tree t has target t % n_targets.
  bool many_targets_per_leaf = false;
  // Nodes in random order, the root anywhere.
  bool shuffled = false;
  // Features whose number is divisible by this hold small whole numbers, and take BRANCH_MEMBER splits (0: none do).
  int member_every = 0;
  // One test per level, with children in either order: tree t has n_leaves leaves, a power of two, or the half or a
  // quarter of that. With many_targets_per_leaf all leaves have all targets.
  bool symmetric = false;
  unsigned seed = 1;
};

inline std::ostream& operator<<(std::ostream& stream, const ForestShape& shape) {
  return stream << shape.n_trees << " trees of " << shape.n_leaves << " leaves";
}

template <typename T>
Forest<T> random_forest(const ForestShape& shape);

// Rows that stress comparisons: ordinary values, thresholds of the forest and their neighbours, NaN, ±inf, ±0.
template <typename T>
std::vector<T> stress_rows(const Forest<T>& forest, std::size_t n_rows, unsigned seed);

// The sum of one row: 16 lanes, tree t in lane t % 16, folded in halves.
template <typename T>
std::vector<T> naive_sums(const Forest<T>& forest, const T* row);

// The attributes of TreeEnsembleRegressor ("target") or TreeEnsembleClassifier ("class") for version 1 and 3.
// `as_tensor`: reals go into the *_as_tensor attributes.
template <typename T>
std::vector<Message> keyed_attributes(const Forest<T>& forest, const std::string& prefix, bool as_tensor = false);

// The attributes of TreeEnsemble version 5.
template <typename T>
std::vector<Message> indexed_attributes(const Forest<T>& forest);

// Models of one node, input X [N, n_features]; output Y [N, n_targets], or label and probabilities.
template <typename T>
std::string regressor_model(const Forest<T>& forest, const std::vector<Message>& more = {});
template <typename T>
std::string ensemble_model(const Forest<T>& forest, const std::vector<Message>& more = {});
std::string classifier_model(const Forest<float>& forest, const std::vector<Message>& more);

}  // namespace arsenal::test

#endif  // ARSENAL_TESTS_FOREST_H_
