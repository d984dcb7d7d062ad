// MatMul and Gemm in whole models.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>

#include "isa.h"
#include "onnx_writer.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Ints = std::vector<std::int64_t>;

// Operands named A, B, C; those of `initializers` are known at load, with the others' extents open.
template <typename T>
struct Case {
  std::string op_type;
  std::vector<Dense<T>> operands;
  std::vector<std::size_t> initializers = {};
  std::vector<Message> attributes = {};
  std::int64_t opset = 21;

  std::string bytes() const {
    ModelSpec spec;
    spec.opset = opset;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      names.emplace_back(1, static_cast<char>('A' + i));
      if (is_initializer(i)) {
        spec.initializers.push_back(tensor(names[i], operands[i].shape, operands[i].values));
        continue;
      }
      std::vector<Dim> dims;
      for (std::size_t d = 0; d < operands[i].shape.size(); ++d) dims.emplace_back(names[i] + std::to_string(d));
      spec.inputs.push_back(value_info(names[i], DtypeOf<T>::value, dims));
    }
    spec.nodes = {node(op_type, names, {"Y"}, attributes)};
    spec.outputs = {value_info("Y", DtypeOf<T>::value)};
    return model(spec);
  }

  Dense<T> run(const Options& options = {}) const {
    std::vector<Tensor<const void*>> inputs;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!is_initializer(i)) inputs.push_back(operands[i].input());
    }
    return run_one<T>(load(bytes(), options), inputs);
  }

 private:
  bool is_initializer(std::size_t i) const {
    for (const std::size_t known : initializers) {
      if (known == i) return true;
    }
    return false;
  }
};

// Small whole numbers, whose sums are exact in any order.
template <typename T>
Dense<T> numbers(const Ints& shape, unsigned seed) {
  std::mt19937 random(seed);
  Dense<T> dense{shape, {}};
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) count *= dim;
  for (std::int64_t i = 0; i < count; ++i) dense.values.push_back(static_cast<T>(static_cast<int>(random() % 19) - 9));
  return dense;
}

Dense<float> reals(const Ints& shape, unsigned seed) {
  std::mt19937 random(seed);
  Dense<float> dense = numbers<float>(shape, seed);
  for (float& value : dense.values) value = static_cast<float>(random()) * 0x1p-31f - 1.0f;
  return dense;
}

template <typename T>
class Products : public testing::Test {};
using Elements = testing::Types<float, double, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(Products, Elements);

