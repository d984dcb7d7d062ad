// Engines and instruction sets: the same bits from each, whatever the batch size.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "engines/engine.h"
#include "engines/leaf_values.h"
#include "engines/ranked.h"
#include "forest.h"
#include "isa.h"
#include "kernels/oblivious.h"
#include "kernels/ranked.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using runtime::Isa;

// Every set that this CPU has, portable code first.
std::vector<Isa> available_isas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (isa <= runtime::widest_isa()) isas.push_back(isa);
  }
  return isas;
}

class ForcedIsa {
 public:
  explicit ForcedIsa(const char* name) { setenv("ARSENAL_FORCE_ISA", name, 1); }
  ~ForcedIsa() { unsetenv("ARSENAL_FORCE_ISA"); }
};

template <typename T>
std::vector<T> scores(const Session& session, const Forest<T>& forest, const T* rows, std::int64_t n_rows) {
  std::vector<T> result(static_cast<std::size_t>(n_rows * forest.n_targets));
  session.run({arsenal::input(rows, {n_rows, forest.n_features})}, {0},
              {arsenal::output(result.data(), {n_rows, forest.n_targets})});
  return result;
}

template <typename T>
bool same_bits(const T* a, const T* b, std::size_t count) {
  return count == 0 || std::memcmp(a, b, count * sizeof(T)) == 0;
}

// Batches of every size, cut from the same rows, on every instruction set: all equal to the naive sums.
template <typename T>
void expect_naive_everywhere(const Forest<T>& forest, const std::string& bytes, const char* engine) {
  constexpr std::int64_t kRows = 600;
  const std::vector<T> rows = stress_rows(forest, kRows, 11);
  std::vector<T> wanted;
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (const T sum : naive_sums(forest, &rows[static_cast<std::size_t>(r * forest.n_features)]))
      wanted.push_back(sum);
  }
  for (const Isa isa : available_isas()) {
    const ForcedIsa forced(runtime::isa_name(isa));
    const Session session = load(bytes);
    EXPECT_STREQ(session.info().engine, engine);
    EXPECT_STREQ(session.info().isa, runtime::isa_name(isa));
    for (const std::int64_t n :
         {0, 1, 2, 5, 6, 7, 15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 600}) {
      for (const std::int64_t start : {std::int64_t{0}, kRows - n}) {
        const auto got = scores(session, forest, rows.data() + start * forest.n_features, n);
        ASSERT_TRUE(same_bits(got.data(), wanted.data() + start * forest.n_targets, got.size()))
            << runtime::isa_name(isa) << ", " << n << " rows from " << start;
      }
    }
  }
}

struct EngineCase {
  const char* name;
  const char* engine;
  ForestShape shape;
};

std::ostream& operator<<(std::ostream& stream, const EngineCase& value) { return stream << value.name; }

class Engines : public testing::TestWithParam<EngineCase> {};

TEST_P(Engines, FloatEqualsNaiveOnEveryIsaAndBatchSize) {
  const auto forest = random_forest<float>(GetParam().shape);
  const bool keyed = GetParam().shape.member_every == 0;
  expect_naive_everywhere(forest, keyed ? regressor_model(forest) : ensemble_model(forest), GetParam().engine);
}

TEST_P(Engines, DoubleEqualsNaiveOnEveryIsaAndBatchSize) {
  if (GetParam().shape.many_targets_per_leaf) return;  // TreeEnsemble has one target per leaf.
  const auto forest = random_forest<double>(GetParam().shape);
  expect_naive_everywhere(forest, ensemble_model(forest), GetParam().engine);
}

const std::vector<std::string> kAllModes = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                            "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};

ForestShape symmetric(ForestShape shape) {
  shape.symmetric = true;
  return shape;
}

