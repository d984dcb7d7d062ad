// Pow.
#include <cstdint>
#include <type_traits>

#include "kernels/math.h"
#include "ops/binary.h"
#include "ops/dtypes.h"
#include "ops/truncate.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Exact modulo 2^bits, as products of integers are.
template <typename T>
T integer_power(T base, std::uint64_t exponent) noexcept {
  std::uint64_t result = 1;
  auto square = static_cast<std::uint64_t>(base);
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

struct Pow : Total {
  template <typename A, typename B>
  static bool apply(A a, B b, A& result) noexcept {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
      if (b >= 0) {
        result = integer_power(a, static_cast<std::uint64_t>(b));
        return true;
      }
    }
    if constexpr (std::is_integral_v<A>) {
      result = truncated<A>(pow(static_cast<double>(a), static_cast<double>(b)));
    } else if constexpr (std::is_same_v<A, float> && std::is_same_v<B, float>) {
      result = pow(a, b);
    } else {
      result = static_cast<A>(pow(static_cast<double>(a), static_cast<double>(b)));
    }
    return true;
  }
};

template <typename A>
std::unique_ptr<Op> make_for_base(OpBuilder& builder) {
  return for_dtype_of(builder, 1, Dtypes<float, double, std::int32_t, std::int64_t>(),
                      [](auto zero) { return std::make_unique<Binary<A, decltype(zero), A, Pow>>(); });
}

std::unique_ptr<Op> make_pow(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  if (builder.version() < 12) {
    // The exponent has the dtype of the base, and that is real.
    builder.want_dtype(1, {builder.input(0).dtype});
    return for_dtype_of(builder, 0, Reals(), [](auto zero) {
      using T = decltype(zero);
      return std::make_unique<Binary<T, T, T, Pow>>();
    });
  }
  return for_dtype_of(builder, 0, Dtypes<float, double, std::int32_t, std::int64_t>(),
                      [&](auto zero) { return make_for_base<decltype(zero)>(builder); });
}

constexpr OpEntry kEntries[] = {
    {"", "Pow", 7, make_pow},
    {"", "Pow", 12, make_pow},
    {"", "Pow", 13, make_pow},
    {"", "Pow", 15, make_pow},
};

}  // namespace

OpTable power_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
