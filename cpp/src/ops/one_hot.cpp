// OneHot.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/axis.h"
#include "ops/dtypes.h"
#include "ops/fill.h"
#include "ops/truncate.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T>
std::int64_t as_index(T x) noexcept {
  if constexpr (std::is_floating_point_v<T>) return truncated<std::int64_t>(x);
  return static_cast<std::int64_t>(x);
}

// Each index becomes a line of `depth` elements along a new axis: the second value at its place, else the first one.
template <typename Index>
class OneHot final : public Op {
 public:
  OneHot(std::int64_t axis, std::int64_t depth, std::size_t element) : axis_(axis), depth_(depth), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    std::int32_t axis;
    if (from.rank == ARSENAL_MAX_RANK || !resolve_axis(axis_, from.rank + 1, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld cannot be added to shape %s", static_cast<long long>(axis_),
                       ShapeText(from).text);
    }
    if (in[2].shape.rank != 1 || (in[2].shape.dims[0] >= 0 && in[2].shape.dims[0] != 2)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "values has shape %s, wanted [2]", ShapeText(in[2].shape).text);
    }
    Shape to{from.rank + 1, {}};
    for (std::int32_t d = 0; d < to.rank; ++d) to.dims[d] = d == axis ? depth_ : from.dims[d < axis ? d : d - 1];
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank + 1, axis) && axis != 0 && inputs[0].has_rows &&
           !inputs[2].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, out[0].shape.rank, axis);
    const AxisView view(out[0].shape, axis);
    const Index* indices = in[0].template as<Index>();
    const char* const off = in[2].template as<char>();
    char* const to = out[0].template mutable_as<char>();
    fill_elements(to, element_count(out[0].shape), off, element_);
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        std::int64_t place = as_index(*indices++);
        if (place < 0) place += depth_;
        if (place < 0 || place >= depth_) continue;
        const std::int64_t at = (o * depth_ + place) * view.inner + i;
        std::memcpy(to + static_cast<std::size_t>(at) * element_, off + element_, element_);
      }
    }
    return true;
  }

 private:
  std::int64_t axis_;
  std::int64_t depth_;
  std::size_t element_;
};

template <typename T>
std::int64_t depth_of(const OpBuilder& builder) {
  const Constant& constant = builder.constant_input(1, "depth");
  const std::int64_t depth = constant.size() == 1 ? as_index(*constant.as<T>()) : 0;
  if (depth < 1) fail(ARSENAL_INVALID_MODEL, "input 1 (depth) is not one number of at least 1");
  return depth;
}

std::unique_ptr<Op> make_one_hot(OpBuilder& builder) {
  builder.want_inputs(3, 3);
  builder.want_outputs(1, 1);
  const std::int64_t axis = builder.integer("axis", -1);
  const std::int32_t dtype = builder.input(2).dtype;
  builder.add_output(dtype);
  return for_dtype_of(builder, 1, Numbers(), [&](auto number) {
    const std::int64_t depth = depth_of<decltype(number)>(builder);
    return for_dtype_of(builder, 0, Numbers(), [&](auto zero) {
      return std::make_unique<OneHot<decltype(zero)>>(axis, depth, dtype_size(dtype));
    });
  });
}

constexpr OpEntry kEntries[] = {
    {"", "OneHot", 9, make_one_hot},
    {"", "OneHot", 11, make_one_hot},
    {"", "OneHot", 28, make_one_hot},
};

}  // namespace

OpTable one_hot_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
