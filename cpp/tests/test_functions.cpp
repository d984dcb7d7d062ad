// Model-local functions: a call means its body.
#include <gtest/gtest.h>

#include <cstdint>

#include "onnx_writer.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Floats = std::vector<float>;

constexpr int kFloatAttribute = 1, kIntAttribute = 2;

Message call(const std::string& name, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
             const std::vector<Message>& attributes = {}) {
  return node(name, inputs, outputs, attributes, "own");
}

Session load_functions(const std::vector<Message>& nodes, const std::vector<Message>& functions,
                       const std::vector<std::string>& outputs = {"Y"}, const Options& options = {}) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.nodes = nodes;
  spec.functions = functions;
  for (const std::string& name : outputs) spec.outputs.push_back(value_info(name, ARSENAL_FLOAT));
  return load(model(spec), options);
}

Floats scores(const Session& session, std::size_t output = 0) {
  static const Dense<float> x{{2, 2}, {1, -2, 3, -4}};
  return run_one<float>(session, {x.input()}, output).values;
}

std::string message_of(const std::vector<Message>& nodes, const std::vector<Message>& functions) {
  return error_of([&] { load_functions(nodes, functions); }).what();
}

// a * |x| + b, with values called as those of the graph are.
Message affine() {
  return function({"Affine",
                   {"Y", "b"},
                   {"X"},
                   {node("Abs", {"Y"}, {"size"}),
                    node("Constant", {}, {"a"}, {attribute_reference("value_float", "a", kFloatAttribute)}),
                    node("Mul", {"size", "a"}, {"scaled"}), node("Add", {"scaled", "b"}, {"X"})},
                   {"a"}});
}

TEST(Functions, CallsAreTheirBodies) {
  const Session session =
      load_functions({node("Neg", {"X"}, {"size"}), call("Affine", {"size", "X"}, {"scaled"}, {attribute("a", 2.0f)}),
                      call("Affine", {"scaled", "size"}, {"Y"}, {attribute("a", 10.0f)})},
                     {affine()});
  // scaled = 2|x| + x = 3, 2, 9, 4, then 10|scaled| - x.
  EXPECT_EQ(scores(session), (Floats{29, 22, 87, 44}));
}

TEST(Functions, RowsStayRowsWithinThem) {
  const Session session = load_functions({call("Affine", {"X", "X"}, {"Y"}, {attribute("a", 1.0f)})}, {affine()});
  Dense<float> many{{1000, 2}, Floats(2000, -1)};
  EXPECT_EQ(run_one<float>(session, {many.input()}).values, Floats(2000, 0));
  EXPECT_EQ(session.outputs()[0].dims, (std::vector<std::int64_t>{-1, 2}));
}

TEST(Functions, CallOneAnother) {
  const Message twice =
      function({"Twice",
                {"x"},
                {"y"},
                {call("Affine", {"x", "x"}, {"t"}, {attribute_reference("a", "factor", kFloatAttribute)}),
                 call("Affine", {"t", "x"}, {"y"}, {attribute("a", 1.0f)})},
                {"factor"}});
  const Session session = load_functions({call("Twice", {"X"}, {"Y"}, {attribute("factor", 3.0f)})}, {twice, affine()});
  // t = 3|x| + x = 4, 4, 12, 8; y = t + x.
  EXPECT_EQ(scores(session), (Floats{5, 2, 15, 4}));
}

TEST(Functions, AttributesMayHaveDefaultsOrBeLeftOut) {
  const Message reduce = function(
      {"Reduce",
       {"x"},
       {"y"},
       {node("ReduceSum", {"x"}, {"y"},
             {attribute_reference("keepdims", "keep", kIntAttribute), attribute_reference("axes", "axes", 7)})},
       {"axes"},
       {attribute("keep", 0)},
       11});
  const auto axes = attribute("axes", std::vector<std::int64_t>{1});
  EXPECT_EQ(scores(load_functions({call("Reduce", {"X"}, {"Y"}, {axes})}, {reduce})), (Floats{-1, -1}));
  EXPECT_EQ(scores(load_functions({call("Reduce", {"X"}, {"Y"})}, {reduce})), (Floats{-2}));
  const Session kept = load_functions({call("Reduce", {"X"}, {"Y"}, {axes, attribute("keep", 1)})}, {reduce});
  EXPECT_EQ(kept.outputs()[0].dims.size(), 2U);
}

