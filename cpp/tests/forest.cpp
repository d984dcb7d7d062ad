#include "forest.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "arsenal/runtime.hpp"

namespace arsenal::test {

namespace {

template <typename T>
T draw_threshold(std::mt19937& random, int n_thresholds) {
  const int k = std::uniform_int_distribution<int>(0, n_thresholds - 1)(random);
  return static_cast<T>(k - n_thresholds / 2) * static_cast<T>(0.37);
}

template <typename T>
void make_split(TreeNode<T>& node, const ForestShape& shape, std::mt19937& random) {
  node.feature = std::uniform_int_distribution<std::int64_t>(0, shape.n_features - 1)(random);
  node.missing_is_true = shape.missing && random() % 2 == 0;
  if (shape.member_every != 0 && node.feature % shape.member_every == 0) {
    node.mode = "BRANCH_MEMBER";
    for (int value = 0; value < 40; ++value) {
      if (random() % 3 == 0) node.members.push_back(static_cast<T>(value));
    }
    std::shuffle(node.members.begin(), node.members.end(), random);
    return;
  }
  node.mode = shape.modes[random() % shape.modes.size()];
  node.value = draw_threshold<T>(random, shape.n_thresholds);
}

// Splits leaves at random until there are enough; gives the leaves.
template <typename T>
std::vector<std::size_t> grow(Tree<T>& tree, const ForestShape& shape, std::mt19937& random) {
  std::vector<std::size_t> leaves = {0};
  while (leaves.size() < shape.n_leaves) {
    const std::size_t pick = random() % leaves.size();
    const std::size_t at = leaves[pick];
    make_split(tree.nodes[at], shape, random);
    tree.nodes[at].if_true = tree.nodes.size();
    tree.nodes[at].if_false = tree.nodes.size() + 1;
    leaves[pick] = tree.nodes.size();
    leaves.push_back(tree.nodes.size() + 1);
    tree.nodes.resize(tree.nodes.size() + 2);
  }
  return leaves;
}

// The same question, asked the other way round where that can be said.
template <typename T>
void reverse(TreeNode<T>& node) {
  static const std::map<std::string, std::string> kOpposite = {{"BRANCH_LEQ", "BRANCH_GT"},
                                                               {"BRANCH_GT", "BRANCH_LEQ"},
                                                               {"BRANCH_LT", "BRANCH_GTE"},
                                                               {"BRANCH_GTE", "BRANCH_LT"}};
  const auto opposite = kOpposite.find(node.mode);
  if (opposite == kOpposite.end()) return;
  node.mode = opposite->second;
  node.missing_is_true = !node.missing_is_true;
  std::swap(node.if_true, node.if_false);
}

// Splits all leaves of a level by one test.
template <typename T>
std::vector<std::size_t> grow_levels(Tree<T>& tree, const ForestShape& shape, std::size_t n_leaves,
                                     std::mt19937& random) {
  std::vector<std::size_t> leaves = {0};
  while (leaves.size() < n_leaves) {
    TreeNode<T> test;
    make_split(test, shape, random);
    std::vector<std::size_t> next;
    for (const std::size_t at : leaves) {
      next.push_back(tree.nodes.size());
      next.push_back(tree.nodes.size() + 1);
      test.if_true = tree.nodes.size();
      test.if_false = tree.nodes.size() + 1;
      tree.nodes[at] = test;
      if (random() % 2 == 0) reverse(tree.nodes[at]);
      tree.nodes.resize(tree.nodes.size() + 2);
    }
    leaves = next;
  }
  return leaves;
}

template <typename T>
Tree<T> random_tree(const ForestShape& shape, std::size_t number, std::mt19937& random) {
  Tree<T> tree;
  tree.nodes.emplace_back();
  const std::vector<std::size_t> leaves =
      shape.symmetric ? grow_levels(tree, shape, shape.n_leaves >> number % 3, random) : grow(tree, shape, random);
  std::normal_distribution<double> weight;
  for (const std::size_t leaf : leaves) {
    tree.nodes[leaf].mode = "LEAF";
    const auto own = static_cast<std::int64_t>(number) % shape.n_targets;
    for (std::int64_t target = 0; target < shape.n_targets; ++target) {
      if (shape.many_targets_per_leaf ? shape.symmetric || random() % 4 != 0 : target == own) {
        tree.nodes[leaf].weights.emplace_back(target, static_cast<T>(weight(random)));
      }
    }
  }
  if (shape.shuffled) {
    std::vector<std::size_t> place(tree.nodes.size());
    std::iota(place.begin(), place.end(), std::size_t{0});
    std::shuffle(place.begin(), place.end(), random);
    Tree<T> mixed;
    mixed.nodes.resize(tree.nodes.size());
    for (std::size_t i = 0; i < place.size(); ++i) {
      mixed.nodes[place[i]] = tree.nodes[i];
      mixed.nodes[place[i]].if_true = place[tree.nodes[i].if_true];
      mixed.nodes[place[i]].if_false = place[tree.nodes[i].if_false];
    }
    mixed.root = place[0];
    return mixed;
  }
  return tree;
}

template <typename T>
bool passes(const TreeNode<T>& node, T x) {
  if (std::isnan(x) && node.missing_is_true) return true;
  if (node.mode == "BRANCH_LEQ") return x <= node.value;
  if (node.mode == "BRANCH_LT") return x < node.value;
  if (node.mode == "BRANCH_GTE") return x >= node.value;
  if (node.mode == "BRANCH_GT") return x > node.value;
  if (node.mode == "BRANCH_EQ") return x == node.value;
  if (node.mode == "BRANCH_NEQ") return x != node.value;
  return std::find(node.members.begin(), node.members.end(), x) != node.members.end();
}

template <typename T>
Message real_list(const std::string& name, const std::vector<T>& values, bool as_tensor) {
  if (as_tensor) return attribute(name + "_as_tensor", tensor("", {static_cast<std::int64_t>(values.size())}, values));
  return attribute(name, std::vector<float>(values.begin(), values.end()));
}

template <typename T>
std::string one_node_model(const std::string& op_type, const Forest<T>& forest, const std::vector<Message>& attributes,
                           int output_dtype) {
  ModelSpec spec;
  spec.inputs = {value_info("X", DtypeOf<T>::value, {"N", forest.n_features})};
  spec.outputs = {value_info("Y", output_dtype, {"N", forest.n_targets})};
  spec.nodes = {node(op_type, {"X"}, {"Y"}, attributes, "ml")};
  return model(spec);
}

}  // namespace

template <typename T>
Forest<T> random_forest(const ForestShape& shape) {
  std::mt19937 random(shape.seed);
  Forest<T> forest;
  forest.n_features = shape.n_features;
  forest.n_targets = shape.n_targets;
  for (std::size_t t = 0; t < shape.n_trees; ++t) forest.trees.push_back(random_tree<T>(shape, t, random));
  return forest;
}

template <typename T>
std::vector<T> stress_rows(const Forest<T>& forest, std::size_t n_rows, unsigned seed) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  std::vector<T> thresholds = {0};
  for (const Tree<T>& tree : forest.trees) {
    for (const TreeNode<T>& node : tree.nodes) {
      if (node.mode != "LEAF") thresholds.push_back(node.value);
      for (const T member : node.members) thresholds.push_back(member);
    }
  }
  const std::array<T, 5> special = {std::numeric_limits<T>::quiet_NaN(), kInfinity, -kInfinity, T{0}, -T{0}};
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> ordinary(-12, 12);
  std::vector<T> rows(n_rows * static_cast<std::size_t>(forest.n_features));
  for (T& x : rows) {
    const T threshold = thresholds[random() % thresholds.size()];
    switch (random() % 6) {
      case 0:
        x = special[random() % special.size()];
        break;
      case 1:
        x = threshold;
        break;
      case 2:
        x = std::nextafter(threshold, kInfinity);
        break;
      case 3:
        x = std::nextafter(threshold, -kInfinity);
        break;
      case 4:
        x = static_cast<T>(random() % 45);
        break;
      default:
        x = static_cast<T>(ordinary(random));
    }
  }
  return rows;
}

