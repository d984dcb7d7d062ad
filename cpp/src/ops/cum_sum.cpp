// CumSum.
#include <cstdint>

#include "ops/axis.h"
#include "ops/constants.h"
#include "ops/sums.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Each element becomes the sum of those up to it along an axis.
template <typename T>
class CumSum final : public Op {
 public:
  // `exclusive`: without the element itself. `reverse`: from the end.
  CumSum(std::int64_t axis, bool exclusive, bool reverse) : axis_(axis), exclusive_(exclusive), reverse_(reverse) {}

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
    const std::int64_t step = reverse_ ? -view.inner : view.inner;
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const std::int64_t first = o * view.extent * view.inner + i + (reverse_ ? (view.extent - 1) * view.inner : 0);
        add_up(in[0].as<T>(), out[0].mutable_as<T>(), view.extent, first, step);
      }
    }
    return true;
  }

 private:
  void add_up(const T* from, T* to, std::int64_t count, std::int64_t place, std::int64_t step) const noexcept {
    Wide<T> sum = 0;
    for (std::int64_t k = 0; k < count; ++k, place += step) {
      const Wide<T> next = sum + static_cast<Wide<T>>(from[place]);
      to[place] = narrowed<T>(exclusive_ ? sum : next);
      sum = next;
    }
  }

  std::int64_t axis_;
  bool exclusive_;
  bool reverse_;
};

std::unique_ptr<Op> make_cum_sum(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const std::vector<std::int64_t> axis = integers_of(builder.constant_input(1, "axis"));
  if (axis.size() != 1) fail(ARSENAL_INVALID_MODEL, "input 1 (axis) has %zu numbers, wanted one", axis.size());
  const bool exclusive = builder.integer("exclusive", 0) != 0;
  const bool reverse = builder.integer("reverse", 0) != 0;
  return for_dtype_of(builder, 0, Summable(),
                      [&](auto zero) { return std::make_unique<CumSum<decltype(zero)>>(axis[0], exclusive, reverse); });
}

constexpr OpEntry kEntries[] = {
    {"", "CumSum", 11, make_cum_sum},
    {"", "CumSum", 14, make_cum_sum},
};

}  // namespace

OpTable cum_sum_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
