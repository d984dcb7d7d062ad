// Slice, Split, Expand, Transpose: elements are moved, in an order that strides describe.
#include <algorithm>
#include <cstdint>

#include "ops/constants.h"
#include "plan/registry.h"
#include "plan/strided.h"

namespace arsenal::runtime {

namespace {

// Fills `to`, C-contiguous, from elements of `from` at these byte strides.
void fill(const Tensor& to, std::size_t element, const char* from, const std::int64_t* from_strides) noexcept {
  std::int64_t to_strides[ARSENAL_MAX_RANK];
  contiguous_strides(to.shape, element, to_strides);
  copy_strided(to.shape, element, from, from_strides, to.mutable_as<char>(), to_strides);
}

// One axis of a slice as the model gives it.
struct Range {
  std::int64_t axis;
  std::int64_t start;
  std::int64_t end;
  std::int64_t step;
};

// The places that a range selects of `extent`: `first`, and `count` in all.
struct Places {
  Places(const Range& range, std::int64_t extent) noexcept {
    // Going up a range lies within [0, extent], going down within [-1, extent - 1].
    const bool up = range.step > 0;
    const std::int64_t least = up ? 0 : -1;
    const std::int64_t most = up ? extent : extent - 1;
    first = std::clamp(range.start < 0 ? range.start + extent : range.start, up ? least : 0, std::max(most, least));
    const std::int64_t last = std::clamp(range.end < 0 ? range.end + extent : range.end, least, most);
    const std::int64_t distance = up ? last - first : first - last;
    // In unsigned numbers the smallest step can be negated.
    const std::uint64_t step = up ? static_cast<std::uint64_t>(range.step) : 0 - static_cast<std::uint64_t>(range.step);
    count = distance <= 0 ? 0 : static_cast<std::int64_t>((static_cast<std::uint64_t>(distance) - 1) / step) + 1;
  }

  std::int64_t first;
  std::int64_t count;
};

class Slice final : public Op {
 public:
  Slice(std::vector<Range> ranges, std::size_t element) : ranges_(std::move(ranges)), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    Shape to = from;
    bool sliced[ARSENAL_MAX_RANK] = {};
    for (const Range& range : ranges_) {
      std::int32_t axis;
      if (!resolve_axis(range.axis, from.rank, axis) || sliced[axis]) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld of shape %s does not exist or is named twice",
                         static_cast<long long>(range.axis), ShapeText(from).text);
      }
      sliced[axis] = true;
      if (from.dims[axis] >= 0) to.dims[axis] = Places(range, from.dims[axis]).count;
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    return std::none_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
      return range.axis == 0 || range.axis == -std::int64_t{inputs[0].shape.rank};
    });
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape& from = in[0].shape;
    if (element_count(out[0].shape) == 0) return true;
    std::int64_t strides[ARSENAL_MAX_RANK];
    contiguous_strides(from, element_, strides);
    const char* first = in[0].as<char>();
    for (const Range& range : ranges_) {
      std::int32_t axis;
      resolve_axis(range.axis, from.rank, axis);
      first += Places(range, from.dims[axis]).first * strides[axis];
      // Where one place alone is selected the step may be of any size.
      strides[axis] = out[0].shape.dims[axis] == 1 ? 0 : strides[axis] * range.step;
    }
    fill(out[0], element_, first, strides);
    return true;
  }

 private:
  std::vector<Range> ranges_;
  std::size_t element_;
};

