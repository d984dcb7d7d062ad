// The protobuf reader and the ONNX structures: what is accepted, and what is said of what is not.
#include <gtest/gtest.h>

#include "failure.h"
#include "forest.h"
#include "onnx/model.h"
#include "onnx/wire.h"
#include "onnx_writer.h"
#include "plan/constant.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using runtime::Failure;
using runtime::onnx::WireReader;

template <typename Call>
std::string failure_of(const Call& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

// Reads one field of a message by `read`.
template <typename Read>
std::string failure_of_field(const std::string& bytes, const Read& read) {
  return failure_of([&] {
    for (WireReader reader(bytes, "Test"); reader.next();) read(reader);
  });
}

TEST(Wire, ReadsEveryKindOfField) {
  Message message;
  message.integer(1, -1).varint(2, ~std::uint64_t{0}).real(3, 1.5f).bytes(4, "text").integer(5, 7).integer(5, 8);
  std::string packed;
  for (const int value : {1, 2, 3}) packed += static_cast<char>(value);
  message.bytes(5, packed);
  message.real(6, 2.5f).bytes(6, std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  std::vector<std::int64_t> integers;
  std::vector<float> reals;
  for (WireReader reader(message.text(), "Test"); reader.next();) {
    switch (reader.field()) {
      case 1:
        EXPECT_EQ(reader.integer(), -1);
        break;
      case 2:
        EXPECT_EQ(reader.integer(), -1);
        break;
      case 3:
        EXPECT_EQ(reader.real(), 1.5f);
        break;
      case 4:
        EXPECT_EQ(reader.text(), "text");
        break;
      case 5:
        reader.integers(integers);
        break;
      default:
        reader.reals(reals);
    }
  }
  EXPECT_EQ(integers, (std::vector<std::int64_t>{7, 8, 1, 2, 3}));
  EXPECT_EQ(reals, (std::vector<float>{2.5f, 1, 2}));
}

TEST(Wire, DoublesPackedOrNot) {
  const double values[] = {1.5, -2.5};
  const std::string raw(reinterpret_cast<const char*>(values), sizeof(values));
  std::string bytes = Message().bytes(10, raw).text();
  bytes += static_cast<char>(10 << 3 | 1);
  bytes += raw.substr(0, 8);
  std::vector<double> doubles;
  for (WireReader reader(bytes, "Test"); reader.next();) reader.doubles(doubles);
  EXPECT_EQ(doubles, (std::vector<double>{1.5, -2.5, 1.5}));
}

TEST(Wire, SkipsWhatItDoesNotKnow) {
  std::string bytes = Message().integer(1, 5).bytes(2, "abc").real(3, 1).text();
  bytes += static_cast<char>(4 << 3 | 1);
  bytes += "12345678";
  std::size_t fields = 0;
  for (WireReader reader(bytes, "Test"); reader.next(); ++fields) reader.skip();
  EXPECT_EQ(fields, 4U);
}

TEST(Wire, SaysWhatIsWrong) {
  const auto skip = [](WireReader& reader) { reader.skip(); };
  const auto bytes = [](WireReader& reader) { reader.bytes(); };
  EXPECT_EQ(failure_of_field("\x08", skip), "Test field 1 at offset 0 is cut off inside a number");
  EXPECT_EQ(failure_of_field("\x12\x7f"
                             "ab",
                             skip),
            "Test field 2 at offset 0 claims 127 bytes, 2 are left");
  EXPECT_EQ(failure_of_field("\x0d"
                             "ab",
                             skip),
            "Test field 1 at offset 0 claims 4 bytes, 2 are left");
  EXPECT_EQ(failure_of_field("\x0b", skip), "Test field 1 at offset 0 has an unknown wire type");
  EXPECT_EQ(failure_of_field(std::string(1, '\0'), skip), "Test field 0 at offset 0 has an invalid tag");
  EXPECT_EQ(failure_of_field("\x08\x01", bytes), "Test field 1 at offset 0 has the wrong wire type");
  EXPECT_EQ(failure_of_field(std::string("\x08") + std::string(9, '\xff') + "\x02", skip),
            "Test field 1 at offset 0 has a number of more than 64 bits");
  EXPECT_EQ(failure_of_field(std::string("\x08") + std::string(10, '\xff') + "\x01", skip),
            "Test field 1 at offset 0 has a number of more than 64 bits");
  std::vector<float> reals;
  EXPECT_EQ(failure_of_field("\x0a\x03"
                             "abc",
                             [&](WireReader& reader) { reader.reals(reals); }),
            "Test field 1 at offset 0 has a packed length that is no multiple of 4");
  std::vector<std::int64_t> integers;
  EXPECT_EQ(failure_of_field("\x0a\x01\x80\x01", [&](WireReader& reader) { reader.integers(integers); }),
            "Test field 1 at offset 0 has a packed element that runs over its end");
  EXPECT_EQ(failure_of_field(Message().bytes(1, "\xff").text(), [](WireReader& reader) { reader.text(); }),
            "Test field 1 at offset 0 is not UTF-8");
  EXPECT_EQ(
      failure_of_field(Message().bytes(1, std::string("a\0", 2)).text(), [](WireReader& reader) { reader.text(); }),
      "Test field 1 at offset 0 holds a zero byte");
}

TEST(Wire, Utf8) {
  for (const char* good : {"", "ascii", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\x89"})
    EXPECT_TRUE(runtime::onnx::is_utf8(good));
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf8\x88\x80\x80\x80", "a\xc3(", "\xe2\x82"}) {
    EXPECT_FALSE(runtime::onnx::is_utf8(bad));
  }
}

TEST(Constants, EveryFieldThatHoldsElements) {
  const auto read = [](const Message& message) {
    // A tensor is read as an initializer.
    const std::string bytes =
        Message().message(7, Message().message(5, message)).message(8, Message().integer(2, 21)).text();
    return runtime::Constant::of_proto(runtime::onnx::parse_model(bytes, 10).graph.initializers.at(0));
  };
  const auto header = [](int dtype, std::int64_t dim) { return Message().integer(1, dim).integer(2, dtype); };
  EXPECT_EQ(read(header(ARSENAL_FLOAT, 2).real(4, 1).real(4, 2)).as<float>()[1], 2);
  EXPECT_EQ(read(header(ARSENAL_INT32, 2).integer(5, -3).integer(5, 4)).as<std::int32_t>()[0], -3);
  EXPECT_EQ(read(header(ARSENAL_INT8, 1).integer(5, -3)).as<std::int8_t>()[0], -3);
  EXPECT_EQ(read(header(ARSENAL_INT16, 1).integer(5, -300)).as<std::int16_t>()[0], -300);
  EXPECT_EQ(read(header(ARSENAL_UINT8, 1).integer(5, 200)).as<std::uint8_t>()[0], 200);
  EXPECT_EQ(read(header(ARSENAL_UINT16, 1).integer(5, 60000)).as<std::uint16_t>()[0], 60000);
  EXPECT_EQ(read(header(ARSENAL_BOOL, 1).integer(5, 1)).as<std::uint8_t>()[0], 1);
  EXPECT_EQ(read(header(ARSENAL_INT64, 1).integer(7, -5)).as<std::int64_t>()[0], -5);
  EXPECT_EQ(read(header(ARSENAL_UINT64, 1).varint(11, ~std::uint64_t{0})).as<std::uint64_t>()[0], ~std::uint64_t{0});
  EXPECT_EQ(read(header(ARSENAL_UINT32, 1).varint(11, 4000000000U)).as<std::uint32_t>()[0], 4000000000U);
  EXPECT_EQ(read(header(ARSENAL_STRING, 2).bytes(6, "a").bytes(6, "")).as<arsenal_string>()[1].size, 0U);
  EXPECT_EQ(read(raw_tensor("", {2}, ARSENAL_BOOL, std::string("\x07\0", 2))).as<std::uint8_t>()[0], 1);
  // No dims: a scalar.
  EXPECT_EQ(read(Message().integer(2, ARSENAL_FLOAT).real(4, 3)).size(), 1);

  EXPECT_EQ(failure_of([&] { read(header(ARSENAL_UINT8, 1).integer(5, 300)); }),
            "its element 0 does not fit its data_type");
  EXPECT_EQ(failure_of([&] { read(header(ARSENAL_FLOAT, 2).real(4, 1)); }),
            "its float_data has 1 elements, its dims ask for 2 elements");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", {2}, ARSENAL_FLOAT, "1234567")); }),
            "its raw_data has 7 bytes, its dims ask for 2 elements");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", {-1}, ARSENAL_FLOAT, "")); }), "it has a negative dimension");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", {1LL << 40, 1LL << 40}, ARSENAL_FLOAT, "")); }),
            "its raw_data has 0 bytes, its dims ask for -1 elements");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", {1}, 16, "12")); }), "its data_type 16 is not supported");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", {1}, ARSENAL_STRING, "a")); }), "strings cannot be raw_data");
  EXPECT_EQ(failure_of([&] { read(raw_tensor("", std::vector<std::int64_t>(9, 1), ARSENAL_FLOAT, "1234")); }),
            "its rank is 9, supported is up to 8");
  EXPECT_EQ(
      failure_of([&] { read(header(ARSENAL_FLOAT, 1).bytes(8, "w").message(13, Message().bytes(1, "location"))); }),
      "graph.initializer[0]: tensor 'w' keeps its data outside the file; save the model in one file");
  EXPECT_EQ(failure_of([&] { read(header(ARSENAL_FLOAT, 1).integer(14, 1)); }),
            "graph.initializer[0]: tensor '' keeps its data outside the file; save the model in one file");
}

