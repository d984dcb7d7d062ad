// The tree operators, against the naive evaluator of forest.h.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "forest.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

const std::vector<std::string> kAllModes = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                            "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};

template <typename T>
std::vector<T> naive_all(const Forest<T>& forest, const std::vector<T>& rows) {
  std::vector<T> sums;
  for (std::size_t r = 0; r < rows.size() / static_cast<std::size_t>(forest.n_features); ++r) {
    for (const T sum : naive_sums(forest, &rows[r * static_cast<std::size_t>(forest.n_features)])) sums.push_back(sum);
  }
  return sums;
}

// Bits, not values: NaN equals NaN, and -0 differs from 0.
template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <typename T>
Dense<T> table(const std::vector<T>& rows, std::int64_t width) {
  return {{static_cast<std::int64_t>(rows.size()) / width, width}, rows};
}

template <typename T>
std::vector<T> run_rows(const std::string& bytes, const Forest<T>& forest, const std::vector<T>& rows) {
  return run_one<T>(load(bytes), {table(rows, forest.n_features).input()}).values;
}

class TreeShapes : public testing::TestWithParam<ForestShape> {};

TEST_P(TreeShapes, RegressorEqualsNaive) {
  const auto forest = random_forest<float>(GetParam());
  const auto rows = stress_rows(forest, 300, 7);
  if (GetParam().member_every == 0) {
    EXPECT_TRUE(same_bits(run_rows(regressor_model(forest), forest, rows), naive_all(forest, rows)));
  }
  if (!GetParam().many_targets_per_leaf) {
    EXPECT_TRUE(same_bits(run_rows(ensemble_model(forest), forest, rows), naive_all(forest, rows)));
  }
}

TEST_P(TreeShapes, EnsembleInDoubleEqualsNaive) {
  if (GetParam().many_targets_per_leaf) return;  // TreeEnsemble has one target per leaf.
  const auto forest = random_forest<double>(GetParam());
  const auto rows = stress_rows(forest, 300, 8);
  EXPECT_TRUE(same_bits(run_rows(ensemble_model(forest), forest, rows), naive_all(forest, rows)));
}

INSTANTIATE_TEST_SUITE_P(All, TreeShapes,
                         testing::Values(ForestShape{}, ForestShape{1, 1}, ForestShape{3, 2, 1},
                                         ForestShape{100, 31, 28}, ForestShape{20, 31, 10, 1, kAllModes, 12, true},
                                         ForestShape{17, 64, 5, 3, kAllModes, 12, true, false, true},
                                         ForestShape{16, 300, 6, 1, {"BRANCH_LEQ"}, 900, true},
                                         ForestShape{33, 16, 4, 3, {"BRANCH_LT"}, 40, true, true},
                                         ForestShape{
                                             40, 12, 9, 1, {"BRANCH_LEQ", "BRANCH_GT"}, 30, true, false, true, 3},
                                         ForestShape{70, 31, 8, 2, {"BRANCH_LEQ"}, 300, true, false, false, 2}));

TEST(Trees, DoubleRegressorSumsInDoubleAndAnswersInFloat) {
  const auto forest = random_forest<double>({});
  const auto rows = stress_rows(forest, 50, 3);
  const auto got = run_one<float>(load(regressor_model(forest)), {table(rows, forest.n_features).input()}).values;
  const auto sums = naive_all(forest, rows);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], static_cast<float>(sums[i]));
}

TEST(Trees, IntegerInputsAreComparedAsFloats) {
  const auto forest = random_forest<float>({});
  std::vector<std::int64_t> wide;
  std::vector<std::int32_t> narrow;
  std::vector<float> rows;
  for (int i = 0; i < 40 * 10; ++i) {
    wide.push_back(i * 7919 % 41 - 20);
    narrow.push_back(static_cast<std::int32_t>(wide.back()));
    rows.push_back(static_cast<float>(wide.back()));
  }
  std::vector<Message> attributes = keyed_attributes(forest, "target");
  attributes.push_back(attribute("n_targets", 1));
  ModelSpec spec;
  spec.outputs = {value_info("Y", ARSENAL_FLOAT, {"N", 1})};
  spec.nodes = {node("TreeEnsembleRegressor", {"X"}, {"Y"}, attributes, "ml")};
  spec.ml_opset = 3;
  spec.inputs = {value_info("X", ARSENAL_INT64, {"N", 10})};
  EXPECT_EQ(run_one<float>(load(model(spec)), {table(wide, 10).input()}).values, naive_all(forest, rows));
  spec.inputs = {value_info("X", ARSENAL_INT32, {"N", 10})};
  EXPECT_EQ(run_one<float>(load(model(spec)), {table(narrow, 10).input()}).values, naive_all(forest, rows));
}

