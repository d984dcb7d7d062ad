// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
#include <cstdint>
#include <type_traits>

#include "ops/axis.h"
#include "ops/dtypes.h"
#include "ops/quantized.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Which scale an element has: one for all, one per place along an axis, or one per block of places.
class Granularity {
 public:
  // `block` 0: not blocked.
  Granularity(std::int64_t axis, std::int64_t block) : axis_(axis), block_(block) {}

  bool check(const Shape& x, const Shape& scale, Issue& issue) const noexcept {
    std::int32_t axis;
    if (is_single(scale)) return true;
    bool fits = resolve_axis(axis_, x.rank, axis);
    if (fits && block_ == 0) {
      fits = scale.rank == 1 && agree(scale.dims[0], x.dims[axis]);
    } else if (fits) {
      fits = scale.rank == x.rank;
      for (std::int32_t d = 0; fits && d < x.rank; ++d) {
        const std::int64_t blocks = x.dims[d] < 0 ? -1 : x.dims[d] / block_ + (x.dims[d] % block_ != 0 ? 1 : 0);
        fits = agree(scale.dims[d], d == axis ? blocks : x.dims[d]);
      }
    }
    return fits || issue.set(ARSENAL_SHAPE_MISMATCH, "scales of shape %s do not fit data of shape %s along axis %lld",
                             ShapeText(scale).text, ShapeText(x).text, static_cast<long long>(axis_));
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const {
    std::int32_t axis;
    if (!inputs[0].has_rows) return false;
    if (inputs[1].has_rows) return block_ != 0 && resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0;
    return is_single(inputs[1].shape) || (block_ == 0 && resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0);
  }

  // Calls line(first, count, scale, step): element first + i, i < count, has the scale number scale + i × step.
  template <typename Line>
  void for_each_line(const Shape& x, const Shape& scale, const Line& line) const noexcept {
    if (is_single(scale)) return line(std::int64_t{0}, element_count(x), std::int64_t{0}, std::int64_t{0});
    std::int32_t axis;
    resolve_axis(axis_, x.rank, axis);
    const AxisView view(x, axis);
    for (std::int64_t o = 0; o < view.outer; ++o) {
      const std::int64_t start = o * view.extent * view.inner;
      if (block_ == 0 && view.inner == 1) {
        line(start, view.extent, std::int64_t{0}, std::int64_t{1});
        continue;
      }
      for (std::int64_t k = 0; k < view.extent; ++k) {
        const std::int64_t first = start + k * view.inner;
        if (block_ == 0) {
          line(first, view.inner, k, std::int64_t{0});
        } else {
          line(first, view.inner, (o * scale.dims[axis] + k / block_) * view.inner, std::int64_t{1});
        }
      }
    }
  }

 private:
  static bool agree(std::int64_t a, std::int64_t b) noexcept { return a < 0 || b < 0 || a == b; }

  // One scale for all: a scalar, or a vector of one element.
  static bool is_single(const Shape& scale) noexcept {
    return scale.rank == 0 || (scale.rank == 1 && scale.dims[0] == 1);
  }

  std::int64_t axis_;
  std::int64_t block_;
};

// What QuantizeLinear and DequantizeLinear have in common.
class Linear : public Op {
 public:
  Linear(const Granularity& granularity, bool has_zero) : granularity_(granularity), has_zero_(has_zero) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept final {
    if (!granularity_.check(in[0].shape, in[1].shape, issue)) return false;
    const std::int64_t scales = element_count(in[1].shape);
    const std::int64_t zeros = has_zero_ ? element_count(in[2].shape) : scales;
    if (scales >= 0 && zeros >= 0 && scales != zeros) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "there are %lld scales and %lld zero points",
                       static_cast<long long>(scales), static_cast<long long>(zeros));
    }
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const final { return granularity_.keeps_rows(inputs); }

 protected:
  Granularity granularity_;
  bool has_zero_;
};

template <typename From, typename To>
class QuantizeLinear final : public Linear {
 public:
  using Linear::Linear;

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const From* const x = in[0].template as<From>();
    const float* const scales = in[1].as<float>();
    const To* const zeros = has_zero_ ? in[2].template as<To>() : nullptr;
    To* const y = out[0].template mutable_as<To>();
    granularity_.for_each_line(in[0].shape, in[1].shape, [=](auto first, auto count, auto scale, auto step) {
      for (std::int64_t i = 0; i < count; ++i) {
        const To zero = zeros == nullptr ? To{0} : zeros[scale + i * step];
        y[first + i] = quantized<To>(static_cast<float>(x[first + i]) / scales[scale + i * step], zero);
      }
    });
    return true;
  }
};

template <typename From>
class DequantizeLinear final : public Linear {
 public:
  using Linear::Linear;

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const From* const x = in[0].template as<From>();
    const float* const scales = in[1].as<float>();
    const From* const zeros = has_zero_ ? in[2].template as<From>() : nullptr;
    float* const y = out[0].mutable_as<float>();
    granularity_.for_each_line(in[0].shape, in[1].shape, [=](auto first, auto count, auto scale, auto step) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::int32_t distance = x[first + i];
        // An int32 has none; the others cannot overflow.
        if constexpr (!std::is_same_v<From, std::int32_t>) distance -= zeros == nullptr ? 0 : zeros[scale + i * step];
        y[first + i] = static_cast<float>(distance) * scales[scale + i * step];
      }
    });
    return true;
  }
};

Granularity granularity_of(OpBuilder& builder) {
  const std::int64_t axis = builder.version() < 13 ? 1 : builder.integer("axis", 1);
  const std::int64_t block = builder.version() < 21 ? 0 : builder.integer("block_size", 0);
  if (block < 0) fail(ARSENAL_INVALID_MODEL, "attribute 'block_size' is %lld", static_cast<long long>(block));
  return {axis, block};
}

