// Products of rows with a matrix: each kernel beside the order of sums as it is written down.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

#include "engines/linear_map.h"
#include "kernels/gemm_tiles.h"

namespace arsenal::test {
namespace {

using namespace runtime;

constexpr Isa kIsas[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

template <typename T>
T wrapped_product(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  return a * b;
}

template <typename T>
T wrapped_sum(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  return a + b;
}

// a × b + c, rounded once.
template <typename T>
T fused(T a, T b, T c) {
  if constexpr (std::is_integral_v<T>) return wrapped_sum(wrapped_product(a, b), c);
  return static_cast<T>(std::fma(a, b, c));
}

// The specification: blocks of 16 products, each summed from its first one on by fused multiply-adds, added in order;
// then the bias.
template <typename T>
T wanted_element(const T* row, const std::vector<T>& matrix, std::size_t depth, std::size_t n_columns, std::size_t j,
                 const T* bias) {
  T total = 0;
  for (std::size_t first = 0; first < depth; first += 16) {
    T block = wrapped_product(row[first], matrix[first * n_columns + j]);
    for (std::size_t k = first + 1; k < std::min(first + 16, depth); ++k) {
      block = fused(row[k], matrix[k * n_columns + j], block);
    }
    total = first == 0 ? block : wrapped_sum(total, block);
  }
  return bias == nullptr ? total : wrapped_sum(total, bias[j]);
}

// Equal as bits, but one NaN is as good as another.
template <typename T>
bool same(T a, T b) {
  if (a != a || b != b) return a != a && b != b;
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <typename T>
std::vector<T> stress_numbers(std::mt19937& random, std::size_t count, bool specials) {
  std::vector<T> values(count);
  for (T& value : values) {
    if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(random() * std::uint64_t{0x9e3779b97f4a7c15});
    } else {
      value = static_cast<T>(std::ldexp(static_cast<double>(random()) - 0x1p31, -30 - static_cast<int>(random() % 12)));
      if (!specials || random() % 30 != 0) continue;
      const T edges[] = {T(-0.0), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN(),
                         std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max()};
      value = edges[random() % 5];
    }
  }
  return values;
}

template <typename T>
class GemmKernels : public testing::Test {};
using Elements = testing::Types<float, double, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(GemmKernels, Elements);

TYPED_TEST(GemmKernels, AreTheSameFromEveryKernel) {
  using T = TypeParam;
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const std::size_t n_rows = random() % 20, depth = random() % (round % 4 == 0 ? 200 : 70);
    const std::size_t n_columns = 1 + random() % 70;
    const std::size_t row_stride = depth + random() % 3, result_stride = n_columns + random() % 3;
    const bool specials = round % 2 == 0;
    const auto rows = stress_numbers<T>(random, n_rows * row_stride, specials);
    const auto matrix = stress_numbers<T>(random, depth * n_columns, specials);
    const auto bias = stress_numbers<T>(random, n_columns, specials);
    const T* const given = random() % 2 == 0 ? bias.data() : nullptr;
    std::vector<GemmLine<T>> panels(gemm_panels<T>(n_columns) * depth), bias_lines(gemm_panels<T>(n_columns));
    const auto wide = static_cast<std::int64_t>(n_columns);
    pack_panels(matrix.data(), depth, n_columns, wide, 1, panels.data());
    pack_panels(bias.data(), 1, n_columns, 0, 1, bias_lines.data());
    for (const Isa isa : kIsas) {
      if (isa > widest_isa()) continue;
      std::vector<T> result(n_rows * result_stride, T(77));
      gemm_kernel<T>(isa)({rows.data(), static_cast<std::int64_t>(row_stride), n_rows, panels.data(), depth, n_columns,
                           given == nullptr ? nullptr : bias_lines.data(), result.data(),
                           static_cast<std::int64_t>(result_stride)});
      for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t j = 0; j < result_stride; ++j) {
          const T wanted =
              j < n_columns ? wanted_element(rows.data() + i * row_stride, matrix, depth, n_columns, j, given) : T(77);
          ASSERT_TRUE(same(result[i * result_stride + j], wanted))
              << isa_name(isa) << ": " << n_rows << " × " << depth << " × " << n_columns << " at " << i << ", " << j;
        }
      }
    }
  }
}

