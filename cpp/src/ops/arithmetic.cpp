// Add, Sub, Mul, Div.
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/broadcast.h"
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

struct Add {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x + y; });
    return true;
  }
};

struct Sub {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x - y; });
    return true;
  }
};

struct Mul {
  template <typename T>
  static bool apply(T a, T b, T& result) noexcept {
    result = wrapping(a, b, [](auto x, auto y) { return x * y; });
    return true;
  }
};

struct Div {
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

template <typename T, typename Function>
class Arithmetic final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    if (broadcast_shapes(in[0].shape, in[1].shape, out[0].shape)) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s and %s cannot be broadcast", ShapeText(in[0].shape).text,
                     ShapeText(in[1].shape).text);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return broadcast_keeps_rows(inputs); }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const T* a = in[0].as<T>();
    const T* b = in[1].as<T>();
    T* result = out[0].mutable_as<T>();
    const Broadcast<2> loop(out[0].shape, {&in[0].shape, &in[1].shape});
    const bool possible =
        loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
          bool fine = true;
          for (std::int64_t i = 0; i < count; ++i) {
            fine &=
                Function::apply(a[offsets[0] + i * strides[0]], b[offsets[1] + i * strides[1]], result[position + i]);
          }
          return fine;
        });
    return possible || issue.set(ARSENAL_INVALID_VALUE, "integer division by zero");
  }
};

template <typename Function>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  const std::int32_t dtype = builder.input(0).dtype;
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE, ARSENAL_INT32, ARSENAL_INT64});
  builder.want_dtype(1, {dtype});
  builder.add_output(dtype);
  switch (dtype) {
    case ARSENAL_FLOAT:
      return std::make_unique<Arithmetic<float, Function>>();
    case ARSENAL_DOUBLE:
      return std::make_unique<Arithmetic<double, Function>>();
    case ARSENAL_INT32:
      return std::make_unique<Arithmetic<std::int32_t, Function>>();
    default:
      return std::make_unique<Arithmetic<std::int64_t, Function>>();
  }
}

constexpr OpEntry kEntries[] = {
    {"", "Add", 7, make<Add>},  {"", "Add", 13, make<Add>}, {"", "Add", 14, make<Add>}, {"", "Sub", 7, make<Sub>},
    {"", "Sub", 13, make<Sub>}, {"", "Sub", 14, make<Sub>}, {"", "Mul", 7, make<Mul>},  {"", "Mul", 13, make<Mul>},
    {"", "Mul", 14, make<Mul>}, {"", "Div", 7, make<Div>},  {"", "Div", 13, make<Div>}, {"", "Div", 14, make<Div>},
};

}  // namespace

OpTable arithmetic_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
