// Add, Sub, Mul, Div, Mod.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/binary.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Integers wrap around on overflow, as in every other runtime.
template <typename T, typename Function>
T wrapping(T a, T b, Function function) noexcept {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(function(static_cast<Unsigned>(a), static_cast<Unsigned>(b)));
  } else {
    return function(a, b);
  }
}

struct Add : Total {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x + y; });
    return true;
  }
};

struct Sub : Total {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x - y; });
    return true;
  }
};

struct Mul : Total {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x * y; });
    return true;
  }
};

struct Div {
  static constexpr const char* kIssue = "integer division by zero";

  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return false;
      // The one quotient that overflows.
      if (std::is_signed_v<T> && b == static_cast<T>(-1)) return Sub::apply(T{0}, a, result);
    }
    result = static_cast<T>(a / b);
    return true;
  }
};

// What is left by division with a truncated quotient: it has the sign of the dividend.
struct Remainder {
  static constexpr const char* kIssue = "integer division by zero";

  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) return false;
      // Division by -1 could overflow, and leaves nothing.
      result = std::is_signed_v<T> && b == static_cast<T>(-1) ? T{0} : static_cast<T>(a % b);
    } else {
      result = std::fmod(a, b);  // exact by definition
    }
    return true;
  }
};

// With the quotient rounded down: it has the sign of the divisor.
struct Modulo {
  static constexpr const char* kIssue = Remainder::kIssue;

  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    if (!Remainder::apply(a, b, result)) return false;
    if constexpr (std::is_floating_point_v<T>) {
      if (result == 0) result = std::copysign(T{0}, b);
    }
    if (result != 0 && (result < 0) != (b < 0)) result = static_cast<T>(result + b);
    return true;
  }
};

template <typename Function, typename List = Numbers>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, List(), [](auto zero) {
    using T = decltype(zero);
    return std::make_unique<Binary<T, T, T, Function>>();
  });
}

std::unique_ptr<Op> make_mod(OpBuilder& builder) {
  if (builder.integer("fmod", 0) != 0) return make<Remainder>(builder);
  if (builder.version() >= 28) return make<Modulo>(builder);
  return make<Modulo, Dtypes<std::int32_t, std::int64_t, std::int8_t>>(builder);
}

constexpr OpEntry kEntries[] = {
    {"", "Add", 7, make<Add>},  {"", "Add", 13, make<Add>}, {"", "Add", 14, make<Add>}, {"", "Sub", 7, make<Sub>},
    {"", "Sub", 13, make<Sub>}, {"", "Sub", 14, make<Sub>}, {"", "Mul", 7, make<Mul>},  {"", "Mul", 13, make<Mul>},
    {"", "Mul", 14, make<Mul>}, {"", "Div", 7, make<Div>},  {"", "Div", 13, make<Div>}, {"", "Div", 14, make<Div>},
    {"", "Mod", 10, make_mod},  {"", "Mod", 13, make_mod},  {"", "Mod", 28, make_mod},
};

}  // namespace

OpTable arithmetic_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
