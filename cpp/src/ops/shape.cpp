// Reshape, Flatten, Squeeze, Unsqueeze, which only change a shape, and Shape and Size, which tell it.
#include <algorithm>
#include <cstdint>

#include "ops/constants.h"
#include "ops/view.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

class Reshape final : public ViewOp {
 public:
  Reshape(std::vector<std::int64_t> target, bool zero_is_extent, std::size_t element)
      : ViewOp(element), target_(std::move(target)), zero_is_extent_(zero_is_extent) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    Shape to{static_cast<std::int32_t>(target_.size()), {}};
    std::int32_t inferred = -1;
    for (std::int32_t d = 0; d < to.rank; ++d) {
      std::int64_t dim = target_[static_cast<std::size_t>(d)];
      if (dim == -1) {
        inferred = d;
      } else if (dim == 0 && !zero_is_extent_) {
        if (d >= from.rank) return mismatch(from, issue);
        dim = from.dims[d];
      }
      to.dims[d] = dim;
    }
    bool known = true;
    std::int64_t rest = 1;
    for (std::int32_t d = 0; d < to.rank; ++d) {
      if (d == inferred) continue;
      known = known && to.dims[d] >= 0;
      if (known && (rest = checked_product(rest, to.dims[d])) < 0) return mismatch(from, issue);
    }
    const std::int64_t count = element_count(from);
    if (count >= 0 && known) {
      if (inferred >= 0) {
        if (rest == 0 || count % rest != 0) return mismatch(from, issue);
        to.dims[inferred] = count / rest;
      } else if (count != rest) {
        return mismatch(from, issue);
      }
    }
    out[0].shape = to;
    return true;
  }

  // Rows stay rows if the first extent follows the input's, and the others hold one row.
  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    const Shape& from = inputs[0].shape;
    const std::int64_t row = element_count(from, 1);
    if (target_.empty() || row <= 0 || (target_[0] != -1 && (target_[0] != 0 || zero_is_extent_))) return false;
    std::int64_t product = 1;
    bool open = false;
    for (std::size_t d = 1; d < target_.size(); ++d) {
      std::int64_t dim = target_[d];
      if (dim == 0 && !zero_is_extent_) {
        if (d >= static_cast<std::size_t>(from.rank)) return false;
        dim = from.dims[d];
      }
      open = open || dim == -1;
      product = dim == -1 ? product : checked_product(product, dim);
    }
    // With the first extent copied, an open one can only be what completes a row.
    return open ? target_[0] == 0 && product > 0 && row % product == 0 : product == row;
  }

 private:
  static std::int64_t checked_product(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? -1 : product;
  }

  bool mismatch(const Shape& from, Issue& issue) const noexcept {
    Shape to{static_cast<std::int32_t>(target_.size()), {}};
    std::copy(target_.begin(), target_.end(), to.dims);
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shape %s cannot become %s", ShapeText(from).text, ShapeText(to).text);
  }

  std::vector<std::int64_t> target_;
  bool zero_is_extent_;
};

class Flatten final : public ViewOp {
 public:
  Flatten(std::int64_t axis, std::size_t element) : ViewOp(element), axis_(axis) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    std::int64_t axis = axis_ < 0 ? axis_ + from.rank : axis_;
    if (axis < 0 || axis > from.rank) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(from).text);
    }
    Shape head = from;
    head.rank = static_cast<std::int32_t>(axis);
    out[0].shape = make_shape({element_count(head), element_count(from, head.rank)});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    return axis_ == 1 || axis_ == 1 - inputs[0].shape.rank;
  }

 private:
  std::int64_t axis_;
};