INSTANTIATE_TEST_SUITE_P(
    All, Engines,
    testing::Values(
        EngineCase{"few_leaves", "ranked", {40, 7, 5}}, EngineCase{"sixteen_leaves", "ranked", {65, 16, 5}},
        EngineCase{"typical", "ranked", {130, 31, 28, 1, {"BRANCH_LEQ"}, 255, true}},
        EngineCase{"sixty_four_leaves", "ranked", {20, 64, 6, 1, {"BRANCH_LT"}, 100, true}},
        EngineCase{"two_hundred_fifty_six_leaves", "ranked", {18, 256, 6, 1, {"BRANCH_LEQ"}, 2000, true}},
        EngineCase{"more_leaves_than_a_byte_counts", "deep", {5, 257, 6}},
        EngineCase{"deep_and_missing", "deep", {35, 300, 6, 1, {"BRANCH_LEQ", "BRANCH_GT"}, 2000, true}},
        EngineCase{"deep_in_all_orders", "deep", {17, 600, 9, 1, {"BRANCH_LT", "BRANCH_GTE"}, 50, false, false, true}},
        EngineCase{"deep_targets_by_leaf", "deep", {20, 300, 8, 3, {"BRANCH_LEQ"}, 99, true, true}},
        EngineCase{"deep_targets_by_tree", "deep", {20, 300, 8, 3, {"BRANCH_LEQ"}, 99, true}},
        EngineCase{"deep_and_many_targets_by_tree", "deep", {30, 270, 8, 9, {"BRANCH_LEQ"}, 99, true}},
        EngineCase{"deep_and_all_modes", "walk", {9, 300, 8, 1, kAllModes, 30, true}},
        EngineCase{"columns_for_two_registers", "ranked", {70, 31, 70, 1, {"BRANCH_LEQ"}, 20, false}},
        EngineCase{"more_columns_than_two_registers", "ranked", {70, 31, 90, 1, {"BRANCH_LEQ"}, 20, true}},
        EngineCase{"all_modes", "ranked", {50, 20, 8, 1, kAllModes, 30, true}},
        EngineCase{"targets_by_tree", "ranked", {50, 12, 8, 3, {"BRANCH_LEQ"}, 30, true}},
        EngineCase{"targets_by_leaf", "ranked", {50, 12, 8, 3, {"BRANCH_LEQ"}, 30, true, true}},
        EngineCase{"members", "ranked", {50, 31, 9, 1, {"BRANCH_LEQ"}, 300, true, false, false, 2}},
        EngineCase{"members_and_many_columns", "ranked", {20, 31, 140, 1, {"BRANCH_LEQ"}, 9, true, false, false, 2}},
        EngineCase{"stumps", "oblivious", symmetric({70, 2, 5})},
        EngineCase{"symmetric", "oblivious", symmetric({130, 64, 28, 1, {"BRANCH_GT"}, 255, true})},
        EngineCase{"symmetric_in_all_orders", "oblivious",
                   symmetric({19, 32, 9, 1, kAllModes, 50, false, false, true})},
        EngineCase{"symmetric_of_one_to_four_leaves", "oblivious", symmetric({17, 4, 9, 1, {"BRANCH_LT"}, 50, true})},
        EngineCase{"symmetric_with_256_leaves", "oblivious", symmetric({20, 256, 6, 1, {"BRANCH_LEQ"}, 900, true})},
        EngineCase{"symmetric_with_512_leaves", "deep", symmetric({20, 512, 6})},
        EngineCase{"symmetric_targets_by_tree", "oblivious", symmetric({50, 16, 8, 3, {"BRANCH_LEQ"}, 30, true})},
        EngineCase{"symmetric_targets_by_leaf", "oblivious", symmetric({50, 64, 8, 3, {"BRANCH_LEQ"}, 30, true, true})},
        EngineCase{"symmetric_and_columns_for_two_registers", "oblivious", symmetric({70, 64, 70})},
        EngineCase{"symmetric_and_more_columns", "oblivious", symmetric({99, 64, 90, 1, {"BRANCH_LEQ"}, 20, true})},
        EngineCase{"symmetric_members", "oblivious",
                   symmetric({50, 64, 9, 1, {"BRANCH_LEQ"}, 300, true, false, false, 2})}),
    [](const auto& info) { return info.param.name; });

