// Every operator in every dtype that it takes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "forest.h"
#include "onnx_writer.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

template <typename Result>
std::vector<Result> evaluate(const std::string& op_type, const std::vector<Tensor<const void*>>& operands,
                             const std::vector<Message>& attributes = {}, const std::string& domain = "") {
  ModelSpec spec;
  std::vector<std::string> names;
  for (const auto& operand : operands) {
    names.push_back(std::string(1, static_cast<char>('A' + names.size())));
    std::vector<Dim> dims;
    for (std::size_t d = 0; d < operand.shape.size(); ++d) dims.emplace_back("n" + std::to_string(d));
    spec.inputs.push_back(value_info(names.back(), operand.dtype, dims));
  }
  spec.nodes = {node(op_type, names, {"Y"}, attributes, domain)};
  spec.outputs = {value_info("Y", DtypeOf<Result>::value)};
  return run_one<Result>(load(model(spec)), operands).values;
}

template <typename T>
Dense<T> list(const std::vector<T>& values) {
  return {{static_cast<std::int64_t>(values.size())}, values};
}

template <typename T>
class Numbers : public testing::Test {};
using ArithmeticTypes = testing::Types<float, double, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(Numbers, ArithmeticTypes);

TYPED_TEST(Numbers, ArithmeticAndComparisons) {
  using T = TypeParam;
  const auto a = list<T>({6, -8, 9, 0});
  const auto b = list<T>({3, 2, 9, -5});
  EXPECT_EQ(evaluate<T>("Add", {a.input(), b.input()}), (std::vector<T>{9, -6, 18, -5}));
  EXPECT_EQ(evaluate<T>("Sub", {a.input(), b.input()}), (std::vector<T>{3, -10, 0, 5}));
  EXPECT_EQ(evaluate<T>("Mul", {a.input(), b.input()}), (std::vector<T>{18, -16, 81, 0}));
  EXPECT_EQ(evaluate<T>("Div", {a.input(), b.input()}), (std::vector<T>{2, -4, 1, 0}));
  EXPECT_EQ(evaluate<T>("Neg", {a.input()}), (std::vector<T>{-6, 8, -9, 0}));
  EXPECT_EQ(evaluate<Flag>("Greater", {a.input(), b.input()}), flags({true, false, false, true}));
  EXPECT_EQ(evaluate<Flag>("Less", {a.input(), b.input()}), flags({false, true, false, false}));
  EXPECT_EQ(evaluate<std::int64_t>("ArgMax", {a.input()}), std::vector<std::int64_t>{2});
  const auto ties = list<T>({4, 7, 7, 1});
  EXPECT_EQ(evaluate<std::int64_t>("ArgMax", {ties.input()}), std::vector<std::int64_t>{1});
  EXPECT_EQ(evaluate<std::int64_t>("ArgMax", {ties.input()}, {attribute("select_last_index", 1)}),
            std::vector<std::int64_t>{2});
}

template <typename T>
class RealNumbers : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(RealNumbers, Reals);

TYPED_TEST(RealNumbers, ExpSigmoidSoftmax) {
  using T = TypeParam;
  const auto x = list<T>({-2, 0, 3});
  const T tolerance = std::is_same_v<T, float> ? T(1e-6) : T(1e-14);
  const auto e = evaluate<T>("Exp", {x.input()});
  const auto s = evaluate<T>("Sigmoid", {x.input()});
  const auto p = evaluate<T>("Softmax", {x.input()}, {attribute("axis", 0)});
  const double sum = std::exp(-2.0) + 1 + std::exp(3.0);
  for (std::size_t i = 0; i < 3; ++i) {
    const double v = x.values[i];
    EXPECT_NEAR(e[i], std::exp(v), std::exp(v) * tolerance);
    EXPECT_NEAR(s[i], 1 / (1 + std::exp(-v)), tolerance);
    EXPECT_NEAR(p[i], std::exp(v) / sum, tolerance);
  }
}

