// TreeEnsembleClassifier: labels and scores as onnxruntime 1.32 gives them. Every case was compared with it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "forest.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Floats = std::vector<float>;
using Weights = std::vector<std::pair<std::int64_t, float>>;

// One split of x at 0: `left` and `right` are the leaves' weights.
Tree<float> stump(Weights left, Weights right) {
  Tree<float> tree;
  tree.nodes.resize(3);
  tree.nodes[0] = {"BRANCH_LEQ", 0, 0.0f, {}, false, 1, 2, {}};
  tree.nodes[1] = {"LEAF", 0, 0, {}, false, 0, 0, std::move(left)};
  tree.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, std::move(right)};
  return tree;
}

struct Decision {
  std::int64_t label;
  Floats scores;
};

struct ClassifierCase {
  std::string name;
  std::vector<Tree<float>> trees;
  std::int64_t n_classes;
  std::string transform;
  Floats base_values;
  // For x = -1 and x = 1.
  Decision left, right;
};

std::ostream& operator<<(std::ostream& stream, const ClassifierCase& value) { return stream << value.name; }

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<ClassifierCase> cases() {
  const std::vector<Tree<float>> mixed = {stump({{0, -0.8f}}, {{0, 0.7f}}), stump({{0, 0.3f}}, {{0, -1.6f}})};
  const std::vector<Tree<float>> positive = {stump({{0, 0.2f}}, {{0, 0.7f}}), stump({{0, 0.1f}}, {{0, 0.6f}})};
  const std::vector<Tree<float>> second = {stump({{1, -0.8f}}, {{1, 0.7f}}), stump({{1, 0.3f}}, {{1, -1.6f}})};
  const std::vector<Tree<float>> three = {stump({{0, 1.0f}}, {{0, -1.0f}}), stump({{1, 0.5f}}, {{1, 2.0f}}),
                                          stump({{2, -3.0f}}, {{2, 2.0f}})};
  const std::vector<Tree<float>> partial = {stump({{0, -1.0f}}, {{2, -2.0f}})};
  return {
      // One score for two classes.
      {"mixed_none", mixed, 2, "NONE", {}, {10, {0.5f, -0.5f}}, {10, {0.9f, -0.9f}}},
      {"mixed_logistic", mixed, 2, "LOGISTIC", {}, {10, {0.62245935f, 0.37754065f}}, {10, {0.7109495f, 0.2890505f}}},
      {"mixed_softmax", mixed, 2, "SOFTMAX", {}, {10, {0.5f, -0.5f}}, {10, {0.9f, -0.9f}}},
      {"mixed_base", mixed, 2, "LOGISTIC", {1.0f}, {11, {0.37754065f, 0.62245935f}}, {11, {0.47502083f, 0.52497917f}}},
      {"mixed_two_bases", mixed, 2, "NONE", {0.3f, -0.45f}, {10, {-0.2f, 0}}, {10, {-0.6f, 0}}},
      // No negative weight: the score is a probability, and one half decides.
      {"positive_none", positive, 2, "NONE", {}, {10, {0.7f, 0.3f}}, {11, {-0.3f, 1.3f}}},
      {"positive_logistic", positive, 2, "LOGISTIC", {}, {10, {0.4255575f, 0.5744425f}}, {11, {0.214165f, 0.785835f}}},
      {"positive_base", positive, 2, "NONE", {0.25f}, {11, {0.45f, 0.55f}}, {11, {-0.55f, 1.55f}}},
      // All weights for the second class.
      {"second_none", second, 2, "NONE", {}, {10, {0, -0.5f}}, {10, {0, -0.9f}}},
      {"second_logistic", second, 2, "LOGISTIC", {}, {10, {0.5f, 0.37754065f}}, {10, {0.5f, 0.2890505f}}},
      // Several classes.
      {"three_none", three, 3, "NONE", {}, {10, {1.0f, 0.5f, -3.0f}}, {11, {-1.0f, 2.0f, 2.0f}}},
      {"three_softmax",
       three,
       3,
       "SOFTMAX",
       {},
       {10, {0.615443f, 0.373285f, 0.011272f}},
       {11, {0.024289f, 0.487855f, 0.487855f}}},
      {"three_logistic",
       three,
       3,
       "LOGISTIC",
       {},
       {10, {0.7310586f, 0.62245935f, 0.04742587f}},
       {11, {0.2689414f, 0.8807971f, 0.8807971f}}},
      {"three_base", three, 3, "NONE", {0, 0, 9}, {12, {1.0f, 0.5f, 6.0f}}, {12, {-1.0f, 2.0f, 11.0f}}},
      // Classes that no reached leaf has a weight for are no candidates, and score 0.
      {"partial", partial, 3, "NONE", {}, {10, {-1.0f, 0, 0}}, {12, {0, 0, -2.0f}}},
      {"single_class", {stump({{0, 0.5f}}, {{0, -0.5f}})}, 1, "LOGISTIC", {}, {10, {0.5f}}, {10, {-0.5f}}},
      {"probit", positive, 2, "PROBIT", {}, {10, {-0.5244458f, 0}}, {11, {kNan, 0}}},
  };
}

