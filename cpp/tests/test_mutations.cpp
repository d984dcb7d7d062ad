// Thousands of damaged models: each either loads, and then runs cleanly, or is refused with a reason. Under
// `make test-sanitize` "cleanly" includes every access to memory.
#include <gtest/gtest.h>

#include <random>

#include "forest.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

// Bytes of models that together reach most of the reader and all operators.
std::vector<std::string> seeds() {
  std::vector<std::string> models;
  ForestShape shape{4, 6, 3, 2, {"BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ"}, 8, true};
  models.push_back(regressor_model(random_forest<float>(shape)));
  models.push_back(regressor_model(random_forest<double>(shape)));
  const auto labels = attribute("classlabels_strings", std::vector<std::string>{"a", "b"});
  models.push_back(classifier_model(random_forest<float>(shape), {labels, attribute("post_transform", "SOFTMAX")}));
  shape.n_targets = 1;
  shape.member_every = 2;
  models.push_back(ensemble_model(random_forest<float>(shape)));
  const auto forest = random_forest<double>(shape);

  ModelSpec table;
  table.inputs = {value_info("a", ARSENAL_DOUBLE, {"N", 1}), value_info("b", ARSENAL_INT64, {"N", 1}),
                  value_info("c", ARSENAL_STRING, {"N", 1})};
  table.initializers = {tensor("one", {}, std::vector<double>{1}),
                        tensor("classes", {2}, std::vector<std::string>{"no", "yes"})};
  table.nodes = {
      node("LabelEncoder", {"c"}, {"code"},
           {attribute("keys_strings", std::vector<std::string>{"x", "yy", "zzz"}),
            attribute("values_tensor", tensor("", {3}, std::vector<double>{1, 2, 3}))},
           "ml"),
      node("Cast", {"b"}, {"number"}, {attribute("to", ARSENAL_DOUBLE)}),
      node("Concat", {"a", "number", "code"}, {"row"}, {attribute("axis", 1)}),
      node("TreeEnsemble", {"row"}, {"raw"}, indexed_attributes(forest), "ml"),
      node("Sigmoid", {"raw"}, {"p"}),
      node("Sub", {"one", "p"}, {"q"}),
      node("Concat", {"q", "p"}, {"probabilities"}, {attribute("axis", 1)}),
      node("ArgMax", {"probabilities"}, {"index"}, {attribute("axis", 1), attribute("keepdims", 0)}),
      node("Gather", {"classes", "index"}, {"label"}),
  };
  table.outputs = {value_info("label", ARSENAL_STRING, {"N"}), value_info("probabilities", ARSENAL_DOUBLE, {"N", 2})};
  table.metadata = {{"key", "value"}};
  models.push_back(model(table));

  ModelSpec shapes;
  shapes.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2, 3})};
  shapes.initializers = {tensor("target", {2}, std::vector<std::int64_t>{-1, 6}),
                         tensor("axes", {1}, std::vector<std::int64_t>{1}),
                         tensor("half", {1, 6}, std::vector<float>{1, 2, 3, 4, 5, 6})};
  shapes.nodes = {
      node("Reshape", {"X", "target"}, {"flat"}),
      node("Constant", {}, {"two"}, {attribute("value_floats", std::vector<float>{2})}),
      node("Mul", {"flat", "two"}, {"m"}),
      node("Div", {"m", "half"}, {"d"}),
      node("Add", {"d", "flat"}, {"s"}),
      node("Greater", {"s", "flat"}, {"g"}),
      node("Where", {"g", "s", "flat"}, {"w"}),
      node("Softmax", {"w"}, {"p"}),
      node("Unsqueeze", {"p", "axes"}, {"u"}),
      node("Squeeze", {"u", "axes"}, {"q"}),
      node("Flatten", {"q"}, {"f"}),
      node("Neg", {"f"}, {"n"}),
      node("Exp", {"n"}, {"e"}),
      node("Identity", {"e"}, {"Y"}),
      node("Less", {"flat", "two"}, {"L"}),
  };
  shapes.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("L", ARSENAL_BOOL)};
  models.push_back(model(shapes));

  ModelSpec columns;
  columns.opset = 18;
  columns.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 6})};
  columns.initializers = {tensor("ends", {1}, std::vector<std::int64_t>{5}),
                          tensor("ones", {1}, std::vector<std::int64_t>{1}),
                          tensor("wide", {2}, std::vector<std::int64_t>{1, 4}),
                          tensor("low", {}, std::vector<float>{-2}),
                          tensor("high", {}, std::vector<float>{2}),
                          tensor("places", {1, 2}, std::vector<std::int64_t>{0, -1})};
  columns.nodes = {
      node("Slice", {"X", "ones", "ends", "ones"}, {"s"}),
      node("Split", {"s"}, {"left", "right"}, {attribute("axis", 1), attribute("num_outputs", 2)}),
      node("Clip", {"left", "low", "high"}, {"clipped"}),
      node("Abs", {"right"}, {"size"}),
      node("Sqrt", {"size"}, {"root"}),
      node("Log", {"root"}, {"log"}),
      node("Pow", {"clipped", "log"}, {"power"}),
      node("Max", {"power", "left", "low"}, {"most"}),
      node("Mean", {"most", "right"}, {"mean"}),
      node("IsNaN", {"mean"}, {"nan"}),
      node("IsInf", {"mean"}, {"inf"}),
      node("LessOrEqual", {"left", "right"}, {"le"}),
      node("Equal", {"left", "right"}, {"eq"}),
      node("Or", {"nan", "inf"}, {"bad"}),
      node("And", {"le", "bad"}, {"both"}),
      node("Not", {"both"}, {"good"}),
      node("Xor", {"good", "eq"}, {"odd"}),
      node("Where", {"odd", "left", "mean"}, {"w"}),
      node("ReduceSum", {"w", "ones"}, {"sum"}),
      node("ReduceMax", {"w"}, {"peak"}),
      node("Expand", {"sum", "wide"}, {"Y"}),
      node("Transpose", {"w"}, {"turned"}),
      node("GatherElements", {"turned", "places"}, {"corner"}, {attribute("axis", 0)}),
      node("Shape", {"turned"}, {"extents"}),
  };
  columns.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("peak", ARSENAL_FLOAT),
                     value_info("corner", ARSENAL_FLOAT), value_info("extents", ARSENAL_INT64)};
  models.push_back(model(columns));

  ModelSpec arrangements;
  arrangements.opset = 22;
  arrangements.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 3})};
  arrangements.initializers = {tensor("pads", {4}, std::vector<std::int64_t>{0, 1, 0, 2}),
                               tensor("repeats", {2}, std::vector<std::int64_t>{1, 2}),
                               raw_tensor("condition", {5}, ARSENAL_BOOL, std::string("\1\0\1\1\1", 5)),
                               tensor("depth", {}, std::vector<std::int64_t>{3}),
                               tensor("values", {2}, std::vector<float>{-1, 1}),
                               tensor("one", {1}, std::vector<std::int64_t>{1}),
                               tensor("shape", {2}, std::vector<std::int64_t>{1, 8}),
                               tensor("start", {}, std::vector<float>{0.5f}),
                               tensor("limit", {}, std::vector<float>{4.5f}),
                               tensor("delta", {}, std::vector<float>{0.5f})};
  arrangements.nodes = {
      node("Pad", {"X", "pads"}, {"padded"}, {attribute("mode", "reflect")}),
      node("Compress", {"padded", "condition"}, {"some"}, {attribute("axis", 1)}),
      node("Tile", {"some", "repeats"}, {"tiled"}),
      node("CumSum", {"tiled", "one"}, {"sums"}, {attribute("reverse", 1)}),
      node("ConstantOfShape", {"shape"}, {"zeros"}),
      node("Range", {"start", "limit", "delta"}, {"steps"}),
      node("Add", {"zeros", "steps"}, {"offsets"}),
      node("Add", {"sums", "offsets"}, {"moved"}),
      node("LeakyRelu", {"moved"}, {"leaky"}, {attribute("alpha", 0.5f)}),
      node("Gelu", {"leaky"}, {"gelu"}, {attribute("approximate", "tanh")}),
      node("Mod", {"gelu", "start"}, {"rest"}, {attribute("fmod", 1)}),
      node("Dropout", {"rest"}, {"kept", "mask"}),
      node("LogSoftmax", {"kept"}, {"shares"}),
      node("ReduceLogSumExp", {"shares", "one"}, {"total"}),
      node("CastLike", {"total", "depth"}, {"index"}),
      node("OneHot", {"index", "depth", "values"}, {"Y"}),
      node("Size", {"Y"}, {"size"}),
  };
  arrangements.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("mask", ARSENAL_BOOL),
                          value_info("size", ARSENAL_INT64)};
  models.push_back(model(arrangements));

  ModelSpec calls;
  calls.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  calls.functions = {function({"Inner",
                               {"x", "bound"},
                               {"y", "x"},
                               {node("Max", {"x", "x"}, {"t"}), node("Clip", {"t", "bound"}, {"u"}),
                                node("Concat", {"u", "x"}, {"y"}, {attribute_reference("axis", "axis", 2)})},
                               {},
                               {attribute("axis", 1)}}),
                     function({"Outer",
                               {"x"},
                               {"y"},
                               {node("Inner", {"x"}, {"t", "s"}, {attribute_reference("axis", "a", 2)}, "own"),
                                node("Inner", {"t"}, {"y"}, {}, "own")},
                               {"a"}})};
  calls.nodes = {node("Outer", {"X"}, {"t"}, {attribute("a", 1)}, "own"), node("Outer", {"t"}, {"Y"}, {}, "own")};
  calls.outputs = {value_info("Y", ARSENAL_FLOAT)};
  models.push_back(model(calls));
  return models;
}

