// The ai.onnx operators, one small graph each, through the public interface.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "onnx_writer.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A graph of one node; inputs are named A, B, C and have the dtypes and ranks of the tensors given.
struct Graph {
  std::string op_type;
  std::vector<Message> attributes = {};
  std::int64_t opset = 21;
  std::vector<Message> initializers = {};
  std::vector<std::string> inputs = {};
};

template <typename Result>
Dense<Result> evaluate(const Graph& graph, const std::vector<Tensor<const void*>>& operands) {
  ModelSpec spec;
  spec.opset = graph.opset;
  spec.initializers = graph.initializers;
  std::vector<std::string> names = graph.inputs;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::string name(1, static_cast<char>('A' + i));
    std::vector<Dim> dims(operands[i].shape.size());
    for (std::size_t d = 0; d < dims.size(); ++d) dims[d] = name + std::to_string(d);
    spec.inputs.push_back(value_info(name, operands[i].dtype, dims));
    if (graph.inputs.empty()) names.push_back(name);
  }
  spec.nodes = {node(graph.op_type, names, {"Y"}, graph.attributes)};
  spec.outputs = {value_info("Y", DtypeOf<Result>::value)};
  return run_one<Result>(load(model(spec)), operands);
}

using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

template <typename T>
void expect(const Dense<T>& got, const Ints& shape, const std::vector<T>& values) {
  EXPECT_EQ(got.shape, shape);
  EXPECT_EQ(got.values, values);
}

TEST(Operators, ArithmeticBroadcasts) {
  const Dense<float> a{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Dense<float> row{{3}, {10, 20, 30}};
  const Dense<float> column{{2, 1}, {2, 4}};
  const Dense<float> scalar{{}, {2}};
  expect(evaluate<float>({"Add", {}}, {a.input(), row.input()}), {2, 3}, {11, 22, 33, 14, 25, 36});
  expect(evaluate<float>({"Sub", {}}, {row.input(), a.input()}), {2, 3}, {9, 18, 27, 6, 15, 24});
  expect(evaluate<float>({"Mul", {}}, {a.input(), column.input()}), {2, 3}, {2, 4, 6, 16, 20, 24});
  expect(evaluate<float>({"Div", {}}, {a.input(), scalar.input()}), {2, 3}, {.5, 1, 1.5, 2, 2.5, 3});
  expect(evaluate<float>({"Add", {}}, {column.input(), row.input()}), {2, 3}, {12, 22, 32, 14, 24, 34});
  expect(evaluate<float>({"Add", {}}, {scalar.input(), scalar.input()}), {}, {4});
  const Dense<float> none{{0, 3}, {}};
  expect(evaluate<float>({"Add", {}}, {none.input(), row.input()}), {0, 3}, {});
}

TEST(Operators, BroadcastsOfHigherRank) {
  Dense<std::int64_t> a{{2, 1, 3, 1}, {}};
  Dense<std::int64_t> b{{4, 1, 2}, {}};
  for (std::int64_t i = 0; i < 6; ++i) a.values.push_back(i * 100);
  for (std::int64_t i = 0; i < 8; ++i) b.values.push_back(i);
  Ints wanted;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      for (std::size_t k = 0; k < 3; ++k) {
        for (std::size_t l = 0; l < 2; ++l) wanted.push_back(a.values[i * 3 + k] + b.values[j * 2 + l]);
      }
    }
  }
  expect(evaluate<std::int64_t>({"Add", {}}, {a.input(), b.input()}), {2, 4, 3, 2}, wanted);
}

TEST(Operators, IntegersWrapAndTruncate) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  const Dense<std::int64_t> a{{4}, {kMin, -7, 7, kMin}};
  const Dense<std::int64_t> b{{4}, {-1, 2, -2, 1}};
  expect(evaluate<std::int64_t>({"Div", {}}, {a.input(), b.input()}), {4}, {kMin, -3, -3, kMin});
  expect(evaluate<std::int64_t>({"Sub", {}}, {a.input(), b.input()}), {4},
         {kMin + 1, -9, 9, std::numeric_limits<std::int64_t>::max()});
  expect(evaluate<std::int64_t>({"Neg", {}}, {a.input()}), {4}, {kMin, 7, -7, kMin});
  const Dense<std::int64_t> zero{{}, {0}};
  const Error error = error_of([&] { evaluate<std::int64_t>({"Div", {}}, {a.input(), zero.input()}); });
  EXPECT_EQ(error.status(), ARSENAL_INVALID_VALUE);
  EXPECT_STREQ(error.what(), "node 0 (Div): integer division by zero");
  const Dense<std::int32_t> small{{2}, {std::numeric_limits<std::int32_t>::max(), 5}};
  const Dense<std::int32_t> one{{1}, {1}};
  expect(evaluate<std::int32_t>({"Add", {}}, {small.input(), one.input()}), {2},
         {std::numeric_limits<std::int32_t>::min(), 6});
}

TEST(Operators, ShapesThatCannotBeBroadcastAreRefused) {
  const Dense<float> a{{2, 3}, Floats(6)};
  const Dense<float> b{{2, 2}, Floats(4)};
  const Error error = error_of([&] { evaluate<float>({"Add", {}}, {a.input(), b.input()}); });
  EXPECT_EQ(error.status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_STREQ(error.what(), "node 0 (Add): shapes [2, 3] and [2, 2] cannot be broadcast");
}

TEST(Operators, Comparisons) {
  const Dense<float> a{{4}, {1, kNan, 3, kInfinity}};
  const Dense<float> b{{4}, {1, 2, 2, 5}};
  for (const std::int64_t opset : {7, 9, 13, 28}) {
    expect(evaluate<Flag>({"Greater", {}, opset}, {a.input(), b.input()}), {4}, flags({false, false, true, true}));
    expect(evaluate<Flag>({"Less", {}, opset}, {b.input(), a.input()}), {4}, flags({false, false, true, true}));
  }
  const Dense<std::int64_t> i{{2, 1}, {1, 5}};
  const Dense<std::int64_t> j{{2}, {3, 0}};
  expect(evaluate<Flag>({"Less", {}}, {i.input(), j.input()}), {2, 2}, flags({true, false, false, false}));
  EXPECT_EQ(error_of([&] { evaluate<Flag>({"Less", {}, 7}, {i.input(), j.input()}); }).status(), ARSENAL_UNSUPPORTED);
}

TEST(Operators, WhereTakesAnyElementType) {
  const Dense<Flag> condition{{2, 1}, flags({true, false})};
  const Dense<float> yes{{2}, {1, 2}};
  const Dense<float> no{{1}, {9}};
  expect(evaluate<float>({"Where", {}, 9}, {condition.input(), yes.input(), no.input()}), {2, 2}, {1, 2, 9, 9});
  const std::vector<std::string> left = {"a"};
  const std::vector<std::string> right = {"", "long enough to be no small string"};
  const auto got = evaluate<arsenal_string>(
      {"Where", {}}, {condition.input(), strings({1}, left).input(), strings({2}, right).input()});
  EXPECT_EQ(got.shape, (Ints{2, 2}));
  // Strings point into the caller's own memory.
  EXPECT_EQ(got.values[1].data, left[0].data());
  EXPECT_EQ(got.values[2].size, 0U);
  EXPECT_EQ(got.values[3].data, right[1].data());
}

TEST(Operators, GatherNdLooksTuplesUp) {
  const Dense<float> data{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Dense<std::int64_t> cells{{2, 2}, {0, -1, 1, 0}};
  expect(evaluate<float>({"GatherND", {}}, {data.input(), cells.input()}), {2}, {3, 4});
  const Dense<std::int64_t> rows{{3, 1}, {1, 0, -1}};
  expect(evaluate<float>({"GatherND", {}}, {data.input(), rows.input()}), {3, 3}, {4, 5, 6, 1, 2, 3, 4, 5, 6});
  const Dense<std::int64_t> places{{2, 1}, {2, 0}};
  expect(evaluate<float>({"GatherND", {attribute("batch_dims", 1)}}, {data.input(), places.input()}), {2}, {3, 4});
  const Dense<std::int64_t> beyond{{1, 2}, {2, 0}};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"GatherND", {}}, {data.input(), beyond.input()}); }).what(),
               "node 0 (GatherND): index 2 is out of range for an extent of 2");
}