class Classifier : public testing::TestWithParam<ClassifierCase> {};

void expect_scores(const Dense<float>& got, const Decision& left, const Decision& right) {
  Floats wanted = left.scores;
  wanted.insert(wanted.end(), right.scores.begin(), right.scores.end());
  ASSERT_EQ(got.values.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::isnan(wanted[i])) {
      EXPECT_TRUE(std::isnan(got.values[i])) << i;
    } else {
      EXPECT_NEAR(got.values[i], wanted[i], 2e-5) << i;
    }
  }
}

TEST_P(Classifier, DecidesAsOnnxruntimeDoes) {
  const ClassifierCase& wanted = GetParam();
  const Forest<float> forest{1, wanted.n_classes, wanted.trees};
  std::vector<std::int64_t> numbers;
  std::vector<std::string> words;
  for (std::int64_t k = 0; k < wanted.n_classes; ++k) {
    numbers.push_back(10 + k);
    words.push_back(std::to_string(10 + k));
  }
  std::vector<Message> attributes = {attribute("post_transform", wanted.transform)};
  if (!wanted.base_values.empty()) attributes.push_back(attribute("base_values", wanted.base_values));
  const Dense<float> rows{{2, 1}, {-1, 1}};
  std::vector<Message> with_numbers = attributes;
  with_numbers.push_back(attribute("classlabels_int64s", numbers));
  const Session session = load(classifier_model(forest, with_numbers));
  EXPECT_EQ(run_one<std::int64_t>(session, {rows.input()}, 0).values,
            (std::vector<std::int64_t>{wanted.left.label, wanted.right.label}));
  const auto scores = run_one<float>(session, {rows.input()}, 1);
  EXPECT_EQ(scores.shape, (std::vector<std::int64_t>{2, wanted.n_classes}));
  expect_scores(scores, wanted.left, wanted.right);
  attributes.push_back(attribute("classlabels_strings", words));
  const Session with_words = load(classifier_model(forest, attributes));
  EXPECT_EQ(run_texts(with_words, {rows.input()}, 0),
            (std::vector<std::string>{std::to_string(wanted.left.label), std::to_string(wanted.right.label)}));
}

INSTANTIATE_TEST_SUITE_P(All, Classifier, testing::ValuesIn(cases()), [](const auto& info) { return info.param.name; });