Tree<float> stump(float left, float right) {
  Tree<float> tree;
  tree.nodes.resize(3);
  tree.nodes[0] = {"BRANCH_LEQ", 0, 0.0f, {}, false, 1, 2, {}};
  tree.nodes[1] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, left}}};
  tree.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, right}}};
  return tree;
}

std::vector<float> two_rows(const Forest<float>& forest, const std::vector<Message>& more, bool indexed = false) {
  return run_rows(indexed ? ensemble_model(forest, more) : regressor_model(forest, more), forest, {-1.0f, 1.0f});
}

TEST(Trees, AggregateFunctions) {
  const Forest<float> forest{1, 1, {stump(1, 5), stump(3, -2), stump(2, 9)}};
  const auto by_name = [&](const char* name) {
    return two_rows(forest, {attribute("aggregate_function", name), attribute("base_values", std::vector<float>{10})});
  };
  EXPECT_EQ(by_name("SUM"), (std::vector<float>{16, 22}));
  EXPECT_EQ(by_name("AVERAGE"), (std::vector<float>{12, 14}));
  EXPECT_EQ(by_name("MIN"), (std::vector<float>{11, 8}));
  EXPECT_EQ(by_name("MAX"), (std::vector<float>{13, 19}));
  const std::vector<std::vector<float>> by_number = {{2, 4}, {6, 12}, {1, -2}, {3, 9}};
  for (int number = 0; number < 4; ++number) {
    EXPECT_EQ(two_rows(forest, {attribute("aggregate_function", number)}, true),
              by_number[static_cast<std::size_t>(number)]);
  }
}

// Values of onnxruntime 1.32: one target is transformed by PROBIT alone.
TEST(Trees, PostTransformOfOneTarget) {
  const Forest<float> forest{1, 1, {stump(0.25f, 0.9f)}};
  for (const char* name : {"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"}) {
    EXPECT_EQ(two_rows(forest, {attribute("post_transform", name)}), (std::vector<float>{0.25f, 0.9f})) << name;
  }
  const auto probit = two_rows(forest, {attribute("post_transform", "PROBIT")});
  EXPECT_NEAR(probit[0], -0.674574, 2e-6);
  EXPECT_NEAR(probit[1], 1.281712, 2e-6);
}

TEST(Trees, PostTransformOfSeveralTargets) {
  Tree<float> tree;
  tree.nodes.resize(1);
  tree.nodes[0] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 1.0f}, {1, 0.0f}, {2, -2.0f}}};
  const Forest<float> forest{1, 3, {tree}};
  const auto with = [&](const char* name) {
    return run_rows(regressor_model(forest, {attribute("post_transform", name)}), forest, {0.0f});
  };
  const double e1 = std::exp(1.0), e2 = std::exp(-2.0);
  const auto near = [](const std::vector<float>& got, const std::vector<double>& wanted) {
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(got[k], wanted[k], 1e-6);
  };
  near(with("LOGISTIC"), {1 / (1 + std::exp(-1.0)), 0.5, 1 / (1 + std::exp(2.0))});
  near(with("SOFTMAX"), {e1 / (e1 + 1 + e2), 1 / (e1 + 1 + e2), e2 / (e1 + 1 + e2)});
  near(with("SOFTMAX_ZERO"), {e1 / (e1 + e2), 0, e2 / (e1 + e2)});
}