// By definition, with the strides in matrices that broadcasting comes to.
template <typename T>
std::vector<T> multiplied(const Dense<T>& a, const Dense<T>& b, const Ints& lefts, const Ints& rights, std::int64_t m,
                          std::int64_t k, std::int64_t n) {
  std::vector<T> y;
  for (std::size_t p = 0; p < lefts.size(); ++p) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        T sum = 0;
        for (std::int64_t l = 0; l < k; ++l) {
          sum = static_cast<T>(sum + a.values[static_cast<std::size_t>(lefts[p] * m * k + i * k + l)] *
                                         b.values[static_cast<std::size_t>(rights[p] * k * n + l * n + j)]);
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

TYPED_TEST(Products, MatMulBroadcasts) {
  using T = TypeParam;
  struct Sample {
    Ints a, b, y, lefts, rights;
    std::int64_t m, k, n;
  };
  const Sample samples[] = {
      {{3, 5}, {5, 2}, {3, 2}, {0}, {0}, 3, 5, 2},
      {{5}, {5, 2}, {2}, {0}, {0}, 1, 5, 2},
      {{3, 5}, {5}, {3}, {0}, {0}, 3, 5, 1},
      {{5}, {5}, {}, {0}, {0}, 1, 5, 1},
      {{2, 3, 5}, {5, 4}, {2, 3, 4}, {0, 1}, {0, 0}, 3, 5, 4},
      {{2, 3, 5}, {5}, {2, 3}, {0, 1}, {0, 0}, 3, 5, 1},
      {{3, 5}, {2, 5, 4}, {2, 3, 4}, {0, 0}, {0, 1}, 3, 5, 4},
      {{5}, {2, 5, 4}, {2, 4}, {0, 0}, {0, 1}, 1, 5, 4},
      {{2, 3, 5}, {2, 5, 4}, {2, 3, 4}, {0, 1}, {0, 1}, 3, 5, 4},
      {{2, 1, 3, 5}, {3, 5, 4}, {2, 3, 3, 4}, {0, 0, 0, 1, 1, 1}, {0, 1, 2, 0, 1, 2}, 3, 5, 4},
      {{2, 3, 1, 5}, {3, 5, 4}, {2, 3, 1, 4}, {0, 1, 2, 3, 4, 5}, {0, 1, 2, 0, 1, 2}, 1, 5, 4},
      {{1, 3, 5}, {2, 5, 4}, {2, 3, 4}, {0, 0}, {0, 1}, 3, 5, 4},
      {{0, 5}, {5, 4}, {0, 4}, {}, {}, 0, 5, 4},
      {{3, 0}, {0, 4}, {3, 4}, {0}, {0}, 3, 0, 4},
      {{2, 5}, {5, 0}, {2, 0}, {0}, {0}, 2, 5, 0},
      {{0, 2, 5}, {5, 3}, {0, 2, 3}, {}, {}, 2, 5, 3},
  };
  for (const Sample& sample : samples) {
    const auto a = numbers<T>(sample.a, 1);
    const auto b = numbers<T>(sample.b, 2);
    const auto wanted = multiplied(a, b, sample.lefts, sample.rights, sample.m, sample.k, sample.n);
    for (const std::vector<std::size_t>& known : {std::vector<std::size_t>{}, {1}, {0}, {0, 1}}) {
      const auto y = Case<T>{"MatMul", {a, b}, known}.run();
      EXPECT_EQ(y.shape, sample.y);
      EXPECT_EQ(y.values, wanted);
    }
  }
}

TYPED_TEST(Products, GemmTurnsScalesAndAdds) {
  using T = TypeParam;
  constexpr std::int64_t m = 3, k = 5, n = 4;
  for (int form = 0; form < 4; ++form) {
    const bool turns_a = (form & 1) != 0, turns_b = (form & 2) != 0;
    const auto a = numbers<T>(turns_a ? Ints{k, m} : Ints{m, k}, 1);
    const auto b = numbers<T>(turns_b ? Ints{n, k} : Ints{k, n}, 2);
    for (const Ints& shape : {Ints{}, Ints{1}, Ints{n}, Ints{1, n}, Ints{m, 1}, Ints{m, n}, Ints{1, 1}, Ints{-1}}) {
      const bool has_c = shape != Ints{-1};
      const auto c = has_c ? numbers<T>(shape, 3) : Dense<T>{{}, {0}};
      const auto at = [&](std::int64_t i, std::int64_t j) {
        const std::int64_t rows = shape.size() == 2 ? shape[0] : 1;
        const std::int64_t columns = shape.empty() || !has_c ? 1 : shape.back();
        return c.values[static_cast<std::size_t>((rows == 1 ? 0 : i * columns) + (columns == 1 ? 0 : j))];
      };
      for (const float alpha : {1.0f, 3.0f}) {
        std::vector<T> wanted;
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            T sum = 0;
            for (std::int64_t l = 0; l < k; ++l) {
              sum = static_cast<T>(sum + a.values[static_cast<std::size_t>(turns_a ? l * m + i : i * k + l)] *
                                             b.values[static_cast<std::size_t>(turns_b ? j * k + l : l * n + j)]);
            }
            wanted.push_back(static_cast<T>(static_cast<T>(alpha) * sum + T{2} * at(i, j)));
          }
        }
        for (const std::vector<std::size_t>& known : {std::vector<std::size_t>{}, {1}, {1, 2}}) {
          Case<T> gemm{"Gemm", {a, b}, known};
          if (has_c) gemm.operands.push_back(c);
          gemm.attributes = {attribute("alpha", alpha), attribute("beta", 2.0f), attribute("transA", turns_a ? 1 : 0),
                             attribute("transB", turns_b ? 1 : 0)};
          const auto y = gemm.run();
          EXPECT_EQ(y.shape, (Ints{m, n}));
          EXPECT_EQ(y.values, wanted) << form << ", C of rank " << shape.size();
        }
      }
    }
  }
}

TEST(Products, WhatDoesNotFitIsNamed) {
  const auto text = [](const Case<float>& one) { return std::string(error_of([&] { one.run(); }).what()); };
  const auto a = numbers<float>({3, 5}, 1);
  EXPECT_NE(text({"MatMul", {a, numbers<float>({4, 2}, 2)}}).find("shapes [3, 5] and [4, 2] cannot be multiplied"),
            std::string::npos);
  EXPECT_NE(text({"MatMul", {a, numbers<float>({}, 2)}, {1}}).find("cannot be multiplied"), std::string::npos);
  EXPECT_NE(text({"MatMul", {numbers<float>({2, 3, 5}, 1), numbers<float>({3, 5, 2}, 2)}}).find("cannot be multiplied"),
            std::string::npos);
  EXPECT_NE(text({"Gemm", {a, numbers<float>({2, 5}, 2)}}).find("[3, 5] and [2, 5] cannot be multiplied"),
            std::string::npos);
  EXPECT_NE(text({"Gemm", {a, numbers<float>({5}, 2)}}).find("wanted two matrices"), std::string::npos);
  EXPECT_NE(text({"Gemm", {a, numbers<float>({5, 2}, 2), numbers<float>({4, 1}, 2)}}).find("C has shape [4, 1]"),
            std::string::npos);
  const Case<std::int32_t> half{
      "Gemm", {numbers<std::int32_t>({1, 1}, 1), numbers<std::int32_t>({1, 1}, 1)}, {}, {attribute("alpha", 0.5f)}};
  EXPECT_NE(std::string(error_of([&] { half.run(); }).what()).find("'alpha' is 0.5"), std::string::npos);
}