std::string message_of(const std::string& bytes) {
  return error_of([&] { load(bytes); }).what();
}

TEST(Models, WhatIsNoModelIsRefused) {
  EXPECT_EQ(message_of(""), "ModelProto.graph is missing: these bytes are no ONNX model");
  EXPECT_EQ(message_of("hello"), "ModelProto field 13 at offset 2 has an unknown wire type");
  const std::string good = model({{}, {value_info("X", ARSENAL_FLOAT, {"N"})}, {value_info("X", ARSENAL_FLOAT)}, {}});
  EXPECT_NO_THROW(load(good));
  EXPECT_EQ(message_of(good + Message().message(7, Message()).text()), "ModelProto.graph appears twice");
  EXPECT_EQ(message_of(Message().message(7, Message()).text()), "ModelProto.opset_import is missing");
}

ModelSpec relay() {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT, {"N", 2})};
  spec.nodes = {node("Exp", {"X"}, {"Y"}, {}, "", "first")};
  return spec;
}

template <typename Change>
std::string changed(const Change& change) {
  ModelSpec spec = relay();
  change(spec);
  return message_of(model(spec));
}

TEST(Models, GraphsThatDoNotHoldTogetherAreRefused) {
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {"Z"}, {"Y"}, {}, "", "first")}; }),
            "node 'first' (Exp): its input 'Z' is not produced by anything");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {"Z"}, {"Y"}), node("Exp", {"Y"}, {"Z"})}; }),
            "node 0 (Exp): its input 'Z' is produced by this or a later node: the graph has a cycle or is not sorted");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {"Y"}, {"Y"})}; }),
            "node 0 (Exp): its input 'Y' is produced by this or a later node: the graph has a cycle or is not sorted");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes.push_back(node("Exp", {"X"}, {"Y"})); }),
            "node 1 (Exp): value 'Y' is defined twice");
  EXPECT_EQ(changed([](ModelSpec& s) { s.outputs = {}; }), "the graph has no outputs");
  EXPECT_EQ(changed([](ModelSpec& s) { s.outputs = {value_info("Q", ARSENAL_FLOAT)}; }),
            "output 'Q' is not produced by anything");
  EXPECT_EQ(changed([](ModelSpec& s) { s.outputs.push_back(s.outputs[0]); }), "output 'Y' is listed twice");
  EXPECT_EQ(changed([](ModelSpec& s) { s.outputs = {value_info("Y", ARSENAL_DOUBLE)}; }),
            "output 'Y' is declared as double, the graph makes it float");
  EXPECT_EQ(changed([](ModelSpec& s) { s.inputs = {value_info("X", 16, {"N", 2})}; }),
            "input 'X': its element type 16 is not supported");
  EXPECT_EQ(changed([](ModelSpec& s) { s.inputs.push_back(s.inputs[0]); }), "value 'X' is defined twice");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {"X"}, {"Y"}, {}, "com.example")}; }),
            "node 0 (Exp): the model does not import its domain 'com.example'");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("", {"X"}, {"Y"})}; }), "graph.node[0]: node '' has no op_type");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {}, {"Y"})}; }),
            "node 0 (Exp): it has 0 inputs, wanted 1");
  EXPECT_EQ(changed([](ModelSpec& s) { s.nodes = {node("Exp", {"X"}, {"Y", "Z"})}; }),
            "node 0 (Exp): it has 2 outputs, wanted 1");
  EXPECT_EQ(changed([](ModelSpec& s) { s.opset = 0; }),
            "the model uses opset 0 of domain 'ai.onnx', this runtime knows 1 to 28");
  EXPECT_EQ(changed([](ModelSpec& s) { s.ml_opset = 6; }),
            "the model uses opset 6 of domain 'ai.onnx.ml', this runtime knows 1 to 5");
}