class Squeeze final : public ViewOp {
 public:
  Squeeze(std::vector<std::int64_t> axes, bool all, std::size_t element)
      : ViewOp(element), axes_(std::move(axes)), all_(all) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    bool drop[ARSENAL_MAX_RANK] = {};
    for (const std::int64_t given : axes_) {
      std::int32_t axis;
      if (!resolve_axis(given, from.rank, axis) || (from.dims[axis] != 1 && from.dims[axis] != -1)) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld of shape %s cannot be squeezed",
                         static_cast<long long>(given), ShapeText(from).text);
      }
      drop[axis] = true;
    }
    Shape to{0, {}};
    for (std::int32_t d = 0; d < from.rank; ++d) {
      if (all_ && from.dims[d] == -1) {
        // Whether this axis stays is known at run time only.
        out[0].shape = unknown_shape();
        return true;
      }
      if (!drop[d] && !(all_ && from.dims[d] == 1)) to.dims[to.rank++] = from.dims[d];
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    // Without axes the result's rank depends on the number of rows.
    return !all_ && std::none_of(axes_.begin(), axes_.end(), [&](std::int64_t given) {
      return given == 0 || given == -std::int64_t{inputs[0].shape.rank};
    });
  }

 private:
  std::vector<std::int64_t> axes_;
  bool all_;
};

class Unsqueeze final : public ViewOp {
 public:
  Unsqueeze(std::vector<std::int64_t> axes, std::size_t element) : ViewOp(element), axes_(std::move(axes)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    Shape to{from.rank + static_cast<std::int32_t>(axes_.size()), {}};
    bool added[ARSENAL_MAX_RANK] = {};
    if (to.rank > ARSENAL_MAX_RANK) {
      return issue.set(ARSENAL_UNSUPPORTED, "the result has rank %d, supported is up to %d", static_cast<int>(to.rank),
                       ARSENAL_MAX_RANK);
    }
    for (const std::int64_t given : axes_) {
      std::int32_t axis;
      if (!resolve_axis(given, to.rank, axis) || added[axis]) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld cannot be added to shape %s", static_cast<long long>(given),
                         ShapeText(from).text);
      }
      added[axis] = true;
    }
    std::int32_t next = 0;
    for (std::int32_t d = 0; d < to.rank; ++d) to.dims[d] = added[d] ? 1 : from.dims[next++];
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    const std::int64_t rank = inputs[0].shape.rank + static_cast<std::int64_t>(axes_.size());
    return std::none_of(axes_.begin(), axes_.end(), [&](std::int64_t given) { return given == 0 || given == -rank; });
  }

 private:
  std::vector<std::int64_t> axes_;
};

class ShapeOf final : public Op {
 public:
  ShapeOf(std::int64_t start, std::int64_t end) : start_(start), end_(end) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = make_shape({std::max<std::int64_t>(place(end_, in[0].shape) - place(start_, in[0].shape), 0)});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool reads_shapes_alone() const noexcept override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t* first = in[0].shape.dims + place(start_, in[0].shape);
    std::copy(first, first + out[0].shape.dims[0], out[0].mutable_as<std::int64_t>());
    return true;
  }

 private:
  static std::int64_t place(std::int64_t given, const Shape& shape) noexcept {
    return std::clamp<std::int64_t>(given < 0 ? given + shape.rank : given, 0, shape.rank);
  }

  std::int64_t start_;
  std::int64_t end_;
};

class SizeOf final : public Op {
 public:
  bool shapes(const Inputs&, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = make_shape({});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool reads_shapes_alone() const noexcept override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    *out[0].mutable_as<std::int64_t>() = element_count(in[0].shape);
    return true;
  }
};

std::unique_ptr<Op> make_size_of(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_INT64);
  return std::make_unique<SizeOf>();
}

std::unique_ptr<Op> make_shape_of(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_INT64);
  if (builder.version() < 15) return std::make_unique<ShapeOf>(0, INT64_MAX);
  return std::make_unique<ShapeOf>(builder.integer("start", 0), builder.integer("end", INT64_MAX));
}

std::size_t declare_view(OpBuilder& builder, std::size_t least_inputs, std::size_t most_inputs) {
  builder.want_inputs(least_inputs, most_inputs);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  return dtype_size(builder.input(0).dtype);
}