// CatBoost gives the second class minus what the first has, and one sum is enough: with the bits of two, sums of zero
// and of infinities included, and where a leaf is no pair of opposites.
TEST(ClassifierInput, OpposedClassesScoreAsTwoSums) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto pair = [](float weight) { return Weights{{0, weight}, {1, -weight}}; };
  const std::vector<Tree<float>> opposed = {stump(pair(0.1f), pair(0.7f)), stump(pair(-0.1f), pair(1e-9f))};
  auto infinite = opposed;
  infinite.push_back(stump(pair(kInfinity), pair(-kInfinity)));
  infinite.push_back(stump(pair(-kInfinity), pair(-kInfinity)));
  const std::vector<Tree<float>> zero = {stump(pair(0.0f), pair(-0.0f))};
  auto unequal = opposed;
  unequal.push_back(stump({{0, 0.5f}, {1, -0.25f}}, pair(1)));
  auto missing = opposed;
  missing.push_back(stump({{0, 0.5f}}, pair(1)));
  auto unordered = opposed;
  unordered.push_back(stump({{1, 0.5f}, {0, -0.5f}}, pair(1)));
  const Dense<float> rows{{3, 1}, {-1, 1, kNan}};
  for (const auto& trees : {opposed, infinite, zero, unequal, missing, unordered}) {
    const Forest<float> forest{1, 2, trees};
    const auto wanted = run_one<float>(load(regressor_model(forest)), {rows.input()});
    const std::string bytes =
        classifier_model(forest, {attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1})});
    const auto got = run_one<float>(load(bytes), {rows.input()}, 1);
    ASSERT_EQ(got.shape, wanted.shape);
    EXPECT_EQ(std::memcmp(got.values.data(), wanted.values.data(), got.values.size() * sizeof(float)), 0);
  }
}

TEST(ClassifierInput, DoubleThresholdsAreNotNarrowed) {
  // 0.1 and the float nearest to it differ: only a double comparison tells them apart.
  Forest<double> forest;
  forest.n_targets = 2;
  Tree<double> tree;
  tree.nodes.resize(3);
  tree.nodes[0] = {"BRANCH_LEQ", 0, 0.1, {}, false, 1, 2, {}};
  tree.nodes[1] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, -1.0}}};
  tree.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 1.0}}};
  forest.trees = {tree};
  std::vector<Message> attributes = keyed_attributes(forest, "class", true);
  attributes.push_back(attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1}));
  ModelSpec spec;
  spec.ml_opset = 3;
  spec.inputs = {value_info("X", ARSENAL_DOUBLE, {"N", 1})};
  spec.outputs = {value_info("label", ARSENAL_INT64), value_info("scores", ARSENAL_FLOAT)};
  spec.nodes = {node("TreeEnsembleClassifier", {"X"}, {"label", "scores"}, attributes, "ml")};
  const Dense<double> rows{{2, 1}, {0.1, static_cast<double>(0.1f)}};
  EXPECT_EQ(run_one<std::int64_t>(load(model(spec)), {rows.input()}).values, (std::vector<std::int64_t>{0, 1}));
}

TEST(ClassifierAttributes, WrongOnesAreRefused) {
  const Forest<float> forest{1, 3, {stump({{0, 1.0f}}, {{2, 2.0f}})}};
  const auto message = [&](const std::vector<Message>& attributes) {
    return std::string(error_of([&] { load(classifier_model(forest, attributes)); }).what());
  };
  const auto labels = attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1, 2});
  const std::string where = "node 0 (TreeEnsembleClassifier): ";
  EXPECT_EQ(message({}), where + "it has 0 string labels and 0 int64 labels, wanted one kind");
  EXPECT_EQ(message({labels, attribute("classlabels_strings", std::vector<std::string>{"a"})}),
            where + "it has 1 string labels and 3 int64 labels, wanted one kind");
  EXPECT_EQ(message({labels, attribute("base_values", Floats{1, 2})}),
            where + "attribute 'base_values' has 2 entries for 3 classes");
  EXPECT_EQ(message({labels, attribute("post_transform", "TANH")}),
            where + "attribute 'post_transform' is 'TANH', wanted NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT");
  EXPECT_EQ(message({attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1})}),
            where + "entry 1 of class_ids is 2, wanted 0 to 1");
}

}  // namespace
}  // namespace arsenal::test
