// Counts every allocation that the runtime makes. The linker sends its calls here (--wrap, see CMakeLists.txt).
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "forest.h"
#include "scoring.h"

namespace {
thread_local std::size_t n_allocations = 0;
}

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* memory, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __real__Znwm(std::size_t size);
void* __real__Znam(std::size_t size);
void* __real__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t& tag);
void* __real__ZnamRKSt9nothrow_t(std::size_t size, const std::nothrow_t& tag);

void* __wrap_malloc(std::size_t size) { return ++n_allocations, __real_malloc(size); }
void* __wrap_calloc(std::size_t count, std::size_t size) { return ++n_allocations, __real_calloc(count, size); }
void* __wrap_realloc(void* memory, std::size_t size) { return ++n_allocations, __real_realloc(memory, size); }
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return ++n_allocations, __real_aligned_alloc(alignment, size);
}
void* __wrap__Znwm(std::size_t size) { return ++n_allocations, __real__Znwm(size); }
void* __wrap__Znam(std::size_t size) { return ++n_allocations, __real__Znam(size); }
void* __wrap__ZnwmRKSt9nothrow_t(std::size_t size, const std::nothrow_t& tag) {
  return ++n_allocations, __real__ZnwmRKSt9nothrow_t(size, tag);
}
void* __wrap__ZnamRKSt9nothrow_t(std::size_t size, const std::nothrow_t& tag) {
  return ++n_allocations, __real__ZnamRKSt9nothrow_t(size, tag);
}
}

namespace arsenal::test {
namespace {

template <typename Call>
std::size_t allocations_of(const Call& call) {
  const std::size_t before = n_allocations;
  call();
  return n_allocations - before;
}

struct Call {
  const Session& session;
  const float* rows;
  std::int64_t shape[2];
  std::int64_t out_shape[2];
  std::vector<float> result;

  Call(const Session& given, const float* data, std::int64_t n_rows, std::int64_t width, std::int64_t n_targets)
      : session(given),
        rows(data),
        shape{n_rows, width},
        out_shape{n_rows, n_targets},
        result(static_cast<std::size_t>(n_rows * n_targets)) {}

  void run(std::size_t index, void* workspace, std::size_t bytes) {
    const arsenal_input in = {rows, ARSENAL_FLOAT, 2, shape, nullptr};
    const arsenal_output out = {result.data(), ARSENAL_FLOAT, 2, out_shape, nullptr};
    ASSERT_EQ(arsenal_session_run(session.get(), &in, 1, &index, &out, 1, workspace, bytes), ARSENAL_OK);
  }
};

TEST(Allocations, AreCounted) {
  const std::string bytes = regressor_model(random_forest<float>({}));
  EXPECT_GT(allocations_of([&] { load(bytes); }), 20U);
}

TEST(Allocations, ARowOfATreeModelNeedsNone) {
  for (const char* isa : {"scalar", ""}) {
    setenv("ARSENAL_FORCE_ISA", isa, 1);
    const auto forest = random_forest<float>({500, 31, 28, 1, {"BRANCH_LEQ"}, 255, true});
    const auto rows = stress_rows(forest, 1, 1);
    const Session regressor = load(regressor_model(forest));
    Call one(regressor, rows.data(), 1, 28, 1);
    EXPECT_EQ(allocations_of([&] { one.run(0, nullptr, 0); }), 0U);
    const auto classes = random_forest<float>({90, 31, 28, 3});
    const Session classifier =
        load(classifier_model(classes, {attribute("classlabels_int64s", std::vector<std::int64_t>{0, 1, 2}),
                                        attribute("post_transform", "SOFTMAX")}));
    Call three(classifier, rows.data(), 1, 28, 3);
    EXPECT_EQ(allocations_of([&] { three.run(1, nullptr, 0); }), 0U);
  }
  unsetenv("ARSENAL_FORCE_ISA");
}

TEST(Allocations, ABatchWithAWorkspaceNeedsNone) {
  const auto forest = random_forest<float>({100, 31, 28});
  const auto rows = stress_rows(forest, 3000, 1);
  const Session session = load(regressor_model(forest));
  Call batch(session, rows.data(), 3000, 28, 1);
  const std::size_t bytes = session.bind({{3000, 28}}, {0}).workspace_bytes;
  void* const workspace = std::aligned_alloc(64, bytes);
  EXPECT_EQ(allocations_of([&] { batch.run(0, workspace, bytes); }), 0U);
  std::free(workspace);
  // Without one: one, whatever the number of rows.
  EXPECT_EQ(allocations_of([&] { batch.run(0, nullptr, 0); }), 1U);
}

TEST(Allocations, ATableOfStringsNeedsNone) {
  ModelSpec spec;
  std::vector<std::string> row;
  for (int c = 0; c < 36; ++c) {
    const std::string name = "c" + std::to_string(c);
    const bool words = c % 3 == 0;
    spec.inputs.push_back(value_info(name, words ? ARSENAL_STRING : ARSENAL_FLOAT, {"N", 1}));
    row.push_back(words ? name + "_code" : name);
    if (words) {
      spec.nodes.push_back(node("LabelEncoder", {name}, {row.back()},
                                {attribute("keys_strings", std::vector<std::string>{"x", "y"}),
                                 attribute("values_floats", std::vector<float>{1, 2})},
                                "ml"));
    }
  }
  const auto forest = random_forest<float>({100, 31, 36, 1, {"BRANCH_LEQ"}, 50, true, false, false, 3});
  spec.nodes.push_back(node("Concat", row, {"row"}, {attribute("axis", 1)}));
  spec.nodes.push_back(node("TreeEnsemble", {"row"}, {"Y"}, indexed_attributes(forest), "ml"));
  spec.outputs = {value_info("Y", ARSENAL_FLOAT, {"N", 1})};
  const Session session = load(model(spec));
  const float number = 1.5f;
  const arsenal_string word = string_element("y");
  const std::int64_t shape[2] = {1, 1};
  std::vector<arsenal_input> inputs;
  for (int c = 0; c < 36; ++c) {
    const bool words = c % 3 == 0;
    const void* data = words ? static_cast<const void*>(&word) : &number;
    inputs.push_back({data, words ? ARSENAL_STRING : ARSENAL_FLOAT, 2, shape, nullptr});
  }
  float result = 0;
  const arsenal_output output = {&result, ARSENAL_FLOAT, 2, shape, nullptr};
  const std::size_t index = 0;
  arsenal_status status = ARSENAL_INTERNAL_ERROR;
  EXPECT_EQ(allocations_of([&] {
              status = arsenal_session_run(session.get(), inputs.data(), 36, &index, &output, 1, nullptr, 0);
            }),
            0U);
  EXPECT_EQ(status, ARSENAL_OK);
}

TEST(Allocations, AFailedRunNeedsNone) {
  const auto forest = random_forest<float>({});
  const Session session = load(regressor_model(forest));
  const std::int64_t shape[2] = {1, 3};
  const float row[3] = {};
  const arsenal_input in = {row, ARSENAL_FLOAT, 2, shape, nullptr};
  const std::size_t index = 0;
  const arsenal_output out = {};
  EXPECT_EQ(allocations_of([&] {
              EXPECT_NE(arsenal_session_run(session.get(), &in, 1, &index, &out, 1, nullptr, 0), ARSENAL_OK);
            }),
            0U);
}

}  // namespace
}  // namespace arsenal::test
