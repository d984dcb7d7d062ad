// The public interface: description, shapes, strides, blocks, workspaces, errors, threads.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <thread>

#include "forest.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Floats = std::vector<float>;

// Columns of a table: two numbers and a string, through encoder, concatenation, trees and post-processing.
ModelSpec table_model(const Forest<double>& forest) {
  ModelSpec spec;
  spec.inputs = {value_info("a", ARSENAL_DOUBLE, {"N", 1}), value_info("b", ARSENAL_DOUBLE, {"N", 1}),
                 value_info("c", ARSENAL_STRING, {"N", 1})};
  spec.initializers = {tensor("one", {}, std::vector<double>{1}),
                       tensor("classes", {2}, std::vector<std::string>{"no", "yes"})};
  spec.nodes = {
      node("LabelEncoder", {"c"}, {"code"},
           {attribute("keys_strings", std::vector<std::string>{"x", "y", "z"}),
            attribute("values_int64s", std::vector<std::int64_t>{1, 2, 3}), attribute("default_int64", 0)},
           "ml"),
      node("Cast", {"code"}, {"number"}, {attribute("to", ARSENAL_DOUBLE)}),
      node("Concat", {"a", "b", "number"}, {"row"}, {attribute("axis", 1)}),
      node("TreeEnsemble", {"row"}, {"raw"}, indexed_attributes(forest), "ml"),
      node("Sigmoid", {"raw"}, {"p"}),
      node("Sub", {"one", "p"}, {"q"}),
      node("Concat", {"q", "p"}, {"probabilities"}, {attribute("axis", 1)}),
      node("ArgMax", {"probabilities"}, {"index"}, {attribute("axis", 1), attribute("keepdims", 0)}),
      node("Gather", {"classes", "index"}, {"label"}),
  };
  spec.outputs = {value_info("label", ARSENAL_STRING, {"N"}), value_info("probabilities", ARSENAL_DOUBLE, {"N", 2})};
  return spec;
}

Forest<double> table_forest() {
  return random_forest<double>({30, 12, 3, 1, {"BRANCH_LEQ"}, 20, true, false, false, 2});
}

struct Table {
  Dense<double> a, b;
  std::vector<std::string> words;
  Dense<arsenal_string> c;
};

Table make_table(std::int64_t n) {
  Table table;
  table.a.shape = table.b.shape = {n, 1};
  for (std::int64_t r = 0; r < n; ++r) {
    table.a.values.push_back(static_cast<double>(r % 37));
    table.b.values.push_back(static_cast<double>(r * 13 % 29) * 0.37 - 5);
    table.words.push_back(std::string(1, static_cast<char>('w' + r % 4)));
  }
  table.c = strings({n, 1}, table.words);
  return table;
}

TEST(Session, DescribesTheModel) {
  ModelSpec spec = table_model(table_forest());
  spec.metadata = {{"feature_names", "a,b,c"}, {"blob", std::string("x\0y", 3)}};
  const std::string bytes = model(spec);
  const Session session = load(bytes);
  const auto inputs = session.inputs();
  ASSERT_EQ(inputs.size(), 3U);
  EXPECT_EQ(inputs[2].name, "c");
  EXPECT_EQ(inputs[2].dtype, ARSENAL_STRING);
  EXPECT_EQ(inputs[2].dims, (std::vector<std::int64_t>{-1, 1}));
  EXPECT_EQ(inputs[2].dim_names, (std::vector<std::string>{"N", ""}));
  const auto outputs = session.outputs();
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[1].name, "probabilities");
  EXPECT_EQ(outputs[1].dims, (std::vector<std::int64_t>{-1, 2}));
  EXPECT_EQ(outputs[0].dim_names, std::vector<std::string>{"N"});
  const arsenal_model_info info = session.info();
  EXPECT_EQ(info.ir_version, 10);
  EXPECT_EQ(info.model_version, 7);
  EXPECT_STREQ(info.producer_name, "arsenal tests");
  EXPECT_STREQ(info.producer_version, "1.2");
  EXPECT_STREQ(info.domain, "org.example");
  EXPECT_STREQ(info.graph_name, "test graph");
  EXPECT_STREQ(info.doc_string, "a test");
  EXPECT_STREQ(info.engine, "ranked");
  EXPECT_EQ(info.model_bytes, bytes.size());
  EXPECT_EQ(info.n_trees, 30U);
  EXPECT_EQ(info.n_tree_leaves, 30U * 12);
  EXPECT_EQ(info.n_tree_nodes, 30U * 23);
  EXPECT_GE(info.max_tree_depth, 4U);
  EXPECT_EQ(info.n_threads, 1);
  const auto opsets = session.opsets();
  ASSERT_EQ(opsets.size(), 2U);
  EXPECT_STREQ(opsets[0].domain, "ai.onnx");
  EXPECT_EQ(opsets[1].version, 5);
  const auto operators = session.operators();
  ASSERT_EQ(operators.size(), 8U);
  EXPECT_STREQ(operators[0].op_type, "LabelEncoder");
  EXPECT_STREQ(operators[0].domain, "ai.onnx.ml");
  EXPECT_EQ(operators[0].version, 4);
  EXPECT_STREQ(operators[2].op_type, "Concat");
  EXPECT_EQ(operators[2].count, 2U);
  EXPECT_EQ(session.metadata(), spec.metadata);
}