// Large blocks on several threads, and groups of rows within them.
TEST(Engine, DeepTreesByThousandsOfRows) {
  const auto forest = random_forest<float>({20, 400, 6, 40, {"BRANCH_LEQ"}, 500, true, true});
  constexpr std::int64_t kRows = 9000;
  const std::vector<float> rows = stress_rows(forest, kRows, 5);
  const std::string bytes = regressor_model(forest);
  const Session one = load(bytes);
  EXPECT_STREQ(one.info().engine, "deep");
  const auto wanted = scores(one, forest, rows.data(), kRows);
  for (std::int64_t r = 0; r < kRows; r += 97) {
    const auto sums = naive_sums(forest, &rows[static_cast<std::size_t>(r * forest.n_features)]);
    ASSERT_TRUE(same_bits(sums.data(), &wanted[static_cast<std::size_t>(r * forest.n_targets)], sums.size())) << r;
  }
  for (const std::int32_t n_threads : {2, 3, 7}) {
    Options options;
    options.n_threads = n_threads;
    const Session session = load(bytes, options);
    for (const std::int64_t n : {std::int64_t{257}, std::int64_t{2049}, kRows}) {
      const auto got = scores(session, forest, rows.data(), n);
      ASSERT_TRUE(same_bits(got.data(), wanted.data(), got.size())) << n_threads << " threads, " << n << " rows";
    }
  }
}

TEST(Engine, TreesOfOneLeaf) {
  const auto forest = random_forest<float>({33, 1, 2});
  expect_naive_everywhere(forest, regressor_model(forest), "walk");
  // TreeEnsemble writes them as a split with the same leaf on both sides.
  expect_naive_everywhere(forest, ensemble_model(forest), "oblivious");
}

// One node that differs from the others of its level, in any of what a test consists of, or one leaf in its targets.
TEST(Engine, AlmostSymmetricTreesAreRanked) {
  const auto whole = random_forest<float>(symmetric({20, 16, 6, 2, {"BRANCH_LEQ"}, 30, true, true}));
  expect_naive_everywhere(whole, regressor_model(whole), "oblivious");
  const auto expect_ranked = [&whole](const auto& change) {
    auto forest = whole;
    // The last split of the last tree of 16 leaves, and the last leaf.
    change(forest.trees[18].nodes[14], forest.trees[18].nodes[30]);
    expect_naive_everywhere(forest, regressor_model(forest), "ranked");
  };
  expect_ranked([](auto& split, auto&) { split.value = std::nextafter(split.value, 1e9f); });
  expect_ranked([](auto& split, auto&) { split.feature = (split.feature + 1) % 6; });
  expect_ranked([](auto& split, auto&) { split.missing_is_true = !split.missing_is_true; });
  expect_ranked([](auto&, auto& leaf) { leaf.weights.pop_back(); });
  expect_ranked([](auto&, auto& leaf) { leaf.weights[0].first = leaf.weights[1].first; });
}

// A thousand thresholds per feature: several columns of bytes for each.
TEST(Engine, ManyThresholdsPerFeature) {
  const auto forest = random_forest<float>({300, 31, 3, 1, {"BRANCH_LEQ"}, 1000, true});
  expect_naive_everywhere(forest, regressor_model(forest), "ranked");
}

TEST(Engine, MoreCategoriesThanAByteCountsAreWalked) {
  auto forest = random_forest<float>({10, 8, 4, 1, {"BRANCH_LEQ"}, 30, true, false, false, 2});
  for (int value = 0; value < 600; ++value) {
    for (auto& tree : forest.trees) {
      for (auto& node : tree.nodes) {
        if (node.mode == "BRANCH_MEMBER" && value % 3 != 0) node.members.push_back(static_cast<float>(value));
      }
    }
  }
  expect_naive_everywhere(forest, ensemble_model(forest), "walk");
}