TEST(Operators, ScatterElementsUpdatesInOrder) {
  const Dense<float> data{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Dense<std::int64_t> indices{{2, 2}, {0, 0, -1, 1}};
  const Dense<float> updates{{2, 2}, {10, 20, 30, 40}};
  const auto scattered = [&](const char* reduction) {
    return evaluate<float>({"ScatterElements", {attribute("axis", 1), attribute("reduction", reduction)}},
                           {data.input(), indices.input(), updates.input()});
  };
  expect(scattered("none"), {2, 3}, {20, 2, 3, 4, 40, 30});
  expect(scattered("add"), {2, 3}, {31, 2, 3, 4, 45, 36});
  expect(scattered("mul"), {2, 3}, {200, 2, 3, 4, 200, 180});
  expect(scattered("max"), {2, 3}, {20, 2, 3, 4, 40, 30});
  expect(scattered("min"), {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_STREQ(error_of([&] { scattered("mean"); }).what(),
               "node 0 (ScatterElements): attribute 'reduction' is 'mean', wanted none, add, mul, min or max");
}

TEST(Operators, PReluStretchesTheSlopeAlone) {
  const Dense<float> x{{2, 2}, {-1, 2, -3, -4}};
  const Dense<float> slope{{2}, {10, 100}};
  expect(evaluate<float>({"PRelu", {}}, {x.input(), slope.input()}), {2, 2}, {-10, 2, -30, -400});
  const Dense<float> row{{2}, {-1, 2}};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"PRelu", {}}, {row.input(), x.input()}); }).what(),
               "node 0 (PRelu): a slope of shape [?, ?] cannot be broadcast to shape [?]");
}

TEST(Operators, CastBetweenNumbers) {
  const Dense<double> reals{{9}, {0.0, -0.9, 1.9, -1.9, 300.7, 3e9, 1e300, -1e300, std::nan("")}};
  const auto to = [](int dtype) { return std::vector<Message>{attribute("to", dtype)}; };
  constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min();
  constexpr std::int32_t kMin32 = std::numeric_limits<std::int32_t>::min();
  expect(evaluate<std::int64_t>({"Cast", to(ARSENAL_INT64)}, {reals.input()}), {9},
         {0, 0, 1, -1, 300, 3000000000, kMin64, kMin64, kMin64});
  expect(evaluate<std::int32_t>({"Cast", to(ARSENAL_INT32)}, {reals.input()}), {9},
         {0, 0, 1, -1, 300, kMin32, kMin32, kMin32, kMin32});
  expect(evaluate<std::uint8_t>({"Cast", to(ARSENAL_UINT8)}, {reals.input()}), {9}, {0, 0, 1, 255, 44, 0, 0, 0, 0});
  expect(evaluate<Flag>({"Cast", to(ARSENAL_BOOL)}, {reals.input()}), {9},
         flags({false, true, true, true, true, true, true, true, true}));
  const auto narrowed = evaluate<float>({"Cast", to(ARSENAL_FLOAT)}, {reals.input()});
  EXPECT_EQ(narrowed.values[4], 300.7f);
  EXPECT_EQ(narrowed.values[6], kInfinity);
  EXPECT_TRUE(std::isnan(narrowed.values[8]));
  const Dense<std::int64_t> integers{{3}, {-1, 16777217, 1LL << 40}};
  expect(evaluate<float>({"Cast", to(ARSENAL_FLOAT), 9}, {integers.input()}), {3}, {-1, 16777216, 1099511627776});
  expect(evaluate<std::int32_t>({"Cast", to(ARSENAL_INT32), 13}, {integers.input()}), {3}, {-1, 16777217, 0});
  expect(evaluate<std::uint64_t>({"Cast", to(ARSENAL_UINT64), 19}, {integers.input()}), {3},
         {~std::uint64_t{0}, 16777217, std::uint64_t{1} << 40});
  const Dense<std::uint64_t> large{{1}, {std::uint64_t{1} << 63}};
  expect(evaluate<double>({"Cast", to(ARSENAL_DOUBLE)}, {large.input()}), {1}, {0x1p63});
  const Dense<double> huge{{2}, {0x1p63, 0x1p64}};
  expect(evaluate<std::uint64_t>({"Cast", to(ARSENAL_UINT64)}, {huge.input()}), {2},
         {std::uint64_t{1} << 63, std::uint64_t{1} << 63});
  const Dense<Flag> flag{{2}, flags({true, false})};
  expect(evaluate<float>({"Cast", to(ARSENAL_FLOAT)}, {flag.input()}), {2}, {1, 0});
  const Error error = error_of([&] { evaluate<arsenal_string>({"Cast", to(ARSENAL_STRING)}, {reals.input()}); });
  EXPECT_EQ(error.status(), ARSENAL_UNSUPPORTED);
  EXPECT_STREQ(error.what(), "node 0 (Cast): a cast from double to string is not supported");
}