// The tiles of AVX-512 in portable code, so that every CPU tests them.
struct WideLanes {
  using T = float;
  struct Register {
    float lanes[16];
  };
  static constexpr std::size_t kPerLine = 1;
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kPanels = 2;

  template <typename Function>
  static Register each(const Function& function) {
    Register made;
    for (std::size_t i = 0; i < 16; ++i) made.lanes[i] = function(i);
    return made;
  }
  static Register zero() {
    return each([](std::size_t) { return 0.0f; });
  }
  static Register load(const T* from) {
    return each([=](std::size_t i) { return from[i]; });
  }
  static Register broadcast(const T* from) {
    return each([=](std::size_t) { return *from; });
  }
  static Register multiply(const Register& a, const Register& b) {
    return each([&](std::size_t i) { return a.lanes[i] * b.lanes[i]; });
  }
  static Register add(const Register& a, const Register& b) {
    return each([&](std::size_t i) { return a.lanes[i] + b.lanes[i]; });
  }
  static Register multiply_add(const Register& a, const Register& b, const Register& c) {
    return each([&](std::size_t i) { return std::fma(a.lanes[i], b.lanes[i], c.lanes[i]); });
  }
  static void store(T* to, const Register& a) { std::memcpy(to, a.lanes, sizeof(a.lanes)); }
};

TEST(GemmTiles, AreTheSameWithOneRegisterPerLine) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const std::size_t n_rows = random() % 20, depth = random() % 70, n_columns = 1 + random() % 70;
    const auto rows = stress_numbers<float>(random, n_rows * depth, false);
    const auto matrix = stress_numbers<float>(random, depth * n_columns, false);
    std::vector<GemmLine<float>> panels(gemm_panels<float>(n_columns) * depth);
    const auto wide = static_cast<std::int64_t>(n_columns), deep = static_cast<std::int64_t>(depth);
    pack_panels(matrix.data(), depth, n_columns, wide, 1, panels.data());
    std::vector<float> result(n_rows * n_columns);
    gemm_by_tiles<WideLanes>(
        {rows.data(), deep, n_rows, panels.data(), depth, n_columns, nullptr, result.data(), wide});
    for (std::size_t i = 0; i < result.size(); ++i) {
      const std::size_t row = i / n_columns;
      ASSERT_EQ(result[i],
                wanted_element<float>(rows.data() + row * depth, matrix, depth, n_columns, i % n_columns, nullptr))
          << n_rows << " × " << depth << " × " << n_columns << " at " << i;
    }
  }
}

TEST(LinearMap, TakesWeightsOfEitherOrientation) {
  std::mt19937 random(2);
  const auto weights = stress_numbers<float>(random, 28 * 3, false);
  const auto bias = stress_numbers<float>(random, 3, false);
  const auto rows = stress_numbers<float>(random, 50 * 28, false);
  std::vector<float> turned(weights.size());
  for (std::size_t k = 0; k < 28; ++k) {
    for (std::size_t j = 0; j < 3; ++j) turned[j * 28 + k] = weights[k * 3 + j];
  }
  std::vector<float> result(150), other(150), one(3);
  const LinearMap<float> map(weights.data(), 28, 3, 3, 1, bias.data());
  map.run(rows.data(), 50, result.data());
  LinearMap<float>(turned.data(), 28, 3, 1, 28, bias.data()).run(rows.data(), 50, other.data());
  EXPECT_EQ(result, other);
  for (std::size_t i = 0; i < 50; ++i) {
    map.run(&rows[i * 28], 1, one.data());
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_EQ(one[j], result[i * 3 + j]);
      EXPECT_EQ(one[j], wanted_element(&rows[i * 28], weights, 28, 3, j, bias.data()));
    }
  }
}

}  // namespace
}  // namespace arsenal::test