// Each child is shared: 2^60 paths, none of which is written out.
TEST(Engine, SharedChildrenDoNotMultiply) {
  Tree<float> tree;
  for (std::size_t i = 0; i < 60; ++i) {
    tree.nodes.push_back({"BRANCH_LEQ", 0, static_cast<float>(i), {}, false, i + 1, i + 1, {}});
  }
  tree.nodes.push_back({"LEAF", 0, 0, {}, false, 0, 0, {{0, 3.0f}}});
  const Forest<float> forest{1, 1, {tree}};
  expect_naive_everywhere(forest, regressor_model(forest), "walk");
}

TEST(Engine, WideRowsAndNegativeCategories) {
  Tree<double> tree;
  tree.nodes.resize(3);
  tree.nodes[0] = {"BRANCH_MEMBER", 1, 0, {-3, 0.5, 1e6, 2}, false, 1, 2, {}};
  tree.nodes[1] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 1.0}}};
  tree.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 2.0}}};
  const Forest<double> forest{3, 1, {tree, tree}};
  expect_naive_everywhere(forest, ensemble_model(forest), "oblivious");
}

// --- The kernels themselves, against portable code ---

template <typename T>
class Kernels : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Kernels, Reals);

TYPED_TEST(Kernels, RanksCountTheThresholdsBelow) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  std::mt19937 random(3);
  for (const std::size_t count : {1, 2, 15, 16, 17, 31, 32, 33, 100, 240, 254}) {
    std::vector<T> thresholds;
    for (std::size_t k = 0; k < count; ++k) thresholds.push_back(static_cast<T>(static_cast<int>(k) - 40) / 8);
    if (count > 20) thresholds.front() = -kInfinity;
    if (count > 30) thresholds.back() = kInfinity;
    const std::size_t n_blocks = (count + 15) / 16;
    std::vector<T> padded = thresholds;
    padded.resize(n_blocks * 16, kInfinity);
    std::vector<T> pivots(16, kInfinity);
    for (std::size_t b = 0; b + 1 < n_blocks; ++b) pivots[b] = padded[b * 16 + 15];
    std::vector<T> rows;
    for (const T t : thresholds) {
      for (const T x : {t, std::nextafter(t, kInfinity), std::nextafter(t, -kInfinity)})
        rows.insert(rows.end(), {x, 7});
    }
    for (const T x : {std::numeric_limits<T>::quiet_NaN(), kInfinity, -kInfinity, T{0}, -T{0}}) {
      rows.insert(rows.end(), {x, 7});
    }
    for (const std::int8_t nan_rank : {runtime::kLowestRank, runtime::kHighestRank}) {
      const runtime::RankColumn<T> column{padded.data(), pivots.data(), 0, static_cast<std::uint32_t>(n_blocks),
                                          nan_rank};
      for (std::size_t r = 0; r < rows.size() / 2; ++r) {
        const T x = rows[2 * r];
        int wanted = runtime::kLowestRank;
        for (const T t : thresholds) wanted += t < x;
        if (std::isnan(x)) wanted = nan_rank;
        for (const Isa isa : available_isas()) {
          std::int8_t rank = 77;
          runtime::ranked_kernels<T>(isa).rank(column, &rows[2 * r], 2, 1, &rank);
          ASSERT_EQ(rank, wanted) << runtime::isa_name(isa) << " " << x << " of " << count;
          std::int8_t pair[2] = {};
          const runtime::RankColumn<T> columns[2] = {column, column};
          runtime::ranked_kernels<T>(isa).rank_row(columns, 2, &rows[2 * r], pair);
          ASSERT_EQ(pair[0], wanted);
          ASSERT_EQ(pair[1], wanted);
        }
      }
    }
  }
}

template <typename T>
std::vector<T> random_values(std::size_t count, std::mt19937& random) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(std::normal_distribution<double>()(random));
  return values;
}