TEST(Trees, LeafWithoutWeightAddsNothing) {
  Forest<float> forest{1, 1, {stump(1, 5)}};
  forest.trees[0].nodes[1].weights.clear();
  EXPECT_EQ(two_rows(forest, {}), (std::vector<float>{0, 5}));
}

TEST(Trees, WeightOnAnInnerNodeIsIgnored) {
  Forest<float> forest{1, 1, {stump(1, 5)}};
  forest.trees[0].nodes[0].weights = {{0, 100.0f}};
  EXPECT_EQ(two_rows(forest, {}), (std::vector<float>{1, 5}));
}

TEST(Trees, SharedChildrenAreAccepted) {
  // x in {1, 2}: two BRANCH_EQ nodes share the leaf that "true" leads to.
  Tree<float> tree;
  tree.nodes.resize(4);
  tree.nodes[0] = {"BRANCH_EQ", 0, 1.0f, {}, false, 2, 1, {}};
  tree.nodes[1] = {"BRANCH_EQ", 0, 2.0f, {}, false, 2, 3, {}};
  tree.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 7.0f}}};
  tree.nodes[3] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, -7.0f}}};
  const Forest<float> forest{1, 1, {tree}};
  const std::vector<float> rows = {0, 1, 2, 3};
  const std::vector<float> wanted = {-7, 7, 7, -7};
  EXPECT_EQ(run_rows(regressor_model(forest), forest, rows), wanted);
  EXPECT_EQ(run_rows(ensemble_model(forest), forest, rows), wanted);
}

TEST(Trees, MoreColumnsThanUsedAreFine) {
  Forest<float> forest{1, 1, {stump(1, 5)}};
  forest.n_features = 4;
  EXPECT_EQ(run_rows(regressor_model(forest), forest, {-1, 9, 9, 9, 1, -9, -9, -9}), (std::vector<float>{1, 5}));
}

TEST(Trees, FewerColumnsThanUsedAreRefused) {
  Forest<float> forest{1, 1, {stump(1, 5)}};
  forest.trees[0].nodes[0].feature = 3;
  const Error error = error_of([&] { load(regressor_model(forest)); });
  EXPECT_EQ(error.status(), ARSENAL_INVALID_MODEL);
  EXPECT_STREQ(error.what(),
               "node 0 (TreeEnsembleRegressor): the input has shape [?, 1], the trees want [rows, at least 4]");
}

TEST(Trees, MembershipValuesMayEndWithoutNan) {
  Forest<float> forest{1, 1, {stump(1, 5)}};
  std::vector<Message> attributes = indexed_attributes(forest);
  attributes[2] = attribute("nodes_modes", tensor("", {1}, std::vector<std::uint8_t>{6}));
  attributes.push_back(attribute("membership_values", tensor("", {2}, std::vector<float>{2, 1})));
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 1})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT, {"N", 1})};
  spec.nodes = {node("TreeEnsemble", {"X"}, {"Y"}, attributes, "ml")};
  EXPECT_EQ(run_rows(model(spec), forest, {0, 1, 2, 3}), (std::vector<float>{5, 1, 1, 5}));
}

struct BadTree {
  const char* what;
  void (*spoil)(Forest<float>&);
  const char* message;
};

std::ostream& operator<<(std::ostream& stream, const BadTree& value) { return stream << value.what; }

class BadTrees : public testing::TestWithParam<BadTree> {};

