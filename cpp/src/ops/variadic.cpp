// Max, Min, Sum, Mean of any number of operands, and Clip, which is both of the first two.
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/broadcast.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// NaN where one of the two is NaN.
struct Larger {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return a > b || a != a ? a : b;
  }
};

struct Smaller {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return a < b || a != a ? a : b;
  }
};

struct Sum {
  template <typename T>
  static T apply(T a, T b) noexcept {
    return a + b;
  }
};

// Operands are combined from the left. `kMean`: and the result divided by their number.
template <typename T, typename Function, bool kMean>
class Variadic final : public Op {
 public:
  explicit Variadic(std::size_t n_inputs) : n_inputs_(n_inputs) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape common = in[0].shape;
    for (std::size_t i = 1; i < n_inputs_; ++i) {
      if (!broadcast_shapes(common, in[i].shape, common)) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu of shape %s cannot be broadcast to %s", i,
                         ShapeText(in[i].shape).text, ShapeText(common).text);
      }
    }
    out[0].shape = common;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return broadcast_keeps_rows(inputs); }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    T* result = out[0].mutable_as<T>();
    for (std::size_t k = 0; k < n_inputs_; ++k) {
      const T* from = in[k].as<T>();
      const Broadcast<1> loop(out[0].shape, {&in[k].shape});
      loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
        T* to = result + position;
        for (std::int64_t i = 0; i < count; ++i) {
          const T next = from[offsets[0] + i * strides[0]];
          to[i] = k == 0 ? next : Function::apply(to[i], next);
        }
        return true;
      });
    }
    if constexpr (kMean) {
      const std::int64_t count = element_count(out[0].shape);
      for (std::int64_t i = 0; i < count; ++i) result[i] /= static_cast<T>(n_inputs_);
    }
    return true;
  }

 private:
  std::size_t n_inputs_;
};

template <typename Function, typename List, bool kMean = false>
std::unique_ptr<Op> make_variadic(OpBuilder& builder) {
  builder.want_inputs(1, SIZE_MAX);
  builder.want_outputs(1, 1);
  const std::size_t n_inputs = builder.input_count();
  for (std::size_t i = 1; i < n_inputs; ++i) builder.want_dtype(i, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, List(),
                      [&](auto zero) { return std::make_unique<Variadic<decltype(zero), Function, kMean>>(n_inputs); });
}

template <typename T>
class Clip final : public Op {
 public:
  // The bounds, or else which operands they are. By the specification a bound that is left out is the dtype's largest
  // or smallest finite number.
  struct Bounds {
    T low = std::numeric_limits<T>::lowest();
    T high = std::numeric_limits<T>::max();
    std::size_t low_input = 0;
    std::size_t high_input = 0;
  };

  explicit Clip(const Bounds& bounds) : bounds_(bounds) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    for (const std::size_t bound : {bounds_.low_input, bounds_.high_input}) {
      if (bound != 0 && element_count(in[bound].shape) > 1) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "a bound has shape %s, wanted a scalar",
                         ShapeText(in[bound].shape).text);
      }
    }
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i].has_rows) return false;
    }
    return true;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    for (const std::size_t bound : {bounds_.low_input, bounds_.high_input}) {
      if (bound != 0 && element_count(in[bound].shape) != 1) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "a bound has no element, wanted one");
      }
    }
    const T low = bounds_.low_input == 0 ? bounds_.low : *in[bounds_.low_input].template as<T>();
    const T high = bounds_.high_input == 0 ? bounds_.high : *in[bounds_.high_input].template as<T>();
    const std::int64_t count = element_count(in[0].shape);
    const T* from = in[0].template as<T>();
    T* to = out[0].template mutable_as<T>();
    for (std::int64_t i = 0; i < count; ++i) {
      // In this order the upper bound wins where they cross, and NaN stays.
      const T x = from[i] < low ? low : from[i];
      to[i] = x > high ? high : x;
    }
    return true;
  }

 private:
  Bounds bounds_;
};

std::unique_ptr<Op> make_clip(OpBuilder& builder) {
  builder.want_inputs(1, builder.version() < 11 ? 1 : 3);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const auto bound = [&](std::size_t index) -> std::size_t {
    if (!builder.has_input(index)) return 0;
    builder.want_dtype(index, {builder.input(0).dtype});
    return index;
  };
  if (builder.version() < 11) {
    return for_dtype_of(builder, 0, Reals(), [&](auto zero) {
      using T = decltype(zero);
      typename Clip<T>::Bounds bounds;
      if (builder.has("min")) bounds.low = builder.real("min", 0);
      if (builder.has("max")) bounds.high = builder.real("max", 0);
      return std::make_unique<Clip<T>>(bounds);
    });
  }
  return for_dtype_of(builder, 0, Numbers(), [&](auto zero) {
    using T = decltype(zero);
    typename Clip<T>::Bounds bounds;
    bounds.low_input = bound(1);
    bounds.high_input = bound(2);
    return std::make_unique<Clip<T>>(bounds);
  });
}

constexpr OpEntry kEntries[] = {
    {"", "Max", 6, make_variadic<Larger, Reals>},
    {"", "Max", 8, make_variadic<Larger, Reals>},
    {"", "Max", 12, make_variadic<Larger, Numbers>},
    {"", "Max", 13, make_variadic<Larger, Numbers>},
    {"", "Min", 6, make_variadic<Smaller, Reals>},
    {"", "Min", 8, make_variadic<Smaller, Reals>},
    {"", "Min", 12, make_variadic<Smaller, Numbers>},
    {"", "Min", 13, make_variadic<Smaller, Numbers>},
    {"", "Sum", 6, make_variadic<Sum, Reals>},
    {"", "Sum", 8, make_variadic<Sum, Reals>},
    {"", "Sum", 13, make_variadic<Sum, Reals>},
    {"", "Mean", 6, make_variadic<Sum, Reals, true>},
    {"", "Mean", 8, make_variadic<Sum, Reals, true>},
    {"", "Mean", 13, make_variadic<Sum, Reals, true>},
    {"", "Clip", 6, make_clip},
    {"", "Clip", 11, make_clip},
    {"", "Clip", 12, make_clip},
    {"", "Clip", 13, make_clip},
};

}  // namespace

OpTable variadic_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