TYPED_TEST(Kernels, TileKernelsEqualPortableCode) {
  using T = TypeParam;
  std::mt19937 random(9);
  constexpr std::size_t kStride = runtime::kTileRows;
  std::vector<std::uint8_t> codes(kStride), bits(32);
  std::vector<std::int8_t> columns(5 * kStride);
  for (auto& byte : columns) byte = static_cast<std::int8_t>(random());
  for (auto& code : codes) code = static_cast<std::uint8_t>(random());
  for (auto& byte : bits) byte = static_cast<std::uint8_t>(random());
  // A chain to the left, as deep as there are leaves.
  std::vector<runtime::RankedNode> nodes;
  for (std::size_t k = 0; k + 1 < 200; ++k) {
    nodes.push_back({static_cast<std::uint16_t>(random() % 5), static_cast<std::int8_t>(random()),
                     static_cast<std::uint8_t>(k), static_cast<std::uint8_t>(k + 1)});
  }
  const std::vector<std::size_t> leaf_counts = {1, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129, 256};
  runtime::LeafValues<T> values;
  for (const std::size_t n_leaves : leaf_counts) values.add_list(random_values<T>(n_leaves, random));
  values.finish();
  const auto& portable = runtime::ranked_kernels<T>(Isa::kScalar);
  for (const Isa isa : available_isas()) {
    const auto& kernels = runtime::ranked_kernels<T>(isa);
    for (std::size_t n_rows = 0; n_rows <= kStride; ++n_rows) {
      std::vector<std::uint8_t> got(kStride), wanted(kStride);
      std::vector<std::int8_t> outside(kStride), wanted_outside(kStride);
      kernels.test_members(bits.data(), codes.data(), n_rows, outside.data());
      portable.test_members(bits.data(), codes.data(), n_rows, wanted_outside.data());
      ASSERT_TRUE(same_bits(outside.data(), wanted_outside.data(), n_rows));
      for (const std::size_t n_nodes : {std::size_t{0}, std::size_t{1}, std::size_t{15}, nodes.size()}) {
        kernels.find_leaves(nodes.data(), n_nodes, columns.data(), kStride, n_rows, got.data());
        portable.find_leaves(nodes.data(), n_nodes, columns.data(), kStride, n_rows, wanted.data());
        ASSERT_TRUE(same_bits(got.data(), wanted.data(), n_rows));
      }
      for (std::size_t list = 0; list < leaf_counts.size(); ++list) {
        std::vector<std::uint8_t> leaves(kStride);
        for (auto& leaf : leaves) leaf = static_cast<std::uint8_t>(random() % leaf_counts[list]);
        std::vector<T> sums(kStride, T{1} / 3), wanted_sums = sums;
        kernels.add_leaves(values.table(list), leaves.data(), n_rows, sums.data());
        portable.add_leaves(values.table(list), leaves.data(), n_rows, wanted_sums.data());
        ASSERT_TRUE(same_bits(sums.data(), wanted_sums.data(), n_rows));
      }
    }
  }
}

TYPED_TEST(Kernels, ObliviousTermsEqualPortableCode) {
  using T = TypeParam;
  std::mt19937 random(6);
  constexpr std::size_t kStride = runtime::kTileRows;
  constexpr std::size_t kMostLevels = 8;
  std::vector<std::int8_t> columns(5 * kStride);
  for (auto& byte : columns) byte = static_cast<std::int8_t>(random());
  std::vector<runtime::ObliviousLevel> levels(40);
  for (auto& level : levels) {
    const auto bound = static_cast<std::int8_t>(random());
    level = {static_cast<std::uint32_t>(random() % 5), {bound, bound, bound, bound}};
  }
  runtime::LeafValues<T> values;
  for (std::size_t l = 0; l <= kMostLevels; ++l) values.add_list(random_values<T>(std::size_t{1} << l, random));
  values.finish();
  std::vector<runtime::ObliviousTerm<T>> terms;
  for (std::uint32_t t = 0; t < 3 * kMostLevels; ++t) {
    const std::uint32_t n_levels = t % (kMostLevels + 1);
    terms.push_back({levels.data() + t, n_levels, values.table(n_levels)});
  }
  const auto& portable = runtime::oblivious_kernels<T>(Isa::kScalar);
  for (const Isa isa : available_isas()) {
    const auto& kernels = runtime::oblivious_kernels<T>(isa);
    for (std::size_t n_rows = 0; n_rows <= kStride; n_rows += n_rows < 70 ? 1 : 31) {
      for (std::size_t n_terms = 0; n_terms <= terms.size(); ++n_terms) {
        std::vector<T> sums(kStride), wanted(kStride);
        kernels.sum_terms(terms.data(), n_terms, columns.data(), kStride, n_rows, sums.data());
        portable.sum_terms(terms.data(), n_terms, columns.data(), kStride, n_rows, wanted.data());
        ASSERT_TRUE(same_bits(sums.data(), wanted.data(), n_rows)) << runtime::isa_name(isa) << " " << n_terms;
      }
    }
  }
}