std::unique_ptr<Op> make_reshape(OpBuilder& builder) {
  const std::size_t element = declare_view(builder, 2, 2);
  std::vector<std::int64_t> target = integers_of(builder.constant_input(1, "shape"));
  const bool zero_is_extent = builder.version() >= 14 && builder.integer("allowzero", 0) != 0;
  const auto negative = [](std::int64_t dim) { return dim < 0; };
  const auto valid = [](std::int64_t dim) { return dim >= -1; };
  if (std::count_if(target.begin(), target.end(), negative) > 1 || !std::all_of(target.begin(), target.end(), valid)) {
    fail(ARSENAL_INVALID_MODEL, "its shape operand has more than one -1, or a number below -1");
  }
  return std::make_unique<Reshape>(std::move(target), zero_is_extent, element);
}

std::unique_ptr<Op> make_flatten(OpBuilder& builder) {
  const std::size_t element = declare_view(builder, 1, 1);
  return std::make_unique<Flatten>(builder.integer("axis", 1), element);
}

std::unique_ptr<Op> make_squeeze(OpBuilder& builder) {
  const std::size_t element = declare_view(builder, 1, builder.version() >= 13 ? 2 : 1);
  bool given = false;
  std::vector<std::int64_t> axes = axes_of(builder, 13, given);
  if (!given && builder.input(0).shape.rank < 0) {
    fail(ARSENAL_UNSUPPORTED, "without axes the rank of its input must be known");
  }
  return std::make_unique<Squeeze>(std::move(axes), !given, element);
}

std::unique_ptr<Op> make_unsqueeze(OpBuilder& builder) {
  const std::size_t element = declare_view(builder, builder.version() >= 13 ? 2 : 1, builder.version() >= 13 ? 2 : 1);
  bool given = false;
  std::vector<std::int64_t> axes = axes_of(builder, 13, given);
  if (!given) fail(ARSENAL_INVALID_MODEL, "attribute 'axes' is missing");
  return std::make_unique<Unsqueeze>(std::move(axes), element);
}

constexpr OpEntry kEntries[] = {
    {"", "Reshape", 5, make_reshape},      {"", "Reshape", 13, make_reshape},     {"", "Reshape", 14, make_reshape},
    {"", "Reshape", 19, make_reshape},     {"", "Reshape", 21, make_reshape},     {"", "Reshape", 23, make_reshape},
    {"", "Reshape", 24, make_reshape},     {"", "Reshape", 25, make_reshape},     {"", "Flatten", 1, make_flatten},
    {"", "Flatten", 9, make_flatten},      {"", "Flatten", 11, make_flatten},     {"", "Flatten", 13, make_flatten},
    {"", "Flatten", 21, make_flatten},     {"", "Flatten", 23, make_flatten},     {"", "Flatten", 24, make_flatten},
    {"", "Flatten", 25, make_flatten},     {"", "Squeeze", 1, make_squeeze},      {"", "Squeeze", 11, make_squeeze},
    {"", "Squeeze", 13, make_squeeze},     {"", "Squeeze", 21, make_squeeze},     {"", "Squeeze", 23, make_squeeze},
    {"", "Squeeze", 24, make_squeeze},     {"", "Squeeze", 25, make_squeeze},     {"", "Unsqueeze", 1, make_unsqueeze},
    {"", "Unsqueeze", 11, make_unsqueeze}, {"", "Unsqueeze", 13, make_unsqueeze}, {"", "Unsqueeze", 21, make_unsqueeze},
    {"", "Unsqueeze", 23, make_unsqueeze}, {"", "Unsqueeze", 24, make_unsqueeze}, {"", "Unsqueeze", 25, make_unsqueeze},
    {"", "Shape", 1, make_shape_of},       {"", "Shape", 13, make_shape_of},      {"", "Shape", 15, make_shape_of},
    {"", "Shape", 19, make_shape_of},      {"", "Shape", 21, make_shape_of},      {"", "Shape", 23, make_shape_of},
    {"", "Shape", 24, make_shape_of},      {"", "Shape", 25, make_shape_of},      {"", "Size", 1, make_size_of},
    {"", "Size", 13, make_size_of},        {"", "Size", 19, make_size_of},        {"", "Size", 21, make_size_of},
    {"", "Size", 23, make_size_of},        {"", "Size", 24, make_size_of},        {"", "Size", 25, make_size_of},
};

}  // namespace

OpTable shape_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