// A net of two layers: the same bits for any instruction set, number of threads, and number of rows.
TEST(Products, GiveTheSameBitsHoweverTheyAreRun) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 28})};
  spec.initializers = {tensor("W", {28, 37}, reals({28, 37}, 1).values), tensor("b", {37}, reals({37}, 2).values),
                       tensor("V", {3, 37}, reals({3, 37}, 3).values), tensor("c", {3}, reals({3}, 4).values)};
  spec.nodes = {node("MatMul", {"X", "W"}, {"h"}), node("Add", {"h", "b"}, {"s"}), node("Sigmoid", {"s"}, {"t"}),
                node("Gemm", {"t", "V", "c"}, {"Y"}, {attribute("transB", 1)})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const std::string bytes = model(spec);
  const auto rows = reals({1001, 28}, 5);
  const auto wanted = run_one<float>(load(bytes), {rows.input()}).values;
  for (const runtime::Isa isa : {runtime::Isa::kScalar, runtime::Isa::kAvx2, runtime::Isa::kAvx512}) {
    if (isa > runtime::widest_isa()) continue;
    const std::string name = runtime::isa_name(isa);
    setenv("ARSENAL_FORCE_ISA", name.c_str(), 1);
    for (const int n_threads : {1, 3}) {
      Options options;
      options.n_threads = n_threads;
      const Session session = load(bytes, options);
      EXPECT_EQ(run_one<float>(session, {rows.input()}).values, wanted) << name << ", " << n_threads;
      for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{9}}) {
        for (std::size_t first = 0; first + n <= 40; first += n) {
          const Dense<float> some{{static_cast<std::int64_t>(n), 28},
                                  {&rows.values[first * 28], &rows.values[first * 28] + n * 28}};
          const auto got = run_one<float>(session, {some.input()}).values;
          ASSERT_EQ(std::memcmp(got.data(), &wanted[first * 3], n * 12), 0) << name << ", rows from " << first;
        }
      }
    }
  }
  unsetenv("ARSENAL_FORCE_ISA");
}

// What follows a product may become part of its step; where others read what lies between, it does not.
TEST(Products, DoTheWorkOfWhatFollowsThem) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 28})};
  spec.initializers = {tensor("W", {28, 37}, reals({28, 37}, 1).values), tensor("b", {1, 37}, reals({37}, 2).values),
                       tensor("V", {37, 3}, reals({3, 37}, 3).values), tensor("c", {3}, reals({3}, 4).values),
                       tensor("one", {}, std::vector<float>{0.5f})};
  spec.nodes = {node("MatMul", {"X", "W"}, {"h"}),    node("Add", {"b", "h"}, {"s"}), node("Relu", {"s"}, {"r"}),
                node("Gemm", {"r", "V", "c"}, {"g"}), node("Tanh", {"g"}, {"t"}),     node("Exp", {"t"}, {"e"}),
                node("Add", {"e", "one"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const Session joined = load(model(spec));
  for (const char* name : {"h", "s", "r", "g", "t", "e"}) spec.outputs.push_back(value_info(name, ARSENAL_FLOAT));
  const Session apart = load(model(spec));
  for (const std::int64_t n : {1, 300}) {
    const auto rows = reals({n, 28}, 5);
    EXPECT_EQ(run_one<float>(joined, {rows.input()}).values, run_one<float>(apart, {rows.input()}).values);
  }
}

// Rows that a product mixes stay mixed when a function joins it.
TEST(Products, OfTurnedRowsDoNotRunInBlocks) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_FLOAT, {"N", 2})};
  spec.initializers = {tensor("W", {600, 2}, reals({600, 2}, 1).values)};
  spec.nodes = {node("Gemm", {"X", "W"}, {"g"}, {attribute("transA", 1)}), node("Relu", {"g"}, {"r"}),
                node("MatMul", {"X", "r"}, {"Y"})};
  spec.outputs = {value_info("Y", ARSENAL_FLOAT)};
  const auto rows = numbers<float>({600, 2}, 2);
  const auto got = run_one<float>(load(model(spec)), {rows.input()});
  float sums[4] = {};
  const auto weights = reals({600, 2}, 1);
  for (std::size_t k = 0; k < 600; ++k) {
    for (std::size_t i = 0; i < 4; ++i) sums[i] += rows.values[k * 2 + i / 2] * weights.values[k * 2 + i % 2];
  }
  for (std::size_t i = 0; i < 1200; ++i) {
    const float* row = &rows.values[i / 2 * 2];
    const float wanted = row[0] * std::max(sums[i % 2], 0.0f) + row[1] * std::max(sums[2 + i % 2], 0.0f);
    ASSERT_NEAR(got.values[i], wanted, 1e-2f) << i;
  }
}

}  // namespace
}  // namespace arsenal::test