TEST(Operators, Concat) {
  const Dense<float> a{{2, 1}, {1, 2}};
  const Dense<float> b{{2, 3}, {3, 4, 5, 6, 7, 8}};
  const Dense<float> none{{2, 0}, {}};
  const auto axis = [](int value) { return std::vector<Message>{attribute("axis", value)}; };
  expect(evaluate<float>({"Concat", axis(1)}, {a.input(), none.input(), b.input()}), {2, 4}, {1, 3, 4, 5, 2, 6, 7, 8});
  expect(evaluate<float>({"Concat", axis(-1), 11}, {a.input(), b.input()}), {2, 4}, {1, 3, 4, 5, 2, 6, 7, 8});
  expect(evaluate<float>({"Concat", axis(0), 9}, {a.input(), a.input()}), {4, 1}, {1, 2, 1, 2});
  const Dense<std::uint8_t> bytes{{1, 3}, {1, 2, 3}};
  expect(evaluate<std::uint8_t>({"Concat", axis(0)}, {bytes.input(), bytes.input()}), {2, 3}, {1, 2, 3, 1, 2, 3});
  const Error error = error_of([&] { evaluate<float>({"Concat", axis(0)}, {a.input(), b.input()}); });
  EXPECT_EQ(error.status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_STREQ(error.what(),
               "node 0 (Concat): input 1 of shape [2, 3] does not fit input 0 of shape [2, 1] along axis 0");
  EXPECT_EQ(error_of([&] { evaluate<float>({"Concat", axis(2)}, {a.input(), b.input()}); }).status(),
            ARSENAL_INVALID_MODEL);
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Concat", {}}, {a.input()}); }).what(),
               "node 0 (Concat): attribute 'axis' is missing");
}