TEST(Functions, InputsMayBeLeftOut) {
  const Message clip = function({"Limit", {"x", "low", "high"}, {"y"}, {node("Clip", {"x", "low", "high"}, {"y"})}});
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.initializers = {tensor("two", {}, Floats{2})};
  spec.functions = {clip};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  spec.nodes = {call("Limit", {"X", "", "two"}, {"Y"})};
  EXPECT_EQ(scores(load(model(spec))), (Floats{1, -2, 2, -4}));
  spec.nodes = {call("Limit", {"X", "two"}, {"Y"})};
  EXPECT_EQ(scores(load(model(spec))), (Floats{2, 2, 3, 2}));
}

// The function's own version of Softmax counts, not the graph's.
TEST(Functions, ImportTheirOwnOpsets) {
  const auto softmax = [](std::int64_t opset) {
    return function({"Soft", {"x"}, {"y"}, {node("Softmax", {"x"}, {"y"}, {attribute("axis", 0)})}, {}, {}, opset});
  };
  const Floats flat = scores(load_functions({call("Soft", {"X"}, {"Y"})}, {softmax(11)}));
  EXPECT_NEAR(flat[0] + flat[1] + flat[2] + flat[3], 1, 1e-6);
  const Floats columns = scores(load_functions({call("Soft", {"X"}, {"Y"})}, {softmax(13)}));
  EXPECT_NEAR(columns[0] + columns[2], 1, 1e-6);
  EXPECT_STREQ(
      message_of({call("Soft", {"X"}, {"Y"})}, {softmax(99)}).c_str(),
      "node 0 (Soft): node 0 (Softmax): the model uses opset 99 of domain 'ai.onnx', this runtime knows 1 to 28");
}

TEST(Functions, HandInputsOn) {
  const Message pair = function({"Pair", {"x"}, {"x", "n", "n"}, {node("Neg", {"x"}, {"n"})}});
  const Session session = load_functions({call("Pair", {"X"}, {"A", "B", "C"})}, {pair}, {"A", "B", "C"});
  EXPECT_EQ(scores(session, 0), (Floats{1, -2, 3, -4}));
  EXPECT_EQ(scores(session, 1), (Floats{-1, 2, -3, 4}));
  EXPECT_EQ(scores(session, 2), (Floats{-1, 2, -3, 4}));
  // An output that nobody wants.
  EXPECT_EQ(scores(load_functions({call("Pair", {"X"}, {"", "Y"})}, {pair})), (Floats{-1, 2, -3, 4}));
}

TEST(Functions, AreToldApartByOverload) {
  const auto sign = [](const std::string& overload, const std::string& op) {
    return function({"F", {"x"}, {"y"}, {node(op, {"x"}, {"y"})}, {}, {}, 21, "own", overload});
  };
  const auto overloaded = [](const std::string& overload) { return call("F", {"X"}, {"Y"}).bytes(8, overload); };
  const std::vector<Message> functions = {sign("one", "Neg"), sign("two", "Abs")};
  EXPECT_EQ(scores(load_functions({overloaded("one")}, functions)), (Floats{-1, 2, -3, 4}));
  EXPECT_EQ(scores(load_functions({overloaded("two")}, functions)), (Floats{1, 2, 3, 4}));
  EXPECT_STREQ(message_of({overloaded("three")}, functions).c_str(),
               "node 0 (F): there is no function with overload 'three'");
}

// A function may stand in for an operator of the same name.
TEST(Functions, GoBeforeOperators) {
  const Message exp = function({"Exp", {"x"}, {"y"}, {node("Neg", {"x"}, {"y"})}, {}, {}, 21, ""});
  EXPECT_EQ(scores(load_functions({node("Exp", {"X"}, {"Y"})}, {exp})), (Floats{-1, 2, -3, 4}));
}

TEST(Functions, MayNotCallThemselves) {
  const Message even = function({"Even", {"x"}, {"y"}, {call("Odd", {"x"}, {"y"})}});
  const Message odd = function({"Odd", {"x"}, {"y"}, {call("Even", {"x"}, {"y"})}});
  EXPECT_STREQ(message_of({call("Even", {"X"}, {"Y"})}, {even, odd}).c_str(),
               "node 0 (Even): node 0 (Odd): node 0 (Even): function 'Even' calls itself, which no model may");
}

