// BatchNormalization as it is used for inference, and LayerNormalization.
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "ops/axis.h"
#include "ops/broadcast.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// (x - mean) × (scale / √(variance + epsilon)) + bias, with one of each per channel. What is known at load of the
// quotients is computed there.
template <typename T>
class BatchNormalization final : public Op {
 public:
  BatchNormalization(T epsilon, bool per_element, const Constant* scale, const Constant* variance)
      : epsilon_(epsilon), per_element_(per_element) {
    if (scale == nullptr || variance == nullptr || scale->size() != variance->size()) return;
    factors_.resize(static_cast<std::size_t>(scale->size()));
    fill_factors(scale->as<T>(), variance->as<T>(), scale->size(), factors_.data());
  }

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& x = in[0].shape;
    if (x.rank == 0) return issue.set(ARSENAL_SHAPE_MISMATCH, "X is a scalar, wanted at least one axis");
    const std::int64_t channels = view(x).channels;
    for (std::size_t i = 1; i < 5; ++i) {
      const std::int64_t count = element_count(in[i].shape);
      if (count >= 0 && channels >= 0 && count != channels) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu has shape %s, X of shape %s has %lld channels", i,
                         ShapeText(in[i].shape).text, ShapeText(x).text, static_cast<long long>(channels));
      }
    }
    out[0].shape = x;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i].has_rows) return false;
    }
    return true;
  }

  std::size_t scratch_bytes(const Inputs& in) const noexcept override {
    if (!factors_.empty()) return 0;
    std::size_t bytes;
    const auto channels = static_cast<std::size_t>(view(in[0].shape).channels);
    return __builtin_mul_overflow(channels, sizeof(T), &bytes) ? SIZE_MAX : bytes;
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const View own = view(in[0].shape);
    const T* factors = factors_.data();
    if (factors_.empty()) {
      fill_factors(in[1].template as<T>(), in[4].template as<T>(), own.channels, static_cast<T*>(scratch));
      factors = static_cast<const T*>(scratch);
    }
    const T* const bias = in[2].template as<T>();
    const T* const mean = in[3].template as<T>();
    const T* x = in[0].template as<T>();
    T* y = out[0].template mutable_as<T>();
    for (std::int64_t o = 0; o < own.outer; ++o) {
      if (own.inner == 1) {
        for (std::int64_t c = 0; c < own.channels; ++c) y[c] = (x[c] - mean[c]) * factors[c] + bias[c];
      } else {
        for (std::int64_t c = 0; c < own.channels; ++c) {
          for (std::int64_t i = c * own.inner; i < (c + 1) * own.inner; ++i) {
            y[i] = (x[i] - mean[c]) * factors[c] + bias[c];
          }
        }
      }
      x += own.channels * own.inner;
      y += own.channels * own.inner;
    }
    return true;
  }

 private:
  struct View {
    std::int64_t outer;
    std::int64_t channels;
    std::int64_t inner;
  };

  // Channels lie along axis 1; a vector is one channel. `per_element_`: every element of a row is a channel.
  View view(const Shape& x) const noexcept {
    if (x.rank == 1) return {x.dims[0], 1, 1};
    if (per_element_) return {x.dims[0], element_count(x, 1), 1};
    return {x.dims[0], x.dims[1], element_count(x, 2)};
  }

  void fill_factors(const T* scale, const T* variance, std::int64_t count, T* factors) const noexcept {
    for (std::int64_t c = 0; c < count; ++c) factors[c] = scale[c] / std::sqrt(variance[c] + epsilon_);
  }

  T epsilon_;
  bool per_element_;
  std::vector<T> factors_;
};

std::unique_ptr<Op> make_batch(OpBuilder& builder) {
  builder.want_inputs(5, 5);
  for (std::size_t i = 1; i < 5; ++i) builder.want_dtype(i, {builder.input(0).dtype});
  const bool trains = builder.version() < 7    ? builder.integer("is_test", 0) == 0
                      : builder.version() < 14 ? builder.output_count() > 1
                                               : builder.integer("training_mode", 0) != 0;
  if (trains) fail(ARSENAL_UNSUPPORTED, "it is in training mode, supported is inference");
  builder.want_outputs(1, 1);
  builder.ignore("momentum");
  if (builder.version() < 6) builder.ignore("consumed_inputs");
  const bool per_element = builder.version() < 9 && builder.integer("spatial", 1) == 0;
  const float epsilon = builder.real("epsilon", 1e-5f);
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, Reals(), [&](auto zero) {
    using T = decltype(zero);
    return std::make_unique<BatchNormalization<T>>(epsilon, per_element, builder.input(1).constant,
                                                   builder.input(4).constant);
  });
}