TEST(Operators, Reshape) {
  const Dense<float> a{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const auto to = [&](const Ints& target, std::vector<Message> attributes = {}, std::int64_t opset = 21) {
    const Graph graph{"Reshape",
                      std::move(attributes),
                      opset,
                      {tensor("target", {static_cast<std::int64_t>(target.size())}, target)},
                      {"A", "target"}};
    return evaluate<float>(graph, {a.input()});
  };
  expect(to({3, 2}), {3, 2}, a.values);
  expect(to({-1}, {}, 5), {6}, a.values);
  expect(to({0, -1, 1}, {}, 13), {2, 3, 1}, a.values);
  expect(to({-1, 3}), {2, 3}, a.values);
  EXPECT_STREQ(error_of([&] { to({4, -1}); }).what(), "node 0 (Reshape): shape [2, 3] cannot become [4, ?]");
  EXPECT_EQ(error_of([&] { to({0, -1}, {attribute("allowzero", 1)}); }).status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_EQ(error_of([&] { to({-1, -1}); }).status(), ARSENAL_INVALID_MODEL);
  EXPECT_EQ(error_of([&] { to({-2, 3}); }).status(), ARSENAL_INVALID_MODEL);
  EXPECT_EQ(error_of([&] { to({1, 1, 1, 1, 1, 1, 1, 1, 6}); }).status(), ARSENAL_UNSUPPORTED);
  EXPECT_EQ(error_of([&] { to({1LL << 62, 1LL << 62}); }).status(), ARSENAL_INVALID_MODEL);
}

TEST(Operators, FlattenSqueezeUnsqueeze) {
  const Dense<float> a{{2, 1, 3}, {1, 2, 3, 4, 5, 6}};
  expect(evaluate<float>({"Flatten", {}}, {a.input()}), {2, 3}, a.values);
  expect(evaluate<float>({"Flatten", {attribute("axis", 0)}}, {a.input()}), {1, 6}, a.values);
  expect(evaluate<float>({"Flatten", {attribute("axis", -1)}, 11}, {a.input()}), {2, 3}, a.values);
  expect(evaluate<float>({"Flatten", {attribute("axis", 3)}, 9}, {a.input()}), {6, 1}, a.values);
  const Message axes = tensor("axes", {1}, Ints{1});
  const Message back = tensor("axes", {2}, Ints{-1, 0});
  expect(evaluate<float>({"Squeeze", {}, 13, {axes}, {"A", "axes"}}, {a.input()}), {2, 3}, a.values);
  expect(evaluate<float>({"Squeeze", {attribute("axes", Ints{-2})}, 11}, {a.input()}), {2, 3}, a.values);
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Squeeze", {attribute("axes", Ints{2})}, 11}, {a.input()}); }).what(),
               "node 0 (Squeeze): axis 2 of shape [2, 1, 3] cannot be squeezed");
  expect(evaluate<float>({"Unsqueeze", {}, 21, {back}, {"A", "axes"}}, {a.input()}), {1, 2, 1, 3, 1}, a.values);
  expect(evaluate<float>({"Unsqueeze", {attribute("axes", Ints{1})}, 9}, {a.input()}), {2, 1, 1, 3}, a.values);
}

TEST(Operators, SqueezeWithoutAxesDropsWhatIsOneAtRunTime) {
  for (const std::int64_t rows : {1, 2}) {
    const Dense<float> a{{rows, 1, 2}, Floats(static_cast<std::size_t>(rows) * 2, 3)};
    expect(evaluate<float>({"Squeeze", {}}, {a.input()}), rows == 1 ? Ints{2} : Ints{2, 2}, a.values);
  }
}

TEST(Operators, Gather) {
  const Dense<float> table{{3, 2}, {1, 2, 3, 4, 5, 6}};
  const Dense<std::int64_t> rows{{2, 2}, {2, 0, -1, -3}};
  const Dense<std::int32_t> column{{}, {1}};
  expect(evaluate<float>({"Gather", {}}, {table.input(), rows.input()}), {2, 2, 2}, {5, 6, 1, 2, 5, 6, 1, 2});
  expect(evaluate<float>({"Gather", {attribute("axis", 1)}, 11}, {table.input(), column.input()}), {3}, {2, 4, 6});
  for (const std::int64_t bad : {3, -4}) {
    const Dense<std::int64_t> wrong{{1}, {bad}};
    const Error error = error_of([&] { evaluate<float>({"Gather", {}}, {table.input(), wrong.input()}); });
    EXPECT_EQ(error.status(), ARSENAL_INVALID_VALUE);
    EXPECT_EQ(error.what(), "node 0 (Gather): index " + std::to_string(bad) + " is out of range for an extent of 3");
  }
}

TEST(Operators, ArgMax) {
  const Dense<float> a{{2, 3}, {1, 3, 3, 5, kNan, 2}};
  expect(evaluate<std::int64_t>({"ArgMax", {attribute("axis", 1), attribute("keepdims", 0)}}, {a.input()}), {2},
         {1, 0});
  expect(
      evaluate<std::int64_t>({"ArgMax", {attribute("axis", -1), attribute("select_last_index", 1)}, 12}, {a.input()}),
      {2, 1}, {2, 0});
  expect(evaluate<std::int64_t>({"ArgMax", {}, 11}, {a.input()}), {1, 3}, {1, 0, 0});
  const Dense<float> none{{2, 0}, {}};
  EXPECT_EQ(error_of([&] { evaluate<std::int64_t>({"ArgMax", {attribute("axis", 1)}}, {none.input()}); }).status(),
            ARSENAL_SHAPE_MISMATCH);
}

TEST(Operators, TopK) {
  const Dense<double> a{{2, 4}, {3, 1, 3, 2, -1, kNan, 5, -7}};
  const auto top = [&](std::int64_t k, const std::vector<Message>& attributes, std::int64_t opset = 21) {
    ModelSpec spec;
    spec.opset = opset;
    spec.initializers = {tensor("K", {1}, Ints{k})};
    spec.inputs = {value_info("A", ARSENAL_DOUBLE, {"N", 4})};
    spec.nodes = {node("TopK", {"A", "K"}, {"values", "indices"}, attributes)};
    spec.outputs = {value_info("values", ARSENAL_DOUBLE), value_info("indices", ARSENAL_INT64)};
    return run_one<std::int64_t>(load(model(spec)), {a.input()}, 1).values;
  };
  // Of equal elements the first; NaN counts as larger than all.
  EXPECT_EQ(top(2, {}, 10), (Ints{0, 2, 1, 2}));
  EXPECT_EQ(top(4, {attribute("largest", 0)}, 11), (Ints{1, 3, 0, 2, 3, 0, 2, 1}));
  EXPECT_EQ(top(1, {attribute("axis", 0), attribute("sorted", 0)}, 24), (Ints{0, 1, 1, 0}));
  EXPECT_EQ(top(0, {}), Ints());
  const std::vector<Message> smallest = {attribute("largest", 0), attribute("axis", 1)};
  const Graph three{"TopK", smallest, 21, {tensor("K", {1}, Ints{3})}, {"A", "K"}};
  const Dense<float> b{{2, 3, 2}, {3, 0, 1, -1, 2, 5, 9, 9, 8, 7, 8, 7}};
  expect(evaluate<float>(three, {b.input()}), {2, 3, 2}, {1, -1, 2, 0, 3, 5, 8, 7, 8, 7, 9, 9});
  const Error few = error_of([&] { top(5, {}); });
  EXPECT_EQ(few.status(), ARSENAL_INVALID_MODEL);
  EXPECT_EQ(error_of([&] { top(-1, {}); }).status(), ARSENAL_INVALID_MODEL);
}

TEST(Operators, SoftmaxByVersion) {
  const Dense<double> a{{1, 2, 2}, {0, std::log(3.0), 1000, 1000}};
  const auto last = evaluate<double>({"Softmax", {}}, {a.input()});
  const std::vector<double> wanted = {0.25, 0.75, 0.5, 0.5};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(last.values[i], wanted[i], 1e-15);
  // Up to opset 12 all axes from the first on are one distribution.
  const auto flat = evaluate<double>({"Softmax", {}, 11}, {a.input()});
  EXPECT_EQ(flat.values, (std::vector<double>{0, 0, 0.5, 0.5}));
  const auto middle = evaluate<double>({"Softmax", {attribute("axis", 1)}}, {a.input()});
  EXPECT_EQ(middle.values, (std::vector<double>{0, 0, 1, 1}));
}

TEST(Operators, ExpAndSigmoid) {
  const Dense<float> a{{4}, {0, -1000, 1000, kNan}};
  const auto e = evaluate<float>({"Exp", {}}, {a.input()});
  EXPECT_EQ((Floats{e.values[0], e.values[1], e.values[2]}), (Floats{1, 0, kInfinity}));
  EXPECT_TRUE(std::isnan(e.values[3]));
  const auto s = evaluate<float>({"Sigmoid", {}, 9}, {a.input()});
  EXPECT_EQ((Floats{s.values[0], s.values[1], s.values[2]}), (Floats{0.5, 0, 1}));
}

TEST(Operators, ActivationsWithAndWithoutAttributes) {
  const Dense<float> a{{4}, {-2, -0.25f, 0.25f, 4}};
  const Message alpha = attribute("alpha", 0.5f);
  expect(evaluate<float>({"Relu", {}}, {a.input()}), {4}, {0, 0, 0.25f, 4});
  expect(evaluate<float>({"LeakyRelu", {alpha}}, {a.input()}), {4}, {-1, -0.125f, 0.25f, 4});
  expect(evaluate<float>({"ThresholdedRelu", {alpha}}, {a.input()}), {4}, {0, 0, 0, 4});
  expect(evaluate<float>({"HardSigmoid", {alpha, attribute("beta", 0.25f)}}, {a.input()}), {4}, {0, 0.125f, 0.375f, 1});
  expect(evaluate<float>({"Softsign", {}}, {a.input()}), {4}, {-2.0f / 3, -0.2f, 0.2f, 0.8f});
  expect(evaluate<std::int8_t>({"Relu", {}}, {Dense<std::int8_t>{{2}, {-128, 5}}.input()}), {2}, {0, 5});
  const auto elu = evaluate<float>({"Elu", {alpha}}, {a.input()});
  EXPECT_FLOAT_EQ(elu.values[0], static_cast<float>(0.5 * std::expm1(-2.0)));
  EXPECT_EQ(elu.values[3], 4);
  // Far out erf has no digits left to subtract from 1; Gelu has.
  const auto gelu = evaluate<double>({"Gelu", {}}, {Dense<double>{{2}, {-20, 1}}.input()});
  EXPECT_NEAR(gelu.values[0] / (-20 * 2.7536241186062337e-89), 1, 1e-14);
  EXPECT_NEAR(gelu.values[1], 0.8413447460685429, 1e-15);
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Gelu", {attribute("approximate", "erf")}}, {a.input()}); }).what(),
               "node 0 (Gelu): attribute 'approximate' is 'erf', wanted 'none' or 'tanh'");
  EXPECT_EQ(error_of([&] { evaluate<std::int8_t>({"Relu", {}, 13}, {Dense<std::int8_t>{{1}, {1}}.input()}); }).status(),
            ARSENAL_UNSUPPORTED);
}

TEST(Operators, RoundsHalvesToEven) {
  const Dense<double> a{{6}, {-2.5, -0.5, 0.5, 1.5, 2.5, kInfinity}};
  expect(evaluate<double>({"Round", {}}, {a.input()}), {6}, {-2, 0, 0, 2, 2, kInfinity});
}