// Post-transforms of the trees, in the type of the trees.
TYPED_TEST(RealNumbers, PostTransforms) {
  using T = TypeParam;
  Forest<T> forest;
  forest.n_targets = 3;
  for (std::int64_t k = 0; k < 3; ++k) {
    Tree<T> tree;
    tree.nodes.resize(1);
    tree.nodes[0].mode = "LEAF";
    tree.nodes[0].weights = {{k, static_cast<T>(k == 1 ? 0 : 0.25 * static_cast<double>(k + 1))}};
    forest.trees.push_back(tree);
  }
  const auto x = Dense<T>{{1, 1}, {0}};
  const auto scores = [&](int transform) {
    return run_one<T>(load(ensemble_model(forest, {attribute("post_transform", transform)})), {x.input()}).values;
  };
  const double raw[3] = {0.25, 0, 0.75};
  const double sum = std::exp(0.25) + 1 + std::exp(0.75);
  const double zero_sum = sum - 1;
  const T tolerance = std::is_same_v<T, float> ? T(1e-6) : T(1e-14);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ(scores(0)[k], static_cast<T>(raw[k]));
    EXPECT_NEAR(scores(1)[k], std::exp(raw[k]) / sum, tolerance);
    EXPECT_NEAR(scores(2)[k], 1 / (1 + std::exp(-raw[k])), tolerance);
    EXPECT_NEAR(scores(3)[k], k == 1 ? 0 : std::exp(raw[k]) / zero_sum, tolerance);
  }
  // The quantiles of the normal distribution, as well as the approximation gives them.
  EXPECT_NEAR(scores(4)[0], -0.6745, 2e-3);
  EXPECT_EQ(scores(4)[1], -std::numeric_limits<T>::infinity());
  EXPECT_NEAR(scores(4)[2], 0.6745, 2e-3);
}

// All that moves elements without looking at them.
template <typename T>
void expect_moved(const T& a, const T& b, const T& c) {
  const auto same = [](const T& x, const T& y) {
    if constexpr (std::is_same_v<T, arsenal_string>) {
      return x.data == y.data && x.size == y.size;
    } else {
      return x == y;
    }
  };
  const auto expect = [&](const std::vector<T>& got, const std::vector<T>& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(same(got[i], wanted[i])) << i;
  };
  const auto x = list<T>({a, b, c});
  const Dense<T> column{{3, 1}, {a, b, c}};
  const Dense<std::int64_t> indices{{2}, {2, -3}};
  const auto choice = list<Flag>(flags({true, false, true}));
  const auto y = list<T>({c, c, b});
  expect(evaluate<T>("Identity", {x.input()}), {a, b, c});
  expect(evaluate<T>("Concat", {x.input(), x.input()}, {attribute("axis", 0)}), {a, b, c, a, b, c});
  expect(evaluate<T>("Concat", {column.input(), column.input()}, {attribute("axis", 1)}), {a, a, b, b, c, c});
  expect(evaluate<T>("Gather", {x.input(), indices.input()}), {c, a});
  expect(evaluate<T>("Where", {choice.input(), x.input(), y.input()}), {a, c, c});
  expect(evaluate<T>("Flatten", {column.input()}), {a, b, c});
  expect(evaluate<T>("Cast", {x.input()}, {attribute("to", DtypeOf<T>::value)}), {a, b, c});
}

TEST(AnyDtype, ElementsAreMovedAsTheyAre) {
  expect_moved<float>(1, 2, 3);
  expect_moved<double>(1, 2, 3);
  expect_moved<std::int8_t>(1, -2, 3);
  expect_moved<std::int16_t>(1, -2, 3);
  expect_moved<std::int32_t>(1, -2, 3);
  expect_moved<std::int64_t>(1, -2, 3);
  expect_moved<std::uint8_t>(1, 200, 3);
  expect_moved<std::uint16_t>(1, 2, 60000);
  expect_moved<std::uint32_t>(1, 2, 3);
  expect_moved<std::uint64_t>(1, 2, 3);
  expect_moved<Flag>(Flag::kTrue, Flag::kFalse, Flag::kTrue);
  const std::string words[] = {"one", "", "a third one, somewhat longer"};
  expect_moved<arsenal_string>(string_element(words[0]), string_element(words[1]), string_element(words[2]));
}

template <typename From, typename To>
void expect_cast() {
  // Numbers that every type holds.
  const auto x = list<From>({static_cast<From>(0), static_cast<From>(1), static_cast<From>(100)});
  const auto y = evaluate<To>("Cast", {x.input()}, {attribute("to", DtypeOf<To>::value)});
  EXPECT_EQ(y, (std::vector<To>{static_cast<To>(0), static_cast<To>(1), static_cast<To>(100)}))
      << DtypeOf<From>::value << " to " << DtypeOf<To>::value;
  const auto flag = evaluate<Flag>("Cast", {x.input()}, {attribute("to", ARSENAL_BOOL)});
  EXPECT_EQ(flag, flags({false, true, true}));
  const auto from_flag = list<Flag>(flags({false, true}));
  EXPECT_EQ(evaluate<To>("Cast", {from_flag.input()}, {attribute("to", DtypeOf<To>::value)}),
            (std::vector<To>{static_cast<To>(0), static_cast<To>(1)}));
}

template <typename From, typename... To>
void expect_casts_from() {
  (expect_cast<From, To>(), ...);
}