std::string mutated(const std::vector<std::string>& models, std::mt19937& random) {
  std::string bytes = models[random() % models.size()];
  const auto position = [&] { return static_cast<std::size_t>(random()) % bytes.size(); };
  for (unsigned count = 1 + random() % 4; count > 0 && !bytes.empty(); --count) {
    switch (random() % 9) {
      case 0:
        bytes[position()] ^= static_cast<char>(1 << random() % 8);
        break;
      case 1:
        bytes[position()] = static_cast<char>(random());
        break;
      case 2:
        bytes.resize(position());
        break;
      case 3: {
        // A piece of another model in the middle.
        const std::string& other = models[random() % models.size()];
        const std::size_t start = random() % other.size();
        bytes.insert(position(), other, start, random() % 64);
        break;
      }
      case 4:
        bytes.erase(position(), 1 + random() % 16);
        break;
      case 5: {
        // A piece of itself again: repeated fields, nodes and names.
        const std::size_t start = position();
        bytes.insert(position(), bytes.substr(start, random() % 256));
        break;
      }
      case 6:
        // Lengths and counts that grow.
        bytes[position()] = static_cast<char>(random() % 2 == 0 ? 0x7f : 0xff);
        break;
      case 7:
        // Small numbers: node numbers, branches, axes, dtypes.
        bytes[position()] = static_cast<char>(random() % 12);
        break;
      default:
        std::swap(bytes[position()], bytes[position()]);
    }
  }
  return bytes;
}