TYPED_TEST(Kernels, ObliviousRowLeavesEqualPortableCode) {
  using T = TypeParam;
  std::mt19937 random(8);
  for (const std::size_t n_columns : {1, 16, 17, 64, 65, 127, 128}) {
    std::vector<std::int8_t> columns(runtime::kRowColumns);
    for (auto& byte : columns) byte = static_cast<std::int8_t>(random());
    const std::vector<std::uint32_t> n_steps = {3, 0, 8};
    std::vector<runtime::ObliviousStep> steps(11);
    for (auto& step : steps) {
      for (auto& column : step.column) column = static_cast<std::uint8_t>(random() % n_columns);
      for (auto& bound : step.bound) bound = static_cast<std::int8_t>(random());
    }
    const runtime::ObliviousGroups groups{steps.data(), n_steps.data(), n_steps.size(), n_columns};
    std::vector<std::uint8_t> wanted(n_steps.size() * runtime::kObliviousGroup, 77);
    runtime::oblivious_kernels<T>(Isa::kScalar).find_row_leaves(groups, columns.data(), wanted.data());
    for (const Isa isa : available_isas()) {
      std::vector<std::uint8_t> leaves(wanted.size());
      runtime::oblivious_kernels<T>(isa).find_row_leaves(groups, columns.data(), leaves.data());
      ASSERT_EQ(leaves, wanted) << runtime::isa_name(isa) << ", " << n_columns << " columns";
    }
  }
}

TYPED_TEST(Kernels, RowSumsEqualPortableCode) {
  using T = TypeParam;
  std::mt19937 random(4);
  std::vector<T> values(2000 + runtime::kLeafPadding);
  for (auto& value : values) value = static_cast<T>(random()) / 1000;
  for (std::size_t n_trees = 0; n_trees < 70; ++n_trees) {
    std::vector<std::uint32_t> begin;
    // As many leaf numbers as whole groups of trees have.
    std::vector<std::uint8_t> leaves((n_trees + 63) / 64 * 64);
    for (std::size_t t = 0; t < n_trees; ++t) {
      begin.push_back(random() % 1900);
      leaves[t] = static_cast<std::uint8_t>(random() % 100);
    }
    std::vector<T> wanted(16, T{1} / 3);
    runtime::ranked_kernels<T>(Isa::kScalar)
        .add_row_leaves(values.data(), begin.data(), leaves.data(), n_trees, wanted.data());
    for (const Isa isa : available_isas()) {
      std::vector<T> lanes(16, T{1} / 3);
      runtime::ranked_kernels<T>(isa).add_row_leaves(values.data(), begin.data(), leaves.data(), n_trees, lanes.data());
      ASSERT_TRUE(same_bits(lanes.data(), wanted.data(), 16)) << n_trees;
    }
  }
}

TEST(Isa, ForcedByTheEnvironment) {
  const std::string bytes = regressor_model(random_forest<float>({}));
  {
    const ForcedIsa forced("sse9");
    const Error error = error_of([&] { load(bytes); });
    EXPECT_EQ(error.status(), ARSENAL_INVALID_ARGUMENT);
    EXPECT_STREQ(error.what(), "ARSENAL_FORCE_ISA is 'sse9', wanted scalar, avx2 or avx512");
  }
  const ForcedIsa forced("");
  EXPECT_STREQ(load(bytes).info().isa, runtime::isa_name(runtime::widest_isa()));
}

}  // namespace
}  // namespace arsenal::test