TEST(Functions, ThatMultiplyAreBounded) {
  // Each calls the next one twice: 2^40 calls.
  std::vector<Message> functions;
  for (int i = 0; i < 40; ++i) {
    const std::string next = "F" + std::to_string(i + 1);
    functions.push_back(
        function({"F" + std::to_string(i), {"x"}, {"y"}, {call(next, {"x"}, {"t"}), call(next, {"t"}, {"y"})}}));
  }
  functions.push_back(function({"F40", {"x"}, {"x"}, {}}));
  EXPECT_EQ(error_of([&] { load_functions({call("F0", {"X"}, {"Y"})}, functions); }).status(), ARSENAL_LIMIT_EXCEEDED);
  // A chain that is too long for any stack.
  functions.clear();
  for (int i = 0; i < 5000; ++i) {
    functions.push_back(
        function({"F" + std::to_string(i), {"x"}, {"y"}, {call("F" + std::to_string(i + 1), {"x"}, {"y"})}}));
  }
  EXPECT_EQ(error_of([&] { load_functions({call("F0", {"X"}, {"Y"})}, functions); }).status(), ARSENAL_LIMIT_EXCEEDED);
}

TEST(Functions, MistakesAreNamed) {
  const Message one = function({"One", {"x"}, {"y"}, {node("Neg", {"x"}, {"y"})}});
  EXPECT_STREQ(message_of({call("One", {"X", "X"}, {"Y"})}, {one}).c_str(),
               "node 0 (One): it has 2 inputs and 1 outputs, function 'One' takes 1 and makes 1");
  EXPECT_STREQ(message_of({call("One", {"X"}, {"Y"}, {attribute("a", 1)})}, {one}).c_str(),
               "node 0 (One): attribute 'a' does not belong to function 'One'");
  EXPECT_STREQ(message_of({call("One", {"X"}, {"Y"})}, {one, one}).c_str(),
               "function 'One' of domain 'own' is defined twice");
  EXPECT_STREQ(message_of({call("Two", {"X"}, {"Y"})}, {one}).c_str(),
               "node 0 (Two): operator 'Two' of domain 'own', opset 1, is not supported");
  const auto body = [](const std::vector<Message>& nodes) { return function({"One", {"x"}, {"y"}, nodes}); };
  const auto reason = [&](const std::vector<Message>& nodes) {
    return message_of({call("One", {"X"}, {"Y"})}, {body(nodes)});
  };
  EXPECT_STREQ(reason({node("Neg", {"X"}, {"y"})}).c_str(),
               "node 0 (One): node 0 (Neg): its input 'X' is not produced by anything before it in the function");
  EXPECT_STREQ(reason({node("Neg", {"x"}, {"x"})}).c_str(),
               "node 0 (One): node 0 (Neg): value 'x' is defined twice in the function");
  EXPECT_STREQ(reason({node("Neg", {"x"}, {"z"})}).c_str(),
               "node 0 (One): output 'y' of function 'One' is not produced by anything");
  EXPECT_STREQ(reason({node("Concat", {"x"}, {"y"}, {attribute_reference("axis", "axis", kIntAttribute)})}).c_str(),
               "node 0 (One): node 0 (Concat): attribute 'axis' refers to 'axis', which the function does not have");
  EXPECT_STREQ(reason({node("Neg", {"x"}, {"y"}, {}, "elsewhere")}).c_str(),
               "node 0 (One): node 0 (Neg): the function does not import its domain 'elsewhere'");
  EXPECT_STREQ(reason({node("Add", {"x"}, {"y"}, {}, "", "sum")}).c_str(),
               "node 0 (One): node 'sum' (Add): it has 1 inputs, wanted 2");
  const Message outside = node("Neg", {"X"}, {"Y"}, {attribute_reference("a", "b", kIntAttribute)});
  EXPECT_STREQ(message_of({outside}, {}).c_str(),
               "graph.node[0]: attribute 'a' refers to a function's attribute outside of a function");
}

}  // namespace
}  // namespace arsenal::test
