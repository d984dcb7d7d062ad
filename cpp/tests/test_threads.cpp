// The pool, and sessions that many threads share.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "forest.h"
#include "onnx_writer.h"
#include "pool.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using runtime::Pool;

struct Counts {
  std::atomic<int> calls{0};
  std::atomic<int> workers{0};
};

void count(void* context, std::size_t worker) noexcept {
  auto& counts = *static_cast<Counts*>(context);
  ++counts.calls;
  counts.workers |= 1 << worker;
}

TEST(Pool, RunsEachWorkerOnceAndReturnsWhenAllAreDone) {
  Pool pool(4);
  for (int round = 0; round < 200; ++round) {
    const auto n_workers = static_cast<std::size_t>(round % 4 + 1);
    Counts counts;
    pool.run(n_workers, count, &counts);
    ASSERT_EQ(counts.calls, static_cast<int>(n_workers));
    ASSERT_EQ(counts.workers, (1 << n_workers) - 1);
  }
}

TEST(Pool, ManyCallersAtOnce) {
  Pool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        Counts counts;
        pool.run(3, count, &counts);
        wrong += counts.calls != 3;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Pool, NumberOfThreadsFollowsOneRule) {
  EXPECT_EQ(runtime::resolve_threads(0), 1U);
  EXPECT_EQ(runtime::resolve_threads(3), 3U);
  EXPECT_GE(runtime::resolve_threads(-1), 1U);
  setenv("ARSENAL_NUM_THREADS", "5", 1);
  EXPECT_EQ(runtime::resolve_threads(-1), 5U);
  EXPECT_EQ(runtime::resolve_threads(2), 2U);
  for (const char* useless : {"", "0", "-3", "many", "2x"}) {
    setenv("ARSENAL_NUM_THREADS", useless, 1);
    EXPECT_LE(runtime::resolve_threads(-1), std::max(1U, std::thread::hardware_concurrency()));
  }
  unsetenv("ARSENAL_NUM_THREADS");
}

struct Scored {
  Forest<float> forest = random_forest<float>({40, 31, 6, 1, {"BRANCH_LEQ"}, 60, true});
  std::vector<float> rows = stress_rows(forest, 5000, 4);
  std::string bytes = regressor_model(forest);

  std::vector<float> run(const Session& session) const {
    return run_one<float>(session, {arsenal::input(rows.data(), {5000, 6})}).values;
  }
};

TEST(Threads, DoNotChangeResults) {
  const Scored scored;
  const auto wanted = scored.run(load(scored.bytes));
  for (const std::int32_t n_threads : {2, 3, 8}) {
    Options options;
    options.n_threads = n_threads;
    const Session session = load(scored.bytes, options);
    EXPECT_EQ(session.info().n_threads, n_threads);
    for (int repeat = 0; repeat < 5; ++repeat) ASSERT_EQ(scored.run(session), wanted);
  }
}

TEST(Threads, ShareOneSession) {
  const Scored scored;
  const auto wanted = scored.run(load(scored.bytes));
  for (const std::int32_t n_threads : {1, 2}) {
    Options options;
    options.n_threads = n_threads;
    const Session session = load(scored.bytes, options);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int repeat = 0; repeat < 5; ++repeat) wrong += scored.run(session) != wanted;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

TEST(Threads, ErrorsOfWorkersReachTheCaller) {
  ModelSpec spec;
  spec.inputs = {value_info("I", ARSENAL_INT64, {"N"})};
  spec.initializers = {tensor("table", {3}, std::vector<float>{1, 2, 3})};
  spec.nodes = {node("Gather", {"table", "I"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  Options options;
  options.n_threads = 3;
  const Session session = load(model(spec), options);
  std::vector<std::int64_t> indices(3000, 1);
  indices[2999] = 7;
  const Error error = error_of([&] { run_one<float>(session, {arsenal::input(indices.data(), {3000})}); });
  EXPECT_EQ(error.status(), ARSENAL_INVALID_VALUE);
  EXPECT_STREQ(error.what(), "node 0 (Gather): index 7 is out of range for an extent of 3");
}

TEST(Threads, StartAfreshInAForkedChild) {
  const Scored scored;
  Options options;
  options.n_threads = 3;
  const Session session = load(scored.bytes, options);
  const auto wanted = scored.run(session);
  const pid_t child = fork();
  if (child == 0) _exit(scored.run(session) == wanted ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(scored.run(session), wanted);
}

}  // namespace
}  // namespace arsenal::test