TEST(Session, BatchEqualsSingleRowsForATable) {
  const Session session = load(model(table_model(table_forest())));
  constexpr std::int64_t kRows = 700;
  const Table all = make_table(kRows);
  const auto batch = run_one<double>(session, {all.a.input(), all.b.input(), all.c.input()}, 1);
  const auto labels = run_texts(session, {all.a.input(), all.b.input(), all.c.input()}, 0);
  ASSERT_EQ(labels.size(), static_cast<std::size_t>(kRows));
  std::size_t yes = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(kRows); ++r) {
    double single[2];
    session.run({arsenal::input(&all.a.values[r], {1, 1}), arsenal::input(&all.b.values[r], {1, 1}),
                 arsenal::input(&all.c.values[r], {1, 1})},
                {1}, {arsenal::output(single, {1, 2})});
    ASSERT_EQ(single[0], batch.values[2 * r]);
    ASSERT_EQ(single[1], batch.values[2 * r + 1]);
    ASSERT_EQ(labels[r], single[1] > single[0] ? "yes" : "no");
    yes += labels[r] == "yes";
  }
  EXPECT_GT(yes, 50U);
  EXPECT_LT(yes, 650U);
}

TEST(Session, StringOutputsBelongToTheSession) {
  const Session session = load(model(table_model(table_forest())));
  Dense<arsenal_string> label;
  {
    const Table table = make_table(1);
    label = run_one<arsenal_string>(session, {table.a.input(), table.b.input(), table.c.input()});
  }
  const std::string text(view(label.values[0]));
  EXPECT_TRUE(text == "yes" || text == "no");
}

TEST(Session, OnlyRequestedOutputsAreComputed) {
  // The second output divides by zero: nobody may notice unless it is asked for.
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_INT64, {"N"})};
  spec.initializers = {tensor("zero", {}, std::vector<std::int64_t>{0})};
  spec.nodes = {node("Neg", {"X"}, {"minus"}), node("Div", {"X", "zero"}, {"wrong"}, {}, "", "the division")};
  spec.outputs = {value_info("minus", ARSENAL_INT64), value_info("wrong", ARSENAL_INT64)};
  const Session session = load(model(spec));
  const Dense<std::int64_t> x{{2}, {1, 2}};
  EXPECT_EQ(run_one<std::int64_t>(session, {x.input()}, 0).values, (std::vector<std::int64_t>{-1, -2}));
  const Error error = error_of([&] { run_one<std::int64_t>(session, {x.input()}, 1); });
  EXPECT_EQ(error.status(), ARSENAL_INVALID_VALUE);
  EXPECT_STREQ(error.what(), "node 'the division' (Div): integer division by zero");
  session.run({x.input()}, {}, {});
}