TEST(Operators, ModBySignOfDivisorOrDividend) {
  const Dense<std::int32_t> a{{4}, {-7, 7, -6, std::numeric_limits<std::int32_t>::min()}};
  const Dense<std::int32_t> b{{4}, {3, -3, 3, -1}};
  expect(evaluate<std::int32_t>({"Mod", {}, 10}, {a.input(), b.input()}), {4}, {2, -2, 0, 0});
  expect(evaluate<std::int32_t>({"Mod", {attribute("fmod", 1)}}, {a.input(), b.input()}), {4}, {-1, 1, 0, 0});
  EXPECT_STREQ(
      error_of([&] { evaluate<std::int32_t>({"Mod", {}}, {a.input(), Dense<std::int32_t>{{}, {0}}.input()}); }).what(),
      "node 0 (Mod): integer division by zero");
  const Dense<float> c{{3}, {-7.5f, 7.5f, 3}};
  const Dense<float> d{{3}, {2, -2, -kInfinity}};
  expect(evaluate<float>({"Mod", {}, 28}, {c.input(), d.input()}), {3}, {0.5f, -0.5f, -kInfinity});
  expect(evaluate<float>({"Mod", {attribute("fmod", 1)}, 10}, {c.input(), d.input()}), {3}, {-1.5f, 1.5f, 3});
}

TEST(Operators, LogicOnTruth) {
  const Dense<Flag> a{{4}, flags({false, false, true, true})};
  const Dense<Flag> b{{4}, flags({false, true, false, true})};
  expect(evaluate<Flag>({"And", {}}, {a.input(), b.input()}), {4}, flags({false, false, false, true}));
  expect(evaluate<Flag>({"Or", {}}, {a.input(), b.input()}), {4}, flags({false, true, true, true}));
  expect(evaluate<Flag>({"Xor", {}, 7}, {a.input(), b.input()}), {4}, flags({false, true, true, false}));
  expect(evaluate<Flag>({"Equal", {}}, {a.input(), b.input()}), {4}, flags({true, false, false, true}));
  expect(evaluate<Flag>({"Not", {}, 9}, {a.input()}), {4}, flags({true, true, false, false}));
  // A caller's bytes other than 0 and 1 are true, too.
  const std::vector<std::uint8_t> bytes = {0, 2, 255, 1};
  const Tensor<const void*> loose{bytes.data(), ARSENAL_BOOL, a.input().shape, {}};
  expect(evaluate<Flag>({"Equal", {}}, {loose, b.input()}), {4}, flags({true, true, false, true}));
  expect(evaluate<Flag>({"Not", {}}, {loose}), {4}, flags({true, false, false, false}));
}

TEST(Operators, EqualComparesStrings) {
  const std::vector<std::string> left = {"a", "", "ab"}, right = {"a", "b", "ab "};
  expect(evaluate<Flag>({"Equal", {}, 19}, {strings({3}, left).input(), strings({3}, right).input()}), {3},
         flags({true, false, false}));
  EXPECT_EQ(error_of([&] {
              evaluate<Flag>({"Equal", {}, 13}, {strings({3}, left).input(), strings({3}, right).input()});
            }).status(),
            ARSENAL_UNSUPPORTED);
}

TEST(Operators, OrderWithEquality) {
  const Dense<double> a{{4}, {1, std::nan(""), 3, -0.0}};
  const Dense<double> b{{4}, {1, 2, 4, 0}};
  expect(evaluate<Flag>({"LessOrEqual", {}, 12}, {a.input(), b.input()}), {4}, flags({true, false, true, true}));
  expect(evaluate<Flag>({"GreaterOrEqual", {}}, {a.input(), b.input()}), {4}, flags({true, false, false, true}));
}

TEST(Operators, NanAndInfinity) {
  const Dense<float> a{{4}, {1, kNan, kInfinity, -kInfinity}};
  expect(evaluate<Flag>({"IsNaN", {}, 9}, {a.input()}), {4}, flags({false, true, false, false}));
  expect(evaluate<Flag>({"IsInf", {}, 10}, {a.input()}), {4}, flags({false, false, true, true}));
  expect(evaluate<Flag>({"IsInf", {attribute("detect_positive", 0)}}, {a.input()}), {4},
         flags({false, false, false, true}));
  expect(evaluate<Flag>({"IsInf", {attribute("detect_negative", 0)}}, {a.input()}), {4},
         flags({false, false, true, false}));
}

TEST(Operators, PowerTakesTwoDtypes) {
  const Dense<float> base{{3}, {2, -2, 9}};
  const Dense<std::int64_t> exponent{{3}, {3, 3, -1}};
  expect(evaluate<float>({"Pow", {}}, {base.input(), exponent.input()}), {3}, {8, -8, 1.0f / 9});
  const Dense<std::int64_t> whole{{4}, {3, -2, 0, 7}};
  const Dense<std::int64_t> powers{{4}, {39, 63, 0, -1}};
  expect(evaluate<std::int64_t>({"Pow", {}, 13}, {whole.input(), powers.input()}), {4},
         {4052555153018976267, std::numeric_limits<std::int64_t>::min(), 1, 0});
  const Dense<float> half{{}, {0.5}};
  expect(evaluate<std::int64_t>({"Pow", {}}, {Dense<std::int64_t>{{2}, {9, 10}}.input(), half.input()}), {2}, {3, 3});
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Pow", {}, 7}, {base.input(), exponent.input()}); }).what(),
               "node 0 (Pow): input 1 has dtype int64, supported: float");
}

TEST(Operators, ManyOperandsAtOnce) {
  const Dense<float> a{{2, 2}, {1, kNan, 3, -1}};
  const Dense<float> b{{2}, {2, 2}};
  const Dense<float> c{{1}, {0}};
  const auto most = evaluate<float>({"Max", {}}, {a.input(), b.input(), c.input()});
  EXPECT_EQ((Floats{most.values[0], most.values[2], most.values[3]}), (Floats{2, 3, 2}));
  EXPECT_TRUE(std::isnan(most.values[1]));
  const auto least = evaluate<float>({"Min", {}, 8}, {c.input(), a.input()});
  EXPECT_EQ((Floats{least.values[0], least.values[2], least.values[3]}), (Floats{0, 0, -1}));
  EXPECT_TRUE(std::isnan(least.values[1]));
  expect(evaluate<float>({"Sum", {}}, {b.input(), b.input(), c.input()}), {2}, {4, 4});
  expect(evaluate<float>({"Mean", {}}, {b.input(), c.input()}), {2}, {1, 1});
  expect(evaluate<std::int64_t>({"Max", {}}, {Dense<std::int64_t>{{2}, {1, 5}}.input()}), {2}, {1, 5});
  EXPECT_STREQ(
      error_of([&] { evaluate<float>({"Max", {}}, {b.input(), Dense<float>{{3}, Floats(3)}.input()}); }).what(),
      "node 0 (Max): input 1 of shape [3] cannot be broadcast to [2]");
}

