// Softmax and LogSoftmax.
#include <cstdint>

#include "kernels/math.h"
#include "ops/axis.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// `kLog`: the logarithm of the shares.
template <typename T, bool kLog>
class Softmax final : public Op {
 public:
  // `flattens`: up to version 11 everything from the axis on is one distribution.
  Softmax(std::int64_t axis, bool flattens) : axis_(axis), flattens_(flattens) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    std::int32_t axis;
    if (!find_axis(in[0].shape, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(in[0].shape).text);
    }
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return find_axis(inputs[0].shape, axis) && axis != 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    std::int32_t axis;
    find_axis(in[0].shape, axis);
    AxisView view = axis == in[0].shape.rank ? AxisView(make_shape({1}), 0) : AxisView(in[0].shape, axis);
    if (axis == in[0].shape.rank) view.outer = element_count(in[0].shape);
    if (flattens_) {
      view.extent *= view.inner;
      view.inner = 1;
    }
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const std::int64_t start = o * view.extent * view.inner + i;
        const auto line = kLog ? take_logarithm : normalise;
        line(in[0].as<T>() + start, out[0].mutable_as<T>() + start, view.extent, view.inner);
      }
    }
    return true;
  }

 private:
  bool find_axis(const Shape& shape, std::int32_t& axis) const noexcept {
    if (flattens_ && axis_ == shape.rank) {
      axis = shape.rank;
      return true;
    }
    return resolve_axis(axis_, shape.rank, axis);
  }

  static void normalise(const T* from, T* to, std::int64_t count, std::int64_t stride) noexcept {
    if (count == 0) return;
    T largest = from[0];
    for (std::int64_t k = 1; k < count; ++k) {
      if (from[k * stride] > largest) largest = from[k * stride];
    }
    T sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      to[k * stride] = exp(from[k * stride] - largest);
      sum += to[k * stride];
    }
    for (std::int64_t k = 0; k < count; ++k) to[k * stride] /= sum;
  }

  // The largest element's part of the sum is 1 and stays out of it, so that shares near 1 keep their digits.
  static void take_logarithm(const T* from, T* to, std::int64_t count, std::int64_t stride) noexcept {
    if (count == 0) return;
    std::int64_t place = 0;
    for (std::int64_t k = 1; k < count; ++k) {
      if (from[k * stride] > from[place * stride]) place = k;
    }
    const auto largest = static_cast<double>(from[place * stride]);
    // 0, or NaN if the largest is infinite.
    double rest = largest - largest;
    for (std::int64_t k = 0; k < count; ++k) {
      if (k != place) rest += exp(static_cast<double>(from[k * stride]) - largest);
    }
    const double logarithm = log1p(rest);
    for (std::int64_t k = 0; k < count; ++k) {
      to[k * stride] = static_cast<T>((static_cast<double>(from[k * stride]) - largest) - logarithm);
    }
  }

  std::int64_t axis_;
  bool flattens_;
};

template <bool kLog>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  const bool flattens = builder.version() < 13;
  const std::int64_t axis = builder.integer("axis", flattens ? 1 : -1);
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, Reals(),
                      [&](auto zero) { return std::make_unique<Softmax<decltype(zero), kLog>>(axis, flattens); });
}

constexpr OpEntry kEntries[] = {
    {"", "Softmax", 1, make<false>},   {"", "Softmax", 11, make<false>},   {"", "Softmax", 13, make<false>},
    {"", "LogSoftmax", 1, make<true>}, {"", "LogSoftmax", 11, make<true>}, {"", "LogSoftmax", 13, make<true>},
};

}  // namespace

OpTable softmax_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