template <typename T>
std::vector<T> naive_sums(const Forest<T>& forest, const T* row) {
  const auto n_targets = static_cast<std::size_t>(forest.n_targets);
  std::vector<std::array<T, 16>> lanes(n_targets, std::array<T, 16>{});
  for (std::size_t t = 0; t < forest.trees.size(); ++t) {
    const Tree<T>& tree = forest.trees[t];
    std::size_t at = tree.root;
    while (tree.nodes[at].mode != "LEAF") {
      const TreeNode<T>& node = tree.nodes[at];
      at = passes(node, row[node.feature]) ? node.if_true : node.if_false;
    }
    for (const auto& [target, weight] : tree.nodes[at].weights)
      lanes[static_cast<std::size_t>(target)][t % 16] += weight;
  }
  std::vector<T> sums;
  for (std::array<T, 16>& lane : lanes) {
    for (std::size_t half = 8; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
    }
    sums.push_back(lane[0]);
  }
  return sums;
}

template <typename T>
std::vector<Message> keyed_attributes(const Forest<T>& forest, const std::string& prefix, bool as_tensor) {
  std::vector<std::int64_t> trees, ids, features, yes, no, missing, weight_trees, weight_nodes, targets;
  std::vector<std::string> modes;
  std::vector<T> values, weights;
  for (std::size_t t = 0; t < forest.trees.size(); ++t) {
    for (std::size_t i = 0; i < forest.trees[t].nodes.size(); ++i) {
      const TreeNode<T>& node = forest.trees[t].nodes[i];
      const bool leaf = node.mode == "LEAF";
      trees.push_back(static_cast<std::int64_t>(t));
      ids.push_back(static_cast<std::int64_t>(i));
      features.push_back(node.feature);
      modes.push_back(node.mode);
      values.push_back(node.value);
      missing.push_back(node.missing_is_true);
      yes.push_back(leaf ? 0 : static_cast<std::int64_t>(node.if_true));
      no.push_back(leaf ? 0 : static_cast<std::int64_t>(node.if_false));
      for (const auto& [target, weight] : node.weights) {
        weight_trees.push_back(static_cast<std::int64_t>(t));
        weight_nodes.push_back(static_cast<std::int64_t>(i));
        targets.push_back(target);
        weights.push_back(weight);
      }
    }
  }
  return {attribute("nodes_treeids", trees),
          attribute("nodes_nodeids", ids),
          attribute("nodes_featureids", features),
          attribute("nodes_modes", modes),
          real_list("nodes_values", values, as_tensor),
          attribute("nodes_missing_value_tracks_true", missing),
          attribute("nodes_truenodeids", yes),
          attribute("nodes_falsenodeids", no),
          attribute(prefix + "_treeids", weight_trees),
          attribute(prefix + "_nodeids", weight_nodes),
          attribute(prefix + "_ids", targets),
          real_list(prefix + "_weights", weights, as_tensor)};
}