TEST(Operators, ClipByAttributeAndByOperand) {
  const Dense<float> a{{5}, {-5, 0, 5, kNan, kInfinity}};
  const auto same = [](const Dense<float>& got, const Floats& wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_TRUE(got.values[i] == wanted[i] || (std::isnan(got.values[i]) && std::isnan(wanted[i]))) << i;
    }
  };
  constexpr float kMost = std::numeric_limits<float>::max();
  same(evaluate<float>({"Clip", {attribute("min", -1.0f)}, 6}, {a.input()}), {-1, 0, 5, kNan, kMost});
  const Dense<float> low{{}, {-1}}, high{{}, {2}};
  same(evaluate<float>({"Clip", {}}, {a.input(), low.input(), high.input()}), {-1, 0, 2, kNan, 2});
  // Where the bounds cross the upper one wins.
  same(evaluate<float>({"Clip", {}}, {a.input(), high.input(), low.input()}), {-1, -1, -1, kNan, -1});
  same(evaluate<float>({"Clip", {}, 13, {}, {"A", "", "B"}}, {a.input(), high.input()}), {-5, 0, 2, kNan, 2});
  EXPECT_EQ(error_of([&] { evaluate<float>({"Clip", {}}, {a.input(), a.input()}); }).status(), ARSENAL_SHAPE_MISMATCH);
}

TEST(Operators, ReduceAlongAxes) {
  const Dense<float> a{{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}};
  const auto axes = [](const Ints& values) {
    return tensor("axes", {static_cast<std::int64_t>(values.size())}, values);
  };
  const auto keep = [](int value) { return attribute("keepdims", value); };
  expect(evaluate<float>({"ReduceSum", {}, 13, {axes({1})}, {"A", "axes"}}, {a.input()}), {2, 1, 2}, {4, 6, 12, 14});
  expect(evaluate<float>({"ReduceSum", {keep(0)}, 13, {axes({0, -1})}, {"A", "axes"}}, {a.input()}), {2}, {14, 22});
  expect(evaluate<float>({"ReduceSum", {attribute("axes", Ints{0, 2}), keep(0)}, 11}, {a.input()}), {2}, {14, 22});
  expect(evaluate<float>({"ReduceMean", {attribute("axes", Ints{1})}, 13}, {a.input()}), {2, 1, 2}, {2, 3, 6, 7});
  expect(evaluate<float>({"ReduceMax", {keep(0)}, 18, {axes({2})}, {"A", "axes"}}, {a.input()}), {2, 2}, {2, 4, 6, 8});
  expect(evaluate<float>({"ReduceSum", {}}, {a.input()}), {1, 1, 1}, {36});
  expect(evaluate<float>({"ReduceSum", {attribute("noop_with_empty_axes", 1)}}, {a.input()}), {2, 2, 2}, a.values);
  const Dense<float> none{{0, 2}, {}};
  expect(evaluate<float>({"ReduceSum", {keep(0)}, 13, {axes({0})}, {"A", "axes"}}, {none.input()}), {2}, {0, 0});
  expect(evaluate<float>({"ReduceMax", {keep(0)}, 18, {axes({0})}, {"A", "axes"}}, {none.input()}), {2},
         {-kInfinity, -kInfinity});
  EXPECT_EQ(error_of([&] { evaluate<float>({"ReduceMin", {}, 18, {axes({3})}, {"A", "axes"}}, {a.input()}); }).status(),
            ARSENAL_INVALID_MODEL);
}

// A sum of floats is rounded once: small terms are not lost beside large ones.
TEST(Operators, SumsOfFloatsAreAddedInDouble) {
  Dense<float> a{{1, 1001}, Floats(1001, 1)};
  a.values[0] = 16777216;
  expect(evaluate<float>({"ReduceSum", {attribute("axes", Ints{1}), attribute("keepdims", 0)}, 11}, {a.input()}), {1},
         {16778216});
}

TEST(Operators, LogarithmsOfSums) {
  const Dense<double> a{{2, 2}, {std::log(3.0), 0, 1000, 1000}};
  const auto sum = evaluate<double>({"ReduceLogSumExp", {attribute("axes", Ints{1})}, 13}, {a.input()});
  EXPECT_NEAR(sum.values[0], std::log(4.0), 1e-15);
  EXPECT_NEAR(sum.values[1], 1000 + std::log(2.0), 1e-12);
  const Dense<double> none{{1, 0}, {}};
  expect(evaluate<double>({"ReduceLogSumExp", {attribute("axes", Ints{1})}, 13}, {none.input()}), {1, 1},
         {-std::numeric_limits<double>::infinity()});
  EXPECT_NEAR(evaluate<double>({"ReduceLogSum", {}, 28}, {a.input()}).values[0], std::log(2000 + std::log(3.0)), 1e-15);
}