TEST(Models, KindsOfValuesThatAreNotTensorsAreNamed) {
  const auto info = [](std::uint32_t kind) {
    return Message().bytes(1, "X").message(2, Message().message(kind, Message()));
  };
  const char* kinds[] = {"", "", "", "", "sequence", "map", "", "opaque", "sparse tensor", "optional"};
  for (const std::uint32_t kind : {4U, 5U, 7U, 8U, 9U}) {
    EXPECT_EQ(
        changed([&](ModelSpec& s) { s.inputs = {info(kind)}; }),
        std::string("graph.input[0]: value 'X': its type is a ") + kinds[kind] + "; only dense tensors are supported");
  }
}

TEST(Models, LimitsAreKept) {
  Options options;
  options.max_graph_nodes = 1;
  ModelSpec spec = relay();
  EXPECT_NO_THROW(load(model(spec), options));
  spec.nodes.push_back(node("Exp", {"X"}, {"Z"}));
  Error error = error_of([&] { load(model(spec), options); });
  EXPECT_EQ(error.status(), ARSENAL_LIMIT_EXCEEDED);
  EXPECT_STREQ(error.what(), "the graph has more nodes than max_graph_nodes = 1");
  options.max_graph_nodes = 0;
  options.max_bytes = 100;
  error = error_of([&] { load(model(spec), options); });
  EXPECT_EQ(error.status(), ARSENAL_LIMIT_EXCEEDED);
}

