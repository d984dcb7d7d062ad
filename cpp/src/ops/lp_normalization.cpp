// LpNormalization: each line along an axis divided by the sum of its absolute values, or by its length.
#include <cmath>
#include <cstdint>

#include "ops/axis.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T>
class LpNormalization final : public Op {
 public:
  LpNormalization(std::int64_t axis, bool is_length) : axis_(axis), is_length_(is_length) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    std::int32_t axis;
    if (!resolve_axis(axis_, in[0].shape.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(in[0].shape).text);
    }
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, in[0].shape.rank, axis);
    const AxisView view(in[0].shape, axis);
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const std::int64_t first = o * view.extent * view.inner + i;
        divide(in[0].as<T>() + first, out[0].mutable_as<T>() + first, view);
      }
    }
    return true;
  }

 private:
  // A line of zeros stays one.
  void divide(const T* from, T* to, const AxisView& view) const noexcept {
    T norm = 0;
    for (std::int64_t k = 0; k < view.extent; ++k) {
      const T x = from[k * view.inner];
      norm += is_length_ ? x * x : std::abs(x);
    }
    if (is_length_) norm = std::sqrt(norm);
    for (std::int64_t k = 0; k < view.extent; ++k) {
      to[k * view.inner] = norm != 0 ? from[k * view.inner] / norm : T{0};
    }
  }

  std::int64_t axis_;
  bool is_length_;
};

std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const std::int64_t axis = builder.integer("axis", -1);
  const std::int64_t p = builder.integer("p", 2);
  if (p != 1 && p != 2) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'p' is %lld, wanted 1 or 2", static_cast<long long>(p));
  }
  return for_dtype_of(builder, 0, Reals(),
                      [&](auto zero) { return std::make_unique<LpNormalization<decltype(zero)>>(axis, p == 2); });
}

constexpr OpEntry kEntries[] = {{"", "LpNormalization", 1, make}, {"", "LpNormalization", 22, make}};

}  // namespace

OpTable lp_normalization_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