// Feeds what the model asks for, three rows where an extent is open. False if it asks for too much.
bool run_small(const Session& session, std::int64_t n_rows) {
  static const std::vector<std::string> kWords = {"x", "", "zzz"};
  std::vector<Extents> shapes;
  std::vector<std::vector<std::uint64_t>> memory;
  std::vector<arsenal_input> inputs;
  const auto infos = session.inputs();
  for (const ValueInfo& info : infos) {
    std::vector<std::int64_t> dims = info.dims;
    if (!info.has_rank) dims = {n_rows, 2};
    std::int64_t count = 1;
    for (std::int64_t& dim : dims) {
      if (dim < 0) dim = n_rows;
      if (dim > 1000) return false;
      count *= dim;
      if (count > 10000) return false;
    }
    shapes.emplace_back(dims.data(), dims.size());
    memory.emplace_back(static_cast<std::size_t>(count) * 2 + 1);
    void* const data = memory.back().data();
    for (std::int64_t i = 0; i < count; ++i) {
      if (info.dtype == ARSENAL_STRING) {
        static_cast<arsenal_string*>(data)[i] = string_element(kWords[static_cast<std::size_t>(i) % 3]);
      } else if (info.dtype == ARSENAL_DOUBLE) {
        static_cast<double*>(data)[i] = static_cast<double>(i % 7) - 3;
      } else if (info.dtype == ARSENAL_FLOAT) {
        static_cast<float*>(data)[i] = static_cast<float>(i % 7) - 3;
      }
    }
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    inputs.push_back({memory[i].data(), infos[i].dtype, shapes[i].rank(), shapes[i].data(), nullptr});
  }
  const auto outputs = session.outputs();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    try {
      const auto binding = session.bind(shapes, {k});
      std::int64_t count = 1;
      for (std::size_t d = 0; d < binding.output_shapes[0].size(); ++d) count *= binding.output_shapes[0][d];
      if (count > 1000000) continue;
      std::vector<std::uint64_t> result(static_cast<std::size_t>(count) * 2 + 1);
      const Extents& shape = binding.output_shapes[0];
      const arsenal_output output = {result.data(), outputs[k].dtype, shape.rank(), shape.data(), nullptr};
      check(arsenal_session_run(session.get(), inputs.data(), inputs.size(), &k, &output, 1, nullptr, 0));
    } catch (const Error& error) {
      EXPECT_NE(error.status(), ARSENAL_INTERNAL_ERROR) << error.what();
      EXPECT_NE(error.status(), ARSENAL_INVALID_ARGUMENT) << error.what();
      EXPECT_STRNE(error.what(), "");
    }
  }
  return true;
}