TEST_P(BadTrees, AreRefusedWithTheReason) {
  Forest<float> forest{1, 1, {stump(1, 5), stump(2, 6)}};
  GetParam().spoil(forest);
  const Error error = error_of([&] { load(regressor_model(forest)); });
  EXPECT_EQ(error.status(), ARSENAL_INVALID_MODEL);
  EXPECT_STREQ(error.what(), (std::string("node 0 (TreeEnsembleRegressor): ") + GetParam().message).c_str());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTrees,
    testing::Values(BadTree{"cycle through the root", [](Forest<float>& f) { f.trees[1].nodes[0].if_true = 0; },
                            "tree 1 has a cycle: its only root is a leaf, and there are other nodes"},
                    BadTree{"nothing but a cycle",
                            [](Forest<float>& f) {
                              auto& nodes = f.trees[1].nodes;
                              nodes[1] = nodes[2] = nodes[0];
                              nodes[0].if_true = nodes[0].if_false = 1;
                              nodes[1].if_true = nodes[1].if_false = 2;
                              nodes[2].if_true = nodes[2].if_false = 0;
                            },
                            "tree 1 has a cycle: each of its nodes is a child"},
                    BadTree{"a cycle aside",
                            [](Forest<float>& f) {
                              auto& nodes = f.trees[1].nodes;
                              nodes.push_back(nodes[0]);
                              nodes.push_back(nodes[0]);
                              nodes[3].if_false = 4;
                              nodes[4].if_false = 3;
                            },
                            "a tree has a cycle: there are nodes that no root leads to"},
                    BadTree{"cycle below the root",
                            [](Forest<float>& f) {
                              auto& nodes = f.trees[0].nodes;
                              nodes[1] = nodes[0];
                              nodes[1].if_true = 1;
                            },
                            "tree 0 has a cycle"},
                    BadTree{"two roots", [](Forest<float>& f) { f.trees[1].nodes[0].if_true = 2; },
                            "tree 1 has more than one root"},
                    BadTree{"no such node", [](Forest<float>& f) { f.trees[0].nodes[0].if_false = 9; },
                            "entry 0 of nodes_falsenodeids: tree 0 has no node 9"},
                    BadTree{
                        "no such mode", [](Forest<float>& f) { f.trees[0].nodes[0].mode = "BRANCH_MEMBER"; },
                        "nodes_modes holds 'BRANCH_MEMBER', wanted LEAF or BRANCH_LEQ, _LT, _GTE, _GT, _EQ or _NEQ"},
                    BadTree{"target out of range", [](Forest<float>& f) { f.trees[0].nodes[1].weights = {{1, 2.0f}}; },
                            "entry 0 of target_ids is 1, wanted 0 to 0"},
                    BadTree{"negative feature", [](Forest<float>& f) { f.trees[0].nodes[0].feature = -1; },
                            "entry 0 of nodes_featureids is -1"}),
    [](const auto& info) {
      std::string name = info.param.what;
      for (char& c : name) c = c == ' ' ? '_' : c;
      return name;
    });

TEST(Trees, LimitsAreKept) {
  const auto forest = random_forest<float>({3, 40});
  Options options;
  options.max_tree_nodes = 100;
  EXPECT_EQ(error_of([&] { load(regressor_model(forest), options); }).status(), ARSENAL_LIMIT_EXCEEDED);
  EXPECT_EQ(error_of([&] { load(ensemble_model(forest), options); }).status(), ARSENAL_LIMIT_EXCEEDED);
  options.max_tree_nodes = 0;
  options.max_tree_depth = 3;
  EXPECT_EQ(error_of([&] { load(regressor_model(forest), options); }).status(), ARSENAL_LIMIT_EXCEEDED);
}

TEST(Trees, VeryDeepTreesNeedNoStack) {
  Tree<float> tree;
  constexpr std::size_t kDepth = 20000;
  for (std::size_t i = 0; i < kDepth; ++i) {
    tree.nodes.push_back({"BRANCH_LEQ", 0, static_cast<float>(i), {}, false, i + 1, kDepth + 1 + i, {}});
  }
  for (std::size_t i = 0; i <= kDepth; ++i) {
    tree.nodes.push_back({"LEAF", 0, 0, {}, false, 0, 0, {{0, static_cast<float>(i)}}});
  }
  tree.nodes[kDepth].weights = {{0, -1.0f}};
  const Forest<float> forest{1, 1, {tree}};
  Options options;
  options.max_tree_depth = kDepth;
  const Session session = load(regressor_model(forest), options);
  const std::vector<float> rows = {-1.0f, 100.5f, 1e9f};
  // The tests fall from the largest threshold's node on; all hold for -1, the first fails for 1e9.
  EXPECT_EQ(run_one<float>(session, {table(rows, 1).input()}).values, naive_all(forest, rows));
}

}  // namespace
}  // namespace arsenal::test