std::unique_ptr<Op> make_slice(OpBuilder& builder) {
  const bool has_inputs = builder.version() >= 10;
  builder.want_inputs(has_inputs ? 3 : 1, has_inputs ? 5 : 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const auto list = [&](std::size_t index, const char* name) -> std::vector<std::int64_t> {
    if (!has_inputs) return builder.integers(name);
    return builder.has_input(index) ? integers_of(builder.constant_input(index, name)) : std::vector<std::int64_t>();
  };
  const std::vector<std::int64_t> starts = list(1, "starts");
  const std::vector<std::int64_t> ends = list(2, "ends");
  const std::vector<std::int64_t> axes = list(3, "axes");
  const std::vector<std::int64_t> steps = has_inputs ? list(4, "steps") : std::vector<std::int64_t>();
  std::vector<Range> ranges;
  if (ends.size() != starts.size() || (!axes.empty() && axes.size() != starts.size()) ||
      (!steps.empty() && steps.size() != starts.size())) {
    fail(ARSENAL_INVALID_MODEL, "starts, ends, axes and steps have %zu, %zu, %zu and %zu entries", starts.size(),
         ends.size(), axes.size(), steps.size());
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    ranges.push_back(
        {axes.empty() ? static_cast<std::int64_t>(i) : axes[i], starts[i], ends[i], steps.empty() ? 1 : steps[i]});
    if (ranges.back().step == 0) fail(ARSENAL_INVALID_MODEL, "a step is 0");
  }
  return std::make_unique<Slice>(std::move(ranges), dtype_size(builder.input(0).dtype));
}

// How an axis is cut into parts.
struct Cut {
  std::int64_t axis;
  // Extents of the parts; empty: all the same, as far as `even` does not say that the last may be smaller.
  std::vector<std::int64_t> sizes;
  std::size_t n_parts;
  bool even;
};

class Split final : public Op {
 public:
  Split(Cut cut, std::size_t element) : cut_(std::move(cut)), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    std::int32_t axis;
    if (!resolve_axis(cut_.axis, from.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s",
                       static_cast<long long>(cut_.axis), ShapeText(from).text);
    }
    std::int64_t left = from.dims[axis];
    for (std::size_t k = 0; k < cut_.n_parts; ++k) {
      const std::int64_t size = part(from.dims[axis], k, left);
      out[k].shape = from;
      out[k].shape.dims[axis] = size;
      if (from.dims[axis] >= 0) left -= size;
      if (left < 0 && from.dims[axis] >= 0) break;
    }
    if (from.dims[axis] < 0 || left == 0) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %d of shape %s cannot be split into these %zu parts",
                     static_cast<int>(axis), ShapeText(from).text, cut_.n_parts);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(cut_.axis, inputs[0].shape.rank, axis) && axis != 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape& from = in[0].shape;
    std::int32_t axis;
    resolve_axis(cut_.axis, from.rank, axis);
    std::int64_t strides[ARSENAL_MAX_RANK];
    contiguous_strides(from, element_, strides);
    std::int64_t first = 0;
    for (std::size_t k = 0; k < cut_.n_parts; ++k) {
      const std::int64_t size = out[k].shape.dims[axis];
      if (out[k].data != nullptr && element_count(out[k].shape) != 0) {
        fill(out[k], element_, in[0].as<char>() + first * strides[axis], strides);
      }
      first += size;
    }
    return true;
  }

 private:
  // The extent of part k where `left` of `extent` is left; -1 if it is not known.
  std::int64_t part(std::int64_t extent, std::size_t k, std::int64_t left) const noexcept {
    if (!cut_.sizes.empty()) return cut_.sizes[k];
    if (extent < 0) return -1;
    const auto n_parts = static_cast<std::int64_t>(cut_.n_parts);
    return cut_.even ? extent / n_parts : std::min(left, extent / n_parts + (extent % n_parts != 0 ? 1 : 0));
  }

  Cut cut_;
  std::size_t element_;
};

std::unique_ptr<Op> make_split(OpBuilder& builder) {
  const bool has_input = builder.version() >= 13;
  builder.want_inputs(1, has_input ? 2 : 1);
  builder.want_outputs(1, SIZE_MAX);
  Cut cut{builder.integer("axis", 0), {}, builder.output_count(), builder.version() < 18};
  if (!has_input) {
    cut.sizes = builder.integers("split");
  } else if (builder.input_count() > 1) {
    const Constant& sizes = builder.constant_input(1, "split");
    if (sizes.dtype() != ARSENAL_INT64) fail(ARSENAL_INVALID_MODEL, "input 1 (split) is no list of int64");
    cut.sizes.assign(sizes.as<std::int64_t>(), sizes.as<std::int64_t>() + sizes.size());
  }
  const auto negative = [](std::int64_t size) { return size < 0; };
  if (std::any_of(cut.sizes.begin(), cut.sizes.end(), negative) ||
      (!cut.sizes.empty() && cut.sizes.size() != cut.n_parts)) {
    fail(ARSENAL_INVALID_MODEL, "split has %zu entries for %zu outputs, or a negative one", cut.sizes.size(),
         cut.n_parts);
  }
  if (builder.version() >= 18 && cut.sizes.empty()) {
    const std::int64_t n_outputs = builder.required_integer("num_outputs");
    if (n_outputs != static_cast<std::int64_t>(cut.n_parts)) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'num_outputs' is %lld, the node has %zu outputs",
           static_cast<long long>(n_outputs), cut.n_parts);
    }
  }
  for (std::size_t k = 0; k < cut.n_parts; ++k) builder.add_output(builder.input(0).dtype);
  return std::make_unique<Split>(std::move(cut), dtype_size(builder.input(0).dtype));
}