template <typename T>
std::vector<Message> indexed_attributes(const Forest<T>& forest) {
  static const std::map<std::string, std::uint8_t> kModes = {{"BRANCH_LEQ", 0},   {"BRANCH_LT", 1}, {"BRANCH_GTE", 2},
                                                             {"BRANCH_GT", 3},    {"BRANCH_EQ", 4}, {"BRANCH_NEQ", 5},
                                                             {"BRANCH_MEMBER", 6}};
  std::vector<std::int64_t> roots, features, yes, no, yes_leaf, no_leaf, missing, targets;
  std::vector<std::uint8_t> modes;
  std::vector<T> values, weights, members;
  for (const Tree<T>& tree : forest.trees) {
    // Numbers of this tree's splits and leaves in the lists.
    std::vector<std::int64_t> number(tree.nodes.size());
    std::int64_t next_split = static_cast<std::int64_t>(features.size());
    for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
      const TreeNode<T>& node = tree.nodes[i];
      if (node.mode == "LEAF") {
        number[i] = static_cast<std::int64_t>(targets.size());
        targets.push_back(node.weights.at(0).first);
        weights.push_back(node.weights.at(0).second);
      } else {
        number[i] = next_split++;
      }
    }
    const bool single = tree.nodes[tree.root].mode == "LEAF";
    roots.push_back(single ? static_cast<std::int64_t>(features.size()) : number[tree.root]);
    const auto add_split = [&](const TreeNode<T>& node, std::size_t if_true, std::size_t if_false) {
      features.push_back(node.feature);
      modes.push_back(node.mode == "LEAF" ? 0 : kModes.at(node.mode));
      values.push_back(node.value);
      missing.push_back(node.missing_is_true);
      yes.push_back(number[if_true]);
      no.push_back(number[if_false]);
      yes_leaf.push_back(tree.nodes[if_true].mode == "LEAF");
      no_leaf.push_back(tree.nodes[if_false].mode == "LEAF");
      if (node.mode == "BRANCH_MEMBER") {
        members.insert(members.end(), node.members.begin(), node.members.end());
        members.push_back(std::numeric_limits<T>::quiet_NaN());
      }
    };
    // A tree of one leaf is a split with that leaf on both sides.
    if (single) add_split(tree.nodes[tree.root], tree.root, tree.root);
    for (const TreeNode<T>& node : tree.nodes) {
      if (node.mode != "LEAF") add_split(node, node.if_true, node.if_false);
    }
  }
  const auto listed = [](const auto& list) { return tensor("", {static_cast<std::int64_t>(list.size())}, list); };
  std::vector<Message> attributes = {attribute("tree_roots", roots),
                                     attribute("nodes_featureids", features),
                                     attribute("nodes_modes", listed(modes)),
                                     attribute("nodes_splits", listed(values)),
                                     attribute("nodes_missing_value_tracks_true", missing),
                                     attribute("nodes_truenodeids", yes),
                                     attribute("nodes_falsenodeids", no),
                                     attribute("nodes_trueleafs", yes_leaf),
                                     attribute("nodes_falseleafs", no_leaf),
                                     attribute("leaf_targetids", targets),
                                     attribute("leaf_weights", listed(weights)),
                                     attribute("n_targets", forest.n_targets)};
  if (!members.empty()) attributes.push_back(attribute("membership_values", listed(members)));
  return attributes;
}