TEST(Session, DeadNodesAreValidatedButNotRun) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N"})};
  spec.nodes = {node("Exp", {"X"}, {"Y"}), node("Neg", {"X"}, {"nobody"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  EXPECT_EQ(load(model(spec)).operators().size(), 2U);
  spec.nodes[1] = node("Nonsense", {"X"}, {"nobody"});
  EXPECT_EQ(error_of([&] { load(model(spec)); }).status(), ARSENAL_UNSUPPORTED);
}

TEST(Session, StridesOfAnyKind) {
  const auto forest = random_forest<float>({20, 31, 5});
  const Session session = load(regressor_model(forest));
  constexpr std::int64_t kRows = 300;
  const Floats rows = stress_rows(forest, kRows, 2);
  const Floats wanted = run_one<float>(session, {arsenal::input(rows.data(), {kRows, 5})}).values;
  constexpr std::int64_t kFloat = sizeof(float);
  const auto at = [&](std::int64_t r, std::int64_t c) { return rows[static_cast<std::size_t>(r * 5 + c)]; };

  Floats by_column(rows.size()), spaced(rows.size() * 6), backwards(rows.size()), got(kRows);
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t c = 0; c < 5; ++c) {
      by_column[static_cast<std::size_t>(c * kRows + r)] = at(r, c);
      spaced[static_cast<std::size_t>(r * 30 + c * 3)] = at(r, c);
      backwards[static_cast<std::size_t>((kRows - 1 - r) * 5 + 4 - c)] = at(r, c);
    }
  }
  const auto run = [&](const float* data, const Extents& strides) {
    session.run({arsenal::input(data, {kRows, 5}, strides)}, {0}, {arsenal::output(got.data(), {kRows, 1})});
    return got;
  };
  EXPECT_EQ(run(by_column.data(), {kFloat, kRows * kFloat}), wanted);
  EXPECT_EQ(run(spaced.data(), {30 * kFloat, 3 * kFloat}), wanted);
  EXPECT_EQ(run(&backwards.back(), {-5 * kFloat, -kFloat}), wanted);

  // One row for all, by a stride of 0.
  session.run({arsenal::input(rows.data(), {kRows, 5}, {0, kFloat})}, {0}, {arsenal::output(got.data(), {kRows, 1})});
  EXPECT_EQ(got, Floats(kRows, wanted[0]));

  // Outputs: every other element, from the back.
  Floats sparse(2 * kRows, -1);
  session.run({arsenal::input(rows.data(), {kRows, 5})}, {0},
              {arsenal::output(&sparse[2 * kRows - 1], {kRows, 1}, {-2 * kFloat, kFloat})});
  for (std::size_t r = 0; r < kRows; ++r) {
    EXPECT_EQ(sparse[2 * kRows - 1 - 2 * r], wanted[r]);
    EXPECT_EQ(sparse[2 * r], -1);
  }

  // Any alignment.
  std::string shifted(rows.size() * sizeof(float) + 1, 'x');
  std::memcpy(&shifted[1], rows.data(), rows.size() * sizeof(float));
  const void* unaligned = &shifted[1];
  EXPECT_EQ(run(static_cast<const float*>(unaligned), {}), wanted);
}

TEST(Session, EmptyBatch) {
  const Session table = load(model(table_model(table_forest())));
  const Table none = make_table(0);
  EXPECT_EQ(run_one<double>(table, {none.a.input(), none.b.input(), none.c.input()}, 1).shape,
            (std::vector<std::int64_t>{0, 2}));
  const arsenal_input inputs[3] = {};
  arsenal_input filled[3] = {inputs[0], inputs[1], inputs[2]};
  const std::int64_t shape[2] = {0, 1};
  const std::int64_t out_shape[1] = {0};
  for (int i = 0; i < 3; ++i) filled[i] = {nullptr, i < 2 ? ARSENAL_DOUBLE : ARSENAL_STRING, 2, shape, nullptr};
  const arsenal_output output = {nullptr, ARSENAL_STRING, 1, out_shape, nullptr};
  const std::size_t index = 0;
  EXPECT_EQ(arsenal_session_run(table.get(), filled, 3, &index, &output, 1, nullptr, 0), ARSENAL_OK);
}