TEST(Operators, CumSum) {
  const Dense<std::int64_t> a{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const auto sums = [&](std::int64_t axis, std::vector<Message> attributes) {
    return evaluate<std::int64_t>(
        {"CumSum", std::move(attributes), 14, {tensor("axis", {}, Ints{axis})}, {"A", "axis"}}, {a.input()});
  };
  expect(sums(1, {}), {2, 3}, {1, 3, 6, 4, 9, 15});
  expect(sums(-2, {attribute("reverse", 1)}), {2, 3}, {5, 7, 9, 4, 5, 6});
  expect(sums(1, {attribute("exclusive", 1), attribute("reverse", 1)}), {2, 3}, {5, 3, 0, 11, 6, 0});
  EXPECT_EQ(error_of([&] { sums(2, {}); }).status(), ARSENAL_INVALID_MODEL);
}

TEST(Operators, TileAndPad) {
  const Dense<std::int32_t> a{{1, 3}, {1, 2, 3}};
  const auto tile = [&](const Ints& repeats) {
    return evaluate<std::int32_t>({"Tile", {}, 13, {tensor("r", {2}, repeats)}, {"A", "r"}}, {a.input()});
  };
  expect(tile({2, 2}), {2, 6}, {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
  expect(tile({1, 0}), {1, 0}, {});
  EXPECT_STREQ(error_of([&] { tile({1, std::numeric_limits<std::int64_t>::max()}); }).what(),
               "node 0 (Tile): shape [1, 3] cannot be repeated: repeats has 2 entries, or is too large");
  const auto pad = [&](const Ints& pads, const char* mode) {
    const Graph graph{"Pad", {attribute("mode", mode)}, 19, {tensor("p", {4}, pads)}, {"A", "p"}};
    return evaluate<std::int32_t>(graph, {a.input()});
  };
  expect(pad({0, 1, 1, 2}, "constant"), {2, 6}, {0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0});
  expect(pad({0, 3, 0, 3}, "reflect"), {1, 9}, {2, 3, 2, 1, 2, 3, 2, 1, 2});
  expect(pad({1, 1, 0, -1}, "edge"), {2, 3}, {1, 1, 2, 1, 1, 2});
  expect(pad({0, 4, 0, 1}, "wrap"), {1, 8}, {3, 1, 2, 3, 1, 2, 3, 1});
  EXPECT_EQ(error_of([&] { pad({0, -2, 0, -2}, "constant"); }).status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_EQ(error_of([&] { pad({0, 0, 0, 0}, "mirror"); }).status(), ARSENAL_INVALID_MODEL);
}

TEST(Operators, OneHotAndCompress) {
  const Dense<std::int64_t> a{{3}, {0, -1, 7}};
  const Graph hot{"OneHot",
                  {attribute("axis", 0)},
                  11,
                  {tensor("depth", {}, Ints{2}), tensor("values", {2}, Floats{3, 5})},
                  {"A", "depth", "values"}};
  expect(evaluate<float>(hot, {a.input()}), {2, 3}, {5, 3, 3, 3, 5, 3});
  const Dense<float> b{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const auto compress = [&](std::vector<Message> attributes) {
    const Graph graph{"Compress",
                      std::move(attributes),
                      11,
                      {raw_tensor("c", {3}, ARSENAL_BOOL, std::string("\0\1\1", 3))},
                      {"A", "c"}};
    return evaluate<float>(graph, {b.input()});
  };
  expect(compress({attribute("axis", -1)}), {2, 2}, {2, 3, 5, 6});
  expect(compress({}), {2}, {2, 3});
  EXPECT_EQ(error_of([&] { compress({attribute("axis", 0)}); }).status(), ARSENAL_SHAPE_MISMATCH);
  const Dense<Flag> open{{3}, flags({true, false, true})};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Compress", {}}, {b.input(), open.input()}); }).what(),
               "node 0 (Compress): input 1 (condition) must be an initializer or follow from initializers");
}

// The second operand tells a dtype alone: it makes neither a constant nor the rows of the result its own.
TEST(Operators, CastLikeDoesNotNeedItsSecondOperand) {
  ModelSpec spec;
  spec.inputs = {value_info("A", ARSENAL_FLOAT, {"N", 2}), value_info("B", ARSENAL_FLOAT, {"M"})};
  spec.initializers = {tensor("shape", {2}, std::vector<std::int32_t>{-1, 1}), tensor("wide", {}, Ints{0})};
  spec.nodes = {node("CastLike", {"shape", "wide"}, {"s"}), node("Reshape", {"B", "s"}, {"column"}),
                node("CastLike", {"A", "B"}, {"Y"}), node("Size", {"column"}, {"size"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("size", ARSENAL_INT64)};
  const Session session = load(model(spec));
  const Dense<float> a{{2, 2}, {1, 2, 3, 4}}, b{{5}, Floats(5)};
  expect(run_one<float>(session, {a.input(), b.input()}), {2, 2}, a.values);
  expect(run_one<std::int64_t>(session, {a.input(), b.input()}, 1), {}, {5});
}

TEST(Operators, GatherElements) {
  const Dense<float> a{{2, 3}, {1, 2, 3, 4, 5, 6}};
  const Dense<std::int64_t> columns{{2, 2}, {2, 0, -1, 1}};
  const Dense<std::int32_t> rows{{1, 3}, {1, 0, -1}};
  expect(evaluate<float>({"GatherElements", {attribute("axis", 1)}}, {a.input(), columns.input()}), {2, 2},
         {3, 1, 6, 5});
  expect(evaluate<float>({"GatherElements", {}, 11}, {a.input(), rows.input()}), {1, 3}, {4, 2, 6});
  const Dense<std::int64_t> wrong{{1, 1}, {2}};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"GatherElements", {}}, {a.input(), wrong.input()}); }).what(),
               "node 0 (GatherElements): index 2 is out of range for an extent of 2");
  EXPECT_EQ(error_of([&] {
              evaluate<float>({"GatherElements", {attribute("axis", 1)}},
                              {a.input(), Dense<std::int64_t>{{3, 1}, Ints(3)}.input()});
            }).status(),
            ARSENAL_SHAPE_MISMATCH);
}

TEST(Operators, SliceAndSplit) {
  const Dense<float> a{{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}};
  const auto slice = [&](const Ints& starts, const Ints& ends, const Ints& axes, const Ints& steps) {
    const auto list = [](const char* name, const Ints& values) {
      return tensor(name, {static_cast<std::int64_t>(values.size())}, values);
    };
    const Graph graph{"Slice",
                      {},
                      13,
                      {list("s", starts), list("e", ends), list("x", axes), list("t", steps)},
                      {"A", "s", "e", "x", "t"}};
    return evaluate<float>(graph, {a.input()});
  };
  constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max(),
                         kBack = std::numeric_limits<std::int64_t>::min();
  expect(slice({1}, {3}, {1}, {1}), {2, 2}, {2, 3, 6, 7});
  expect(slice({-1}, {kBack}, {1}, {-2}), {2, 2}, {4, 2, 8, 6});
  expect(slice({0}, {kFar}, {-1}, {kFar}), {2, 1}, {1, 5});
  expect(slice({kFar}, {kBack}, {1}, {kBack}), {2, 1}, {4, 8});
  expect(slice({1, 1}, {2, 0}, {0, 1}, {1, 1}), {1, 0}, {});
  expect(evaluate<float>({"Slice", {attribute("starts", Ints{1}), attribute("ends", Ints{9})}, 9}, {a.input()}), {1, 4},
         {5, 6, 7, 8});
  EXPECT_EQ(error_of([&] { slice({1}, {3}, {1}, {0}); }).status(), ARSENAL_INVALID_MODEL);
  EXPECT_EQ(error_of([&] { slice({1, 1}, {3, 3}, {1, -1}, {1, 1}); }).status(), ARSENAL_INVALID_MODEL);
  EXPECT_EQ(error_of([&] { slice({1}, {3, 4}, {1}, {1}); }).status(), ARSENAL_INVALID_MODEL);

  ModelSpec spec;
  spec.opset = 18;
  spec.inputs = {value_info("A", ARSENAL_FLOAT, {"N", 4})};
  spec.nodes = {node("Split", {"A"}, {"Y", "Z", "W"}, {attribute("axis", 1), attribute("num_outputs", 3)})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("Z", ARSENAL_FLOAT)};
  const Session session = load(model(spec));
  expect(run_one<float>(session, {a.input()}, 1), {2, 2}, {3, 4, 7, 8});
  spec.nodes = {node("Split", {"A"}, {"Y", "Z"}, {attribute("axis", 1), attribute("split", Ints{3, 1})})};
  spec.opset = 11;
  expect(run_one<float>(load(model(spec)), {a.input()}, 1), {2, 1}, {4, 8});
  spec.nodes = {node("Split", {"A"}, {"Y", "Z"}, {attribute("axis", 1), attribute("split", Ints{3, 2})})};
  EXPECT_STREQ(error_of([&] { load(model(spec)); }).what(),
               "node 0 (Split): axis 1 of shape [?, 4] cannot be split into these 2 parts");
}

TEST(Operators, ExpandAndTranspose) {
  const Dense<float> a{{2, 1}, {1, 2}};
  const auto expand = [&](const Ints& shape) {
    const Graph graph{"Expand", {}, 13, {tensor("s", {static_cast<std::int64_t>(shape.size())}, shape)}, {"A", "s"}};
    return evaluate<float>(graph, {a.input()});
  };
  expect(expand({2, 3}), {2, 3}, {1, 1, 1, 2, 2, 2});
  expect(expand({2, 1, 2}), {2, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2});
  expect(expand({1}), {2, 1}, {1, 2});
  EXPECT_STREQ(error_of([&] { expand({3, 1}); }).what(), "node 0 (Expand): shape [2, 1] cannot be expanded to [3, 1]");
  const Dense<std::int64_t> cube{{1, 2, 3}, {1, 2, 3, 4, 5, 6}};
  expect(evaluate<std::int64_t>({"Transpose", {}}, {cube.input()}), {3, 2, 1}, {1, 4, 2, 5, 3, 6});
  expect(evaluate<std::int64_t>({"Transpose", {attribute("perm", Ints{0, 2, 1})}, 13}, {cube.input()}), {1, 3, 2},
         {1, 4, 2, 5, 3, 6});
  EXPECT_EQ(error_of([&] {
              evaluate<std::int64_t>({"Transpose", {attribute("perm", Ints{0, 0, 1})}}, {cube.input()});
            }).status(),
            ARSENAL_INVALID_MODEL);
}

// Its result is known at load if the shape is, so that other operators may ask for it there.
TEST(Operators, ShapeOfAKnownShapeIsAConstant) {
  const Dense<float> a{{2, 3}, {1, 2, 3, 4, 5, 6}};
  expect(evaluate<std::int64_t>({"Shape", {}, 13}, {a.input()}), {2}, {2, 3});
  expect(evaluate<std::int64_t>({"Shape", {attribute("start", -1)}}, {a.input()}), {1}, {3});
  ModelSpec spec;
  spec.inputs = {value_info("A", ARSENAL_FLOAT, {2, 3}), value_info("B", ARSENAL_FLOAT, {"N"})};
  spec.nodes = {node("Shape", {"A"}, {"s"}), node("Reshape", {"B", "s"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const Dense<float> b{{6}, {6, 5, 4, 3, 2, 1}};
  expect(run_one<float>(load(model(spec)), {a.input(), b.input()}), {2, 3}, b.values);
}

TEST(Operators, ConstantInEachForm) {
  const auto constant = [](const Message& value, std::int64_t opset = 13) {
    ModelSpec spec;
    spec.opset = opset;
    spec.nodes = {node("Constant", {}, {"Y"}, {value})};
    spec.outputs = {value_info("Y", ARSENAL_UNDEFINED)};
    return load(model(spec));
  };
  expect(run_one<float>(constant(attribute("value", tensor("", {2, 1}, Floats{1, 2})), 9), {}), {2, 1}, {1, 2});
  expect(run_one<float>(constant(attribute("value_float", 2.5f)), {}), {}, {2.5});
  expect(run_one<float>(constant(attribute("value_floats", Floats{1, 2})), {}), {2}, {1, 2});
  expect(run_one<std::int64_t>(constant(attribute("value_int", 7)), {}), {}, {7});
  expect(run_one<std::int64_t>(constant(attribute("value_ints", Ints{7, 8})), {}), {2}, {7, 8});
  EXPECT_EQ(run_texts(constant(attribute("value_string", "s")), {}), std::vector<std::string>{"s"});
  EXPECT_EQ(run_texts(constant(attribute("value_strings", std::vector<std::string>{"s", ""})), {}),
            (std::vector<std::string>{"s", ""}));
  EXPECT_EQ(error_of([&] { constant(attribute("value_float", 2.5f), 11); }).status(), ARSENAL_INVALID_MODEL);
}

TEST(Operators, UnknownOnesAreNamed) {
  const Dense<float> a{{1}, {1}};
  const Error error = error_of([&] { evaluate<float>({"Frobnicate", {}, 17}, {a.input()}); });
  EXPECT_EQ(error.status(), ARSENAL_UNSUPPORTED);
  EXPECT_STREQ(error.what(),
               "node 0 (Frobnicate): operator 'Frobnicate' of domain 'ai.onnx', opset 17, is not supported");
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Add", {}, 6}, {a.input(), a.input()}); }).what(),
               "node 0 (Add): operator 'Add' of domain 'ai.onnx', opset 6, is not supported: it is older than the "
               "versions that this runtime has");
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Add", {}, 99}, {a.input(), a.input()}); }).what(),
               "the model uses opset 99 of domain 'ai.onnx', this runtime knows 1 to 28");
}

TEST(Operators, AttributesThatDoNotBelongAreRefused) {
  const Dense<float> a{{1}, {1}};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Exp", {attribute("axis", 1)}}, {a.input()}); }).what(),
               "node 0 (Exp): attribute 'axis' does not belong to this operator");
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Flatten", {attribute("axis", 1.0f)}}, {a.input()}); }).what(),
               "node 0 (Flatten): attribute 'axis' is a float, wanted a int");
  const std::vector<Message> twice = {attribute("axis", 1), attribute("axis", 1)};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Flatten", twice}, {a.input()}); }).what(),
               "node 0 (Flatten): attribute 'axis' appears twice");
}

TEST(Operators, OperandsAreCountedAndTyped) {
  const Dense<float> a{{1}, {1}};
  const Dense<double> d{{1}, {1}};
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Add", {}}, {a.input()}); }).what(),
               "node 0 (Add): it has 1 inputs, wanted 2");
  EXPECT_STREQ(error_of([&] { evaluate<float>({"Add", {}}, {a.input(), d.input()}); }).what(),
               "node 0 (Add): input 1 has dtype double, supported: float");
  const Dense<std::uint8_t> bytes{{1}, {1}};
  EXPECT_STREQ(error_of([&] { evaluate<std::uint8_t>({"Exp", {}}, {bytes.input()}); }).what(),
               "node 0 (Exp): input 0 has dtype uint8, supported: float, double");
}

}  // namespace
}  // namespace arsenal::test