template <typename... All>
void expect_casts_between() {
  (expect_casts_from<All, All...>(), ...);
}

TEST(AnyDtype, CastsBetweenAllNumbers) {
  expect_casts_between<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                       std::uint16_t, std::uint32_t, std::uint64_t>();
}

// Three keys or values of each type that LabelEncoder takes, and its element in a tensor.
template <typename T>
struct Label {
  static std::vector<T> values() { return {static_cast<T>(7), static_cast<T>(-2), static_cast<T>(30)}; }
  static Message as_tensor(const std::vector<T>& list) {
    const std::string bytes(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
    return raw_tensor("", {static_cast<std::int64_t>(list.size())}, DtypeOf<T>::value, bytes);
  }
  static T unknown() { return static_cast<T>(-1); }
  static bool is_default(T value) { return value == (std::is_integral_v<T> ? static_cast<T>(-1) : T{0}); }
  static bool same(T a, T b) { return a == b; }
};

const std::string kWords[] = {"seven", "", "thirty", "unknown"};

template <>
struct Label<arsenal_string> {
  static std::vector<arsenal_string> values() {
    return {string_element(kWords[0]), string_element(kWords[1]), string_element(kWords[2])};
  }
  static Message as_tensor(const std::vector<arsenal_string>& list) {
    std::vector<std::string> words;
    for (const arsenal_string& element : list) words.emplace_back(view(element));
    return tensor("", {static_cast<std::int64_t>(words.size())}, words);
  }
  static arsenal_string unknown() { return string_element(kWords[3]); }
  static bool is_default(const arsenal_string& value) { return view(value) == "_Unused"; }
  static bool same(const arsenal_string& a, const arsenal_string& b) { return view(a) == view(b); }
};

template <typename Key, typename Value>
void expect_encoded() {
  const auto keys = Label<Key>::values();
  const auto values = Label<Value>::values();
  ModelSpec spec;
  spec.inputs = {value_info("X", DtypeOf<Key>::value, {"N"})};
  spec.outputs = {value_info("Y", DtypeOf<Value>::value)};
  spec.nodes = {node("LabelEncoder", {"X"}, {"Y"},
                     {attribute("keys_tensor", Label<Key>::as_tensor(keys)),
                      attribute("values_tensor", Label<Value>::as_tensor(values))},
                     "ml")};
  const Session session = load(model(spec));
  const auto got =
      run_one<Value>(session, {list<Key>({keys[2], Label<Key>::unknown(), keys[1], keys[0]}).input()}).values;
  EXPECT_TRUE(Label<Value>::same(got[0], values[2]));
  EXPECT_TRUE(Label<Value>::is_default(got[1]));
  EXPECT_TRUE(Label<Value>::same(got[2], values[1]));
  EXPECT_TRUE(Label<Value>::same(got[3], values[0]));
}

template <typename Key, typename... Values>
void expect_encoded_from() {
  (expect_encoded<Key, Values>(), ...);
}

template <typename... All>
void expect_encoded_between() {
  (expect_encoded_from<All, All...>(), ...);
}

TEST(AnyDtype, LabelsOfEachTypeToEachType) {
  expect_encoded_between<arsenal_string, float, double, std::int16_t, std::int32_t, std::int64_t>();
}

TEST(AnyDtype, ClassifierTakesIntegersAsFloats) {
  auto forest = random_forest<float>({20, 8, 3, 2});
  std::vector<Message> attributes = keyed_attributes(forest, "class");
  attributes.push_back(attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1}));
  const auto run = [&](int dtype, const auto& rows) {
    ModelSpec spec;
    spec.inputs = {value_info("X", dtype, {"N", 3})};
    spec.outputs = {value_info("label", ARSENAL_INT64), value_info("p", ARSENAL_FLOAT)};
    spec.nodes = {node("TreeEnsembleClassifier", {"X"}, {"label", "p"}, attributes, "ml")};
    return run_one<float>(load(model(spec)), {rows.input()}, 1).values;
  };
  Dense<float> reals{{30, 3}, {}};
  Dense<std::int64_t> wide{{30, 3}, {}};
  Dense<std::int32_t> narrow{{30, 3}, {}};
  for (int i = 0; i < 90; ++i) {
    reals.values.push_back(static_cast<float>(i * 7 % 19 - 9));
    wide.values.push_back(i * 7 % 19 - 9);
    narrow.values.push_back(i * 7 % 19 - 9);
  }
  const auto wanted = run(ARSENAL_FLOAT, reals);
  EXPECT_EQ(run(ARSENAL_INT64, wide), wanted);
  EXPECT_EQ(run(ARSENAL_INT32, narrow), wanted);
}

}  // namespace
}  // namespace arsenal::test