// 40 nodes that double a constant would need 4 TB.
TEST(Models, ConstantsCannotGrowWithoutBound) {
  ModelSpec spec;
  spec.initializers = {tensor("c0", {1}, std::vector<float>{1})};
  for (int i = 0; i < 40; ++i) {
    const std::string from = "c" + std::to_string(i);
    spec.nodes.push_back(node("Concat", {from, from}, {"c" + std::to_string(i + 1)}, {attribute("axis", 0)}));
  }
  spec.outputs = {value_info("c40", ARSENAL_FLOAT)};
  const Error error = error_of([&] { load(model(spec)); });
  EXPECT_EQ(error.status(), ARSENAL_LIMIT_EXCEEDED);
  EXPECT_STREQ(error.what(), "node 23 (Concat): its constant result [16777216] is too large");
}

TEST(Models, RunsCannotGrowWithoutBoundEither) {
  ModelSpec spec;
  spec.inputs = {value_info("v0", ARSENAL_FLOAT, {"N"})};
  for (int i = 0; i < 45; ++i) {
    const std::string from = "v" + std::to_string(i);
    spec.nodes.push_back(node("Concat", {from, from}, {"v" + std::to_string(i + 1)}, {attribute("axis", 0)}));
  }
  spec.nodes.push_back(node("ArgMax", {"v45"}, {"Y"}, {attribute("axis", 0)}));
  spec.outputs = {value_info("Y", ARSENAL_INT64)};
  const Session session = load(model(spec));
  const Error error = error_of([&] { session.bind({{1}}, {0}); });
  EXPECT_EQ(error.status(), ARSENAL_LIMIT_EXCEEDED);
}

TEST(Models, InitializersAmongTheInputsAreNoInputs) {
  ModelSpec spec = relay();
  spec.nodes = {node("Add", {"X", "W"}, {"Y"})};
  spec.inputs.push_back(value_info("W", ARSENAL_FLOAT, {2}));
  spec.initializers = {tensor("W", {2}, std::vector<float>{1, 2})};
  const Session session = load(model(spec));
  ASSERT_EQ(session.inputs().size(), 1U);
  const Dense<float> x{{1, 2}, {10, 20}};
  EXPECT_EQ(run_one<float>(session, {x.input()}).values, (std::vector<float>{11, 22}));
}

}  // namespace
}  // namespace arsenal::test