// An attribute that names a dtype; 0 is the default.
std::int64_t dtype_attribute(OpBuilder& builder, const char* name, std::int64_t since) {
  return builder.version() < since ? 0 : builder.integer(name, 0);
}

std::unique_ptr<Op> make_quantize(OpBuilder& builder) {
  builder.want_inputs(2, 3);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_FLOAT});
  builder.ignore("saturate");  // for 8-bit floats
  const Granularity granularity = granularity_of(builder);
  const std::int64_t precision = dtype_attribute(builder, "precision", 23);
  if (precision != 0 && precision != ARSENAL_FLOAT) {
    fail(ARSENAL_UNSUPPORTED, "attribute 'precision' is %lld, supported: float", static_cast<long long>(precision));
  }
  const bool has_zero = builder.input_count() == 3;
  const std::int64_t asked = dtype_attribute(builder, "output_dtype", 21);
  const std::int64_t dtype = has_zero ? builder.input(2).dtype : asked == 0 ? std::int64_t{ARSENAL_UINT8} : asked;
  if (asked != 0 && asked != dtype) fail(ARSENAL_INVALID_MODEL, "the zero point is not of the dtype 'output_dtype'");
  const auto to = [&](auto source) {
    using From = decltype(source);
    std::unique_ptr<Op> op;
    const auto try_dtype = [&](auto target) {
      using To = decltype(target);
      if (dtype == kDtype<To>) op = std::make_unique<QuantizeLinear<From, To>>(granularity, has_zero);
    };
    try_dtype(std::uint8_t{});
    try_dtype(std::int8_t{});
    try_dtype(std::uint16_t{});
    try_dtype(std::int16_t{});
    if (op == nullptr) {
      fail(ARSENAL_UNSUPPORTED, "its result would have data type %lld, supported: uint8, int8, uint16, int16",
           static_cast<long long>(dtype));
    }
    return op;
  };
  builder.add_output(static_cast<std::int32_t>(dtype));
  return for_dtype_of(builder, 0, Dtypes<float, std::int32_t>(), to);
}

std::unique_ptr<Op> make_dequantize(OpBuilder& builder) {
  builder.want_inputs(2, 3);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_FLOAT});
  const Granularity granularity = granularity_of(builder);
  const std::int64_t asked = dtype_attribute(builder, "output_dtype", 23);
  if (asked != 0 && asked != ARSENAL_FLOAT) {
    fail(ARSENAL_UNSUPPORTED, "attribute 'output_dtype' is %lld, supported: float", static_cast<long long>(asked));
  }
  const bool has_zero = builder.input_count() == 3;
  if (has_zero) builder.want_dtype(2, {builder.input(0).dtype});
  builder.add_output(ARSENAL_FLOAT);
  // The specification says that an int32 has the zero point 0.
  using All = Dtypes<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>;
  return for_dtype_of(builder, 0, All(), [&](auto zero) {
    return std::make_unique<DequantizeLinear<decltype(zero)>>(granularity, has_zero);
  });
}

// The whole tensor to uint8, with the scale and zero point that its range asks for.
class DynamicQuantizeLinear final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    out[1].shape = make_shape({});
    out[2].shape = make_shape({});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const float* const x = in[0].as<float>();
    const std::int64_t count = element_count(in[0].shape);
    // The range includes 0, which has to be exact.
    float low = 0;
    float high = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
    }
    const float scale = low == high ? 1.0f : (high - low) / 255.0f;
    const auto zero = quantized<std::uint8_t>(0.0f - low / scale, 0);
    if (out[1].data != nullptr) *out[1].mutable_as<float>() = scale;
    if (out[2].data != nullptr) *out[2].mutable_as<std::uint8_t>() = zero;
    if (out[0].data == nullptr) return true;
    auto* const y = out[0].mutable_as<std::uint8_t>();
    for (std::int64_t i = 0; i < count; ++i) y[i] = quantized<std::uint8_t>(x[i] / scale, zero);
    return true;
  }
};

std::unique_ptr<Op> make_dynamic(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(3, 3);
  builder.want_dtype(0, {ARSENAL_FLOAT});
  for (const std::int32_t dtype : {ARSENAL_UINT8, ARSENAL_FLOAT, ARSENAL_UINT8}) builder.add_output(dtype);
  return std::make_unique<DynamicQuantizeLinear>();
}

constexpr OpEntry kEntries[] = {
    {"", "QuantizeLinear", 10, make_quantize},       {"", "QuantizeLinear", 13, make_quantize},
    {"", "QuantizeLinear", 19, make_quantize},       {"", "QuantizeLinear", 21, make_quantize},
    {"", "QuantizeLinear", 23, make_quantize},       {"", "QuantizeLinear", 24, make_quantize},
    {"", "QuantizeLinear", 25, make_quantize},       {"", "QuantizeLinear", 28, make_quantize},
    {"", "DequantizeLinear", 10, make_dequantize},   {"", "DequantizeLinear", 13, make_dequantize},
    {"", "DequantizeLinear", 19, make_dequantize},   {"", "DequantizeLinear", 21, make_dequantize},
    {"", "DequantizeLinear", 23, make_dequantize},   {"", "DequantizeLinear", 24, make_dequantize},
    {"", "DequantizeLinear", 25, make_dequantize},   {"", "DequantizeLinear", 28, make_dequantize},
    {"", "DynamicQuantizeLinear", 11, make_dynamic},
};

}  // namespace

OpTable quantize_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