template <typename T>
std::string regressor_model(const Forest<T>& forest, const std::vector<Message>& more) {
  std::vector<Message> attributes = keyed_attributes(forest, "target", sizeof(T) == sizeof(double));
  attributes.push_back(attribute("n_targets", forest.n_targets));
  attributes.insert(attributes.end(), more.begin(), more.end());
  return one_node_model("TreeEnsembleRegressor", forest, attributes, ARSENAL_FLOAT);
}

template <typename T>
std::string ensemble_model(const Forest<T>& forest, const std::vector<Message>& more) {
  std::vector<Message> attributes = indexed_attributes(forest);
  attributes.insert(attributes.end(), more.begin(), more.end());
  return one_node_model("TreeEnsemble", forest, attributes, DtypeOf<T>::value);
}

std::string classifier_model(const Forest<float>& forest, const std::vector<Message>& more) {
  std::vector<Message> attributes = keyed_attributes(forest, "class");
  attributes.insert(attributes.end(), more.begin(), more.end());
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", forest.n_features})};
  spec.outputs = {value_info("label", ARSENAL_UNDEFINED), value_info("probabilities", ARSENAL_FLOAT)};
  spec.nodes = {node("TreeEnsembleClassifier", {"X"}, {"label", "probabilities"}, attributes, "ml")};
  return model(spec);
}

template Forest<float> random_forest(const ForestShape&);
template Forest<double> random_forest(const ForestShape&);
template std::vector<float> stress_rows(const Forest<float>&, std::size_t, unsigned);
template std::vector<double> stress_rows(const Forest<double>&, std::size_t, unsigned);
template std::vector<float> naive_sums(const Forest<float>&, const float*);
template std::vector<double> naive_sums(const Forest<double>&, const double*);
template std::vector<Message> keyed_attributes(const Forest<float>&, const std::string&, bool);
template std::vector<Message> keyed_attributes(const Forest<double>&, const std::string&, bool);
template std::vector<Message> indexed_attributes(const Forest<float>&);
template std::vector<Message> indexed_attributes(const Forest<double>&);
template std::string regressor_model(const Forest<float>&, const std::vector<Message>&);
template std::string regressor_model(const Forest<double>&, const std::vector<Message>&);
template std::string ensemble_model(const Forest<float>&, const std::vector<Message>&);
template std::string ensemble_model(const Forest<double>&, const std::vector<Message>&);

}  // namespace arsenal::test
