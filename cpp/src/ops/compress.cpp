// Compress.
#include <cstdint>
#include <cstring>
#include <optional>

#include "ops/axis.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// The slices at some places along an axis; without an axis, elements of the flattened tensor.
class Compress final : public Op {
 public:
  // `places` ascends.
  Compress(std::vector<std::int64_t> places, std::optional<std::int64_t> axis, std::size_t element)
      : places_(std::move(places)), axis_(axis), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape to = in[0].shape;
    std::int32_t axis = 0;
    if (!axis_) {
      to = make_shape({element_count(to)});
    } else if (!resolve_axis(*axis_, to.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(*axis_),
                       ShapeText(to).text);
    }
    if (to.dims[axis] >= 0 && !places_.empty() && places_.back() >= to.dims[axis]) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "the condition selects place %lld of %lld",
                       static_cast<long long>(places_.back()), static_cast<long long>(to.dims[axis]));
    }
    to.dims[axis] = static_cast<std::int64_t>(places_.size());
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return axis_ && resolve_axis(*axis_, inputs[0].shape.rank, axis) && axis != 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape flat = make_shape({element_count(in[0].shape)});
    const Shape& shape = axis_ ? in[0].shape : flat;
    std::int32_t axis = 0;
    if (axis_) resolve_axis(*axis_, shape.rank, axis);
    const AxisView view(shape, axis);
    const std::size_t chunk = static_cast<std::size_t>(view.inner) * element_;
    if (chunk == 0) return true;
    const char* from = in[0].as<char>();
    char* to = out[0].mutable_as<char>();
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (const std::int64_t place : places_) {
        std::memcpy(to, from + static_cast<std::size_t>(place) * chunk, chunk);
        to += chunk;
      }
      from += static_cast<std::size_t>(view.extent) * chunk;
    }
    return true;
  }

 private:
  std::vector<std::int64_t> places_;
  std::optional<std::int64_t> axis_;
  std::size_t element_;
};

std::unique_ptr<Op> make_compress(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_BOOL});
  builder.add_output(builder.input(0).dtype);
  const Constant& condition = builder.constant_input(1, "condition");
  if (condition.shape().rank != 1) {
    fail(ARSENAL_INVALID_MODEL, "input 1 (condition) has shape %s, wanted a list", ShapeText(condition.shape()).text);
  }
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < condition.size(); ++i) {
    if (condition.as<Bool>()[i] != Bool::kFalse) places.push_back(i);
  }
  std::optional<std::int64_t> axis;
  if (builder.has("axis")) axis = builder.integer("axis", 0);
  return std::make_unique<Compress>(std::move(places), axis, dtype_size(builder.input(0).dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Compress", 9, make_compress},
    {"", "Compress", 11, make_compress},
    {"", "Compress", 28, make_compress},
};

}  // namespace

OpTable compress_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