TEST(Session, OutputsThatAreInputsOrConstants) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.initializers = {tensor("C", {3}, Floats{7, 8, 9})};
  spec.nodes = {node("Identity", {"X"}, {"copy"}), node("Neg", {"copy"}, {"minus"})};
  spec.outputs = {value_info("X", ARSENAL_FLOAT), value_info("C", ARSENAL_FLOAT), value_info("copy", ARSENAL_FLOAT),
                  value_info("minus", ARSENAL_FLOAT)};
  const Session session = load(model(spec));
  Floats x(600);
  std::iota(x.begin(), x.end(), 0.0f);
  const Dense<float> rows{{300, 2}, x};
  EXPECT_EQ(run_one<float>(session, {rows.input()}, 0).values, x);
  EXPECT_EQ(run_one<float>(session, {rows.input()}, 1).values, (Floats{7, 8, 9}));
  EXPECT_EQ(run_one<float>(session, {rows.input()}, 2).values, x);
  const auto minus = run_one<float>(session, {rows.input()}, 3).values;
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(minus[i], -x[i]);
  Floats a(600), b(3), c(600), d(600);
  session.run({rows.input()}, {3, 2, 1, 0},
              {arsenal::output(d.data(), {300, 2}), arsenal::output(c.data(), {300, 2}), arsenal::output(b.data(), {3}),
               arsenal::output(a.data(), {300, 2})});
  EXPECT_EQ(a, x);
  EXPECT_EQ(c, x);
  EXPECT_EQ(d, minus);
  EXPECT_EQ(b, (Floats{7, 8, 9}));
}