TEST(Mutations, LoadOrAreRefusedAndRunCleanly) {
  const std::vector<std::string> models = seeds();
  Options options;
  options.max_workspace_bytes = 64 << 20;
  for (const std::string& bytes : models) {
    const Session session = load(bytes, options);
    for (const std::int64_t n_rows : {1, 3, 20}) EXPECT_TRUE(run_small(session, n_rows));
  }
  std::mt19937 random(20130101);
  std::size_t loaded = 0, ran = 0;
  constexpr std::size_t kMutations = 20000;
  for (std::size_t i = 0; i < kMutations; ++i) {
    const std::string bytes = mutated(models, random);
    try {
      // From a block of exactly that size, so that reading past the end is noticed.
      const std::vector<char> exact(bytes.begin(), bytes.end());
      const Session session(exact.data(), exact.size(), options);
      ++loaded;
      ran += run_small(session, i % 2 == 0 ? 3 : 20);
    } catch (const Error& error) {
      ASSERT_NE(error.status(), ARSENAL_INTERNAL_ERROR) << error.what();
      ASSERT_NE(error.status(), ARSENAL_OUT_OF_MEMORY) << error.what();
      ASSERT_STRNE(error.what(), "");
    }
  }
  // The corpus is of use only if both happen often.
  EXPECT_GT(loaded, kMutations / 25);
  EXPECT_GT(ran, kMutations / 25);
  EXPECT_LT(loaded, kMutations * 3 / 4);
  RecordProperty("loaded", static_cast<int>(loaded));
}

// Every prefix of a file, and every single-bit error in the first part of one.
TEST(Mutations, EveryPrefixAndEveryBit) {
  for (const std::string& bytes : seeds()) {
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
      const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_NE(error_of([&] { Session(exact.data(), exact.size()); }).status(), ARSENAL_INTERNAL_ERROR);
    }
  }
  const std::string bytes = seeds()[0];
  for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes.size(), 400) * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const Error error = error_of([&] { run_small(load(damaged), 3); });
    EXPECT_NE(error.status(), ARSENAL_INTERNAL_ERROR);
  }
}

}  // namespace
}  // namespace arsenal::test