class Expand final : public Op {
 public:
  Expand(const Shape& target, std::size_t element) : target_(target), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    if (broadcast_shapes(in[0].shape, target_, out[0].shape)) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shape %s cannot be expanded to %s", ShapeText(in[0].shape).text,
                     ShapeText(target_).text);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    const std::int32_t rank = inputs[0].shape.rank;
    return target_.rank < rank || (target_.rank == rank && target_.dims[0] == 1);
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape& from = in[0].shape;
    const Shape& to = out[0].shape;
    if (element_count(to) == 0) return true;
    std::int64_t from_strides[ARSENAL_MAX_RANK];
    contiguous_strides(from, element_, from_strides);
    std::int64_t strides[ARSENAL_MAX_RANK];
    for (std::int32_t d = 0; d < to.rank; ++d) {
      const std::int32_t own = d - (to.rank - from.rank);
      strides[d] = own < 0 || from.dims[own] == 1 ? 0 : from_strides[own];
    }
    fill(out[0], element_, in[0].as<char>(), strides);
    return true;
  }

 private:
  Shape target_;
  std::size_t element_;
};

std::unique_ptr<Op> make_expand(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  return std::make_unique<Expand>(shape_of(builder.constant_input(1, "shape")), dtype_size(builder.input(0).dtype));
}

class Transpose final : public Op {
 public:
  // `order` may be empty: the axes in reverse.
  Transpose(std::vector<std::int64_t> order, std::size_t element) : order_(std::move(order)), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    if (!order_.empty() && order_.size() != static_cast<std::size_t>(from.rank)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "it orders %zu axes, the input has shape %s", order_.size(),
                       ShapeText(from).text);
    }
    Shape to{from.rank, {}};
    for (std::int32_t d = 0; d < from.rank; ++d) to.dims[d] = from.dims[source(d, from.rank)];
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    return inputs[0].shape.rank > 0 && source(0, inputs[0].shape.rank) == 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape& from = in[0].shape;
    std::int64_t from_strides[ARSENAL_MAX_RANK];
    contiguous_strides(from, element_, from_strides);
    std::int64_t strides[ARSENAL_MAX_RANK];
    for (std::int32_t d = 0; d < from.rank; ++d) strides[d] = from_strides[source(d, from.rank)];
    fill(out[0], element_, in[0].as<char>(), strides);
    return true;
  }

 private:
  // The input's axis that becomes axis d.
  std::int32_t source(std::int32_t d, std::int32_t rank) const noexcept {
    return order_.empty() ? rank - 1 - d : static_cast<std::int32_t>(order_[static_cast<std::size_t>(d)]);
  }

  std::vector<std::int64_t> order_;
  std::size_t element_;
};

std::unique_ptr<Op> make_transpose(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const std::vector<std::int64_t>& order = builder.integers("perm");
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t d = 0; d < sorted.size(); ++d) {
    if (sorted[d] != static_cast<std::int64_t>(d)) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'perm' is no order of %zu axes", order.size());
    }
  }
  return std::make_unique<Transpose>(order, dtype_size(builder.input(0).dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Slice", 1, make_slice},          {"", "Slice", 10, make_slice},         {"", "Slice", 11, make_slice},
    {"", "Slice", 13, make_slice},         {"", "Split", 2, make_split},          {"", "Split", 11, make_split},
    {"", "Split", 13, make_split},         {"", "Split", 18, make_split},         {"", "Expand", 8, make_expand},
    {"", "Expand", 13, make_expand},       {"", "Transpose", 1, make_transpose},  {"", "Transpose", 13, make_transpose},
    {"", "Transpose", 21, make_transpose}, {"", "Transpose", 23, make_transpose}, {"", "Transpose", 24, make_transpose},
    {"", "Transpose", 25, make_transpose},
};

}  // namespace

OpTable slice_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