// Operators that look across rows keep the plan from working in blocks.
TEST(Session, RowsThatDependOnOneAnother) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.nodes = {node("Softmax", {"X"}, {"S"}, {attribute("axis", 0)}), node("Neg", {"S"}, {"Y"}),
                node("ArgMax", {"X"}, {"A"}, {attribute("axis", 0)}), node("Exp", {"X"}, {"E"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT), value_info("A", ARSENAL_INT64), value_info("E", ARSENAL_FLOAT)};
  const Session session = load(model(spec));
  constexpr std::int64_t kRows = 1000;
  const Dense<float> rows{{kRows, 2}, Floats(2 * kRows, 0.5f)};
  const auto y = run_one<float>(session, {rows.input()}, 0).values;
  for (const float value : y) EXPECT_NEAR(value, -1.0f / kRows, 1e-6);
  EXPECT_EQ(run_one<std::int64_t>(session, {rows.input()}, 1).values, (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(run_one<float>(session, {rows.input()}, 2).shape, (std::vector<std::int64_t>{kRows, 2}));
}

TEST(Session, InputsWithDifferentNumbersOfRows) {
  ModelSpec spec;
  spec.inputs = {value_info("A", ARSENAL_FLOAT, {"N", 2}), value_info("B", ARSENAL_FLOAT, {"M", 2})};
  spec.nodes = {node("Add", {"A", "B"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const Session session = load(model(spec));
  const Dense<float> many{{300, 2}, Floats(600, 1)};
  const Dense<float> one{{1, 2}, {10, 20}};
  const auto y = run_one<float>(session, {many.input(), one.input()});
  EXPECT_EQ(y.shape, (std::vector<std::int64_t>{300, 2}));
  EXPECT_EQ(y.values[599], 21);
  const Dense<float> two{{2, 2}, Floats(4)};
  EXPECT_STREQ(error_of([&] { session.bind({{300, 2}, {2, 2}}, {0}); }).what(),
               "node 0 (Add): shapes [300, 2] and [2, 2] cannot be broadcast");
}

TEST(Session, ShapesUnknownUntilTheRun) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT)};
  spec.nodes = {node("Exp", {"X"}, {"E"}), node("Flatten", {"E"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const Session session = load(model(spec));
  EXPECT_FALSE(session.inputs()[0].has_rank);
  const Dense<float> cube{{2, 2, 2}, Floats(8, 0)};
  const auto y = run_one<float>(session, {cube.input()});
  EXPECT_EQ(y.shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(y.values, Floats(8, 1));
  // Known rank, unknown width: the trees check it in the run.
  Forest<float> forest = random_forest<float>({});
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", "F"})};
  spec.nodes = {node("TreeEnsemble", {"X"}, {"Y"}, indexed_attributes(forest), "ml")};
  const Session trees = load(model(spec));
  const Floats rows = stress_rows(forest, 300, 1);
  EXPECT_EQ(run_one<float>(trees, {arsenal::input(rows.data(), {300, 10})}).values.size(), 300U);
  EXPECT_STREQ(error_of([&] { trees.bind({{300, 4}}, {0}); }).what(),
               "node 0 (TreeEnsemble): the input has shape [300, 4], the trees want [rows, at least 10]");
}

TEST(Session, TensorsThatDoNotFitAreRefused) {
  const auto forest = random_forest<float>({5, 4, 2});
  const Session session = load(regressor_model(forest));
  const Floats x(20);
  const std::vector<double> d(20);
  Floats y(10);
  const auto error = [&](Tensor<const void*> in, Tensor<void*> out) {
    return error_of([&] { session.run({in}, {0}, {out}); });
  };
  const auto in = arsenal::input(x.data(), {10, 2});
  const auto out = arsenal::output(y.data(), {10, 1});
  EXPECT_EQ(error(in, out).status(), ARSENAL_OK);
  EXPECT_STREQ(error(arsenal::input(d.data(), {10, 2}), out).what(),
               "input 'X' has dtype double, the model wants float");
  EXPECT_STREQ(error(arsenal::input(x.data(), {5, 4}), out).what(),
               "input 'X' has shape [5, 4], the model wants [?, 2]");
  EXPECT_STREQ(error(arsenal::input(x.data(), {20}), out).what(), "input 'X' has shape [20], the model wants [?, 2]");
  EXPECT_EQ(error(arsenal::input(x.data(), {-1, 2}), out).status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_STREQ(error(in, arsenal::output(y.data(), {9, 1})).what(),
               "output 'Y' has shape [9, 1], the model makes [10, 1]");
  EXPECT_STREQ(error(in, {y.data(), ARSENAL_DOUBLE, {10, 1}, {}}).what(),
               "output 'Y' has dtype double, the model makes float");
  EXPECT_STREQ(error(arsenal::input<float>(nullptr, {10, 2}), out).what(), "input 'X' has no data");
  EXPECT_STREQ(error(in, arsenal::output<float>(nullptr, {10, 1})).what(), "output 'Y' has no data");
  EXPECT_STREQ(error_of([&] { session.run({}, {0}, {out}); }).what(), "got 0 inputs, the model has 1");
  EXPECT_STREQ(error_of([&] { session.run({in}, {1}, {out}); }).what(),
               "output index 1 is out of range, the model has 1 outputs");
  EXPECT_STREQ(error_of([&] { session.run({in}, {0, 0}, {out, out}); }).what(), "output index 0 is asked for twice");
}

TEST(Session, Workspaces) {
  const auto forest = random_forest<float>({5, 4, 2});
  const Session session = load(regressor_model(forest));
  const Floats rows = stress_rows(forest, 500, 1);
  const std::size_t bytes = session.bind({{500, 2}}, {0}).workspace_bytes;
  EXPECT_LT(session.bind({{1, 2}}, {0}).workspace_bytes, 16384U);
  // Blocks: more rows need no more memory.
  EXPECT_EQ(session.bind({{1 << 20, 2}}, {0}).workspace_bytes, bytes);
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  const std::unique_ptr<void, Free> workspace(std::aligned_alloc(64, bytes + 64));
  Floats got(500);
  const std::int64_t shape[2] = {500, 2}, out_shape[2] = {500, 1};
  const arsenal_input in = {rows.data(), ARSENAL_FLOAT, 2, shape, nullptr};
  const arsenal_output out = {got.data(), ARSENAL_FLOAT, 2, out_shape, nullptr};
  const std::size_t index = 0;
  const auto run = [&](void* memory, std::size_t size) {
    return arsenal_session_run(session.get(), &in, 1, &index, &out, 1, memory, size);
  };
  EXPECT_EQ(run(workspace.get(), bytes), ARSENAL_OK);
  EXPECT_EQ(got, run_one<float>(session, {arsenal::input(rows.data(), {500, 2})}).values);
  EXPECT_EQ(run(workspace.get(), 1), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "the workspace has 1 bytes, too few for any run");
  EXPECT_EQ(run(static_cast<char*>(workspace.get()) + 8, bytes), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "the workspace is not aligned to 64 bytes");
  Options options;
  options.max_workspace_bytes = 100;
  const Session tight = load(regressor_model(forest), options);
  EXPECT_EQ(error_of([&] { run_one<float>(tight, {arsenal::input(rows.data(), {500, 2})}); }).status(),
            ARSENAL_LIMIT_EXCEEDED);
}

TEST(Session, ImpossibleExtentsAreRefused) {
  const Session session = load(regressor_model(random_forest<float>({5, 4, 2})));
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto binding = session.bind({{kMost, 2}}, {0});
  EXPECT_EQ(binding.output_shapes[0][0], kMost);
  EXPECT_EQ(error_of([&] { session.bind({{1, kMost}}, {0}); }).status(), ARSENAL_SHAPE_MISMATCH);
  EXPECT_EQ(error_of([&] { session.bind({{1, 2, 3}}, {0}); }).status(), ARSENAL_SHAPE_MISMATCH);
  ModelSpec spec;
  spec.inputs = {value_info("A", ARSENAL_FLOAT, {"N", "K"}), value_info("B", ARSENAL_FLOAT, {"N", "L"})};
  spec.nodes = {node("Concat", {"A", "B"}, {"Y"}, {attribute("axis", 1)})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const Session join = load(model(spec));
  EXPECT_STREQ(error_of([&] { join.bind({{1, kMost}, {1, kMost}}, {0}); }).what(),
               "node 0 (Concat): the result is too large");
  EXPECT_EQ(error_of([&] { join.bind({{1, kMost}, {1, 0}}, {0}); }).status(), ARSENAL_LIMIT_EXCEEDED);
}

TEST(Session, LoadsFromAPath) {
  const auto forest = random_forest<float>({});
  const std::string path = testing::TempDir() + "arsenal_session_test.onnx";
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  const std::string bytes = regressor_model(forest);
  ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  std::fclose(file);
  EXPECT_EQ(Session(path).info().n_trees, 20U);
  Options options;
  options.max_bytes = 10;
  EXPECT_EQ(error_of([&] { Session(path, options); }).status(), ARSENAL_LIMIT_EXCEEDED);
  std::remove(path.c_str());
  const Error error = error_of([&] { Session{path}; });
  EXPECT_EQ(error.status(), ARSENAL_IO_ERROR);
  EXPECT_NE(std::string(error.what()).find("No such file"), std::string::npos);
  // A directory opens, and fails to be read.
  EXPECT_EQ(error_of([&] { Session{testing::TempDir()}; }).status(), ARSENAL_IO_ERROR);
}

TEST(CInterface, NullsAndRangesAreChecked) {
  arsenal_session* session = nullptr;
  EXPECT_EQ(arsenal_session_load(nullptr, nullptr, &session), ARSENAL_INVALID_ARGUMENT);
  EXPECT_EQ(arsenal_session_load("x", nullptr, nullptr), ARSENAL_INVALID_ARGUMENT);
  EXPECT_EQ(arsenal_session_load_from_memory(nullptr, 1, nullptr, &session), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "data is NULL");
  EXPECT_EQ(arsenal_session_input_count(nullptr), 0U);
  EXPECT_EQ(arsenal_session_output_count(nullptr), 0U);
  EXPECT_EQ(arsenal_session_opset_count(nullptr), 0U);
  EXPECT_EQ(arsenal_session_metadata_count(nullptr), 0U);
  EXPECT_EQ(arsenal_session_operator_count(nullptr), 0U);
  arsenal_session_free(nullptr);
  const Session model = load(regressor_model(random_forest<float>({})));
  arsenal_value_info value;
  arsenal_opset opset;
  arsenal_metadata metadata;
  arsenal_operator_count op;
  arsenal_model_info info = {};
  for (const arsenal_session* given : {static_cast<const arsenal_session*>(nullptr), model.get()}) {
    EXPECT_EQ(arsenal_session_input_info(given, 1, &value), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_output_info(given, 1, &value), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_input_info(given, 0, nullptr), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_opset(given, 2, &opset), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_opset(given, 0, nullptr), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_metadata(given, 0, &metadata), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_metadata(given, 0, nullptr), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_operator(given, 1, &op), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_operator(given, 0, nullptr), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_model_info(given, nullptr), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_model_info(given, &info), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_run(given, nullptr, 1, nullptr, nullptr, 0, nullptr, 0), ARSENAL_INVALID_ARGUMENT);
    EXPECT_EQ(arsenal_session_bind(given, nullptr, 1, nullptr, nullptr, 0, nullptr), ARSENAL_INVALID_ARGUMENT);
  }
  EXPECT_EQ(arsenal_session_input_info(model.get(), 1, &value), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "input index 1 is out of range, there are 1");
  const arsenal_input input = {};
  EXPECT_EQ(arsenal_session_run(model.get(), &input, 1, nullptr, nullptr, 1, nullptr, 0), ARSENAL_INVALID_ARGUMENT);
  EXPECT_EQ(arsenal_abi_version(), static_cast<std::uint32_t>(ARSENAL_ABI_VERSION));
  EXPECT_EQ(std::string(arsenal_version()).find('.'), 1U);
  EXPECT_STREQ(arsenal_status_name(ARSENAL_LIMIT_EXCEEDED), "LIMIT_EXCEEDED");
  EXPECT_STREQ(arsenal_status_name(static_cast<arsenal_status>(99)), "UNKNOWN");
  EXPECT_EQ(arsenal_dtype_size(ARSENAL_STRING), sizeof(arsenal_string));
  EXPECT_EQ(arsenal_dtype_size(99), 0U);
}

TEST(CInterface, StructsOfOtherVersions) {
  const std::string bytes = regressor_model(random_forest<float>({}));
  arsenal_session* session = nullptr;
  const auto load_with = [&](const arsenal_options* options) {
    const arsenal_status status = arsenal_session_load_from_memory(bytes.data(), bytes.size(), options, &session);
    arsenal_session_free(session);
    session = nullptr;
    return status;
  };
  // An older caller knows fewer fields; what lies behind them must not be read.
  arsenal_options older = ARSENAL_OPTIONS_INIT;
  older.struct_size = offsetof(arsenal_options, max_bytes);
  older.max_bytes = 1;
  EXPECT_EQ(load_with(&older), ARSENAL_OK);
  older.struct_size = sizeof(older);
  EXPECT_EQ(load_with(&older), ARSENAL_LIMIT_EXCEEDED);
  struct {
    arsenal_options options;
    std::uint64_t future;
  } newer = {ARSENAL_OPTIONS_INIT, 0};
  newer.options.struct_size = sizeof(newer);
  EXPECT_EQ(load_with(&newer.options), ARSENAL_OK);
  newer.future = 1;
  EXPECT_EQ(load_with(&newer.options), ARSENAL_INVALID_ARGUMENT);
  arsenal_options unset = {};
  EXPECT_EQ(load_with(&unset), ARSENAL_INVALID_ARGUMENT);
  arsenal_options threads = ARSENAL_OPTIONS_INIT;
  threads.n_threads = -2;
  EXPECT_EQ(load_with(&threads), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "options.n_threads is -2, wanted -1 or more");
  arsenal_options compat = ARSENAL_OPTIONS_INIT;
  compat.compat = ARSENAL_COMPAT_SPEC;
  EXPECT_EQ(load_with(&compat), ARSENAL_OK);
  compat.compat = 2;
  EXPECT_EQ(load_with(&compat), ARSENAL_INVALID_ARGUMENT);
  EXPECT_STREQ(arsenal_last_error(), "options.compat is 2, wanted 0 (onnxruntime) or 1 (spec)");
  arsenal_options reserved = ARSENAL_OPTIONS_INIT;
  reserved.reserved = 1;
  EXPECT_EQ(load_with(&reserved), ARSENAL_INVALID_ARGUMENT);
}

TEST(CInterface, ErrorsBelongToTheirThread) {
  arsenal_session* session = nullptr;
  ASSERT_EQ(arsenal_session_load_from_memory("x", 1, nullptr, &session), ARSENAL_INVALID_MODEL);
  const std::string mine = arsenal_last_error();
  std::string others;
  std::thread([&] { others = arsenal_last_error(); }).join();
  EXPECT_EQ(others, "");
  EXPECT_EQ(arsenal_last_error(), mine);
}

}  // namespace
}  // namespace arsenal::test
