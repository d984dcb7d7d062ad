// Add, Sub, Mul, Div.
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

template <typename Function>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, Numbers(), [](auto zero) {
    using T = decltype(zero);
    return std::make_unique<Binary<T, T, T, Function>>();
  });
}

constexpr OpEntry kEntries[] = {
    {"", "Add", 7, make<Add>},  {"", "Add", 13, make<Add>}, {"", "Add", 14, make<Add>}, {"", "Sub", 7, make<Sub>},
    {"", "Sub", 13, make<Sub>}, {"", "Sub", 14, make<Sub>}, {"", "Mul", 7, make<Mul>},  {"", "Mul", 13, make<Mul>},
    {"", "Mul", 14, make<Mul>}, {"", "Div", 7, make<Div>},  {"", "Div", 13, make<Div>}, {"", "Div", 14, make<Div>},
};

}  // namespace

OpTable arithmetic_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