// A sum in double of `term` over n elements: lane i adds up the elements i, i + 8, …, then lane i takes lane i + 4, i +
// 2 and i + 1.
template <typename Term>
double sum_of(std::int64_t n, const Term& term) noexcept {
  double lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::int64_t lane = 0; lane < 8; ++lane) lanes[lane] += term(i + lane);
  }
  for (std::int64_t lane = 0; i < n; ++i, ++lane) lanes[lane] += term(i);
  for (std::size_t half = 4; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

template <typename T>
class LayerNormalization final : public Op {
 public:
  LayerNormalization(std::int64_t axis, float epsilon, bool has_bias)
      : axis_(axis), epsilon_(epsilon), has_bias_(has_bias) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& x = in[0].shape;
    std::int32_t axis;
    if (!resolve_axis(axis_, x.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(x).text);
    }
    for (std::size_t i = 1; i < (has_bias_ ? 3U : 2U); ++i) {
      if (!fits(in[i].shape, x)) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu of shape %s cannot be broadcast to %s", i,
                         ShapeText(in[i].shape).text, ShapeText(x).text);
      }
    }
    out[0].shape = x;
    Shape reduced = x;
    for (std::int32_t d = axis; d < x.rank; ++d) reduced.dims[d] = 1;
    out[1].shape = reduced;
    out[2].shape = reduced;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return inputs[0].has_rows && resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0 &&
           broadcast_keeps_rows(inputs);
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, in[0].shape.rank, axis);
    const std::int64_t n = element_count(in[0].shape, axis);
    std::int64_t outer = 1;
    for (std::int32_t d = 0; d < axis; ++d) outer *= in[0].shape.dims[d];
    for (std::int64_t o = 0; o < outer; ++o) {
      const T* const x = in[0].template as<T>() + o * n;
      const double mean = sum_of(n, [x](std::int64_t i) { return static_cast<double>(x[i]); }) / static_cast<double>(n);
      const double variance = sum_of(n,
                                     [x, mean](std::int64_t i) {
                                       const double distance = static_cast<double>(x[i]) - mean;
                                       return distance * distance;
                                     }) /
                              static_cast<double>(n);
      const double inverse = 1.0 / std::sqrt(variance + static_cast<double>(epsilon_));
      if (out[0].data != nullptr) {
        T* const y = out[0].template mutable_as<T>() + o * n;
        for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<T>((static_cast<double>(x[i]) - mean) * inverse);
      }
      if (out[1].data != nullptr) out[1].template mutable_as<float>()[o] = static_cast<float>(mean);
      if (out[2].data != nullptr) out[2].template mutable_as<float>()[o] = static_cast<float>(inverse);
    }
    if (out[0].data == nullptr) return true;
    T* const y = out[0].template mutable_as<T>();
    combine(y, in[0].shape, in[1], [](T a, T b) { return a * b; });
    if (has_bias_) combine(y, in[0].shape, in[2], [](T a, T b) { return a + b; });
    return true;
  }

 private:
  static bool fits(const Shape& operand, const Shape& x) noexcept {
    Shape common;
    if (operand.rank > x.rank || !broadcast_shapes(operand, x, common)) return false;
    for (std::int32_t d = 0; d < x.rank; ++d) {
      if (x.dims[d] >= 0 && common.dims[d] != x.dims[d]) return false;
    }
    return true;
  }

  template <typename Function>
  static void combine(T* y, const Shape& shape, const Tensor& operand, const Function& function) noexcept {
    const T* const from = operand.template as<T>();
    const Broadcast<1> loop(shape, {&operand.shape});
    loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
      for (std::int64_t i = 0; i < count; ++i) {
        y[position + i] = function(y[position + i], from[offsets[0] + i * strides[0]]);
      }
      return true;
    });
  }

  std::int64_t axis_;
  float epsilon_;
  bool has_bias_;
};

std::unique_ptr<Op> make_layer(OpBuilder& builder) {
  builder.want_inputs(2, 3);
  builder.want_outputs(1, 3);
  const std::size_t n_inputs = builder.input_count();
  for (std::size_t i = 1; i < n_inputs; ++i) builder.want_dtype(i, {builder.input(0).dtype});
  const std::int64_t axis = builder.integer("axis", -1);
  const float epsilon = builder.real("epsilon", 1e-5f);
  if (builder.integer("stash_type", 1) != ARSENAL_FLOAT) {
    fail(ARSENAL_UNSUPPORTED, "attribute 'stash_type' asks for a mean that is not float");
  }
  builder.add_output(builder.input(0).dtype);
  builder.add_output(ARSENAL_FLOAT);
  builder.add_output(ARSENAL_FLOAT);
  return for_dtype_of(builder, 0, Reals(), [&](auto zero) {
    return std::make_unique<LayerNormalization<decltype(zero)>>(axis, epsilon, n_inputs == 3);
  });
}

constexpr OpEntry kEntries[] = {
    {"", "BatchNormalization", 1, make_batch},  {"", "BatchNormalization", 6, make_batch},
    {"", "BatchNormalization", 7, make_batch},  {"", "BatchNormalization", 9, make_batch},
    {"", "BatchNormalization", 14, make_batch}, {"", "BatchNormalization", 15, make_batch},
    {"", "LayerNormalization", 17, make_layer},
};

}  // namespace

OpTable normalization_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
