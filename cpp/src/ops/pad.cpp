// Pad.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ops/constants.h"
#include "ops/dtypes.h"
#include "ops/fill.h"
#include "plan/registry.h"
#include "plan/strided.h"

namespace arsenal::runtime {

namespace {

// How many elements an axis gets at either end; negative ones are taken away.
struct Margin {
  std::int64_t axis;
  std::int64_t before;
  std::int64_t after;
};

// What the new elements are: a constant, or what the old ones make when they are mirrored, continued or repeated.
enum class Filling { kConstant, kReflect, kEdge, kWrap };

// Room for an element of any dtype.
struct Element {
  alignas(8) char bytes[sizeof(arsenal_string)];
};

// Which of `count` elements is seen `offset` places after the first one; -1: none of them.
std::int64_t seen(Filling filling, std::int64_t offset, std::int64_t count) noexcept {
  if (offset >= 0 && offset < count) return offset;
  const auto modulo = [=](std::int64_t period) { return (offset % period + period) % period; };
  switch (filling) {
    case Filling::kEdge:
      return offset < 0 ? 0 : count - 1;
    case Filling::kWrap:
      return modulo(count);
    case Filling::kReflect: {
      if (count == 1) return 0;
      const std::int64_t place = modulo(2 * (count - 1));
      return place < count ? place : 2 * (count - 1) - place;
    }
    default:
      return -1;
  }
}

struct Padding {
  std::vector<Margin> margins;
  // Whether the margins are those of all axes, in order.
  bool all_axes;
  Filling filling;
  // The constant, if it is no operand.
  Element value;
  bool value_is_input;
};

class Pad final : public Op {
 public:
  Pad(Padding padding, std::size_t element) : padding_(std::move(padding)), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape to = in[0].shape;
    if (padding_.all_axes && padding_.margins.size() != static_cast<std::size_t>(to.rank)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "pads is for %zu axes, the input has shape %s", padding_.margins.size(),
                       ShapeText(to).text);
    }
    bool padded[ARSENAL_MAX_RANK] = {};
    for (const Margin& margin : padding_.margins) {
      std::int32_t axis;
      if (!resolve_axis(margin.axis, to.rank, axis) || padded[axis]) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld of shape %s does not exist or is named twice",
                         static_cast<long long>(margin.axis), ShapeText(in[0].shape).text);
      }
      padded[axis] = true;
      if (to.dims[axis] >= 0 && !pad(margin, to.dims[axis])) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %d of shape %s cannot be padded by %lld and %lld",
                         static_cast<int>(axis), ShapeText(in[0].shape).text, static_cast<long long>(margin.before),
                         static_cast<long long>(margin.after));
      }
    }
    if (padding_.value_is_input && element_count(in[2].shape) != 1 && element_count(in[2].shape) != -1) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "constant_value has shape %s, wanted a scalar",
                       ShapeText(in[2].shape).text);
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    const auto pads_rows = [&](const Margin& margin) {
      std::int32_t axis;
      return !resolve_axis(margin.axis, inputs[0].shape.rank, axis) ||
             (axis == 0 && (margin.before != 0 || margin.after != 0));
    };
    return inputs[0].has_rows && !(padding_.value_is_input && inputs[2].has_rows) &&
           std::none_of(padding_.margins.begin(), padding_.margins.end(), pads_rows);
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const Shape& from = in[0].shape;
    if (element_count(out[0].shape) == 0) return true;
    std::int64_t from_strides[ARSENAL_MAX_RANK], to_strides[ARSENAL_MAX_RANK];
    contiguous_strides(from, element_, from_strides);
    contiguous_strides(out[0].shape, element_, to_strides);
    Axis axes[ARSENAL_MAX_RANK];
    for (std::int32_t d = 0; d < from.rank; ++d) {
      axes[d] = {0, from.dims[d], 0, out[0].shape.dims[d], from_strides[d], to_strides[d]};
    }
    // Axes behind the last one that is padded are copied whole.
    std::int32_t n_axes = 0;
    for (const Margin& margin : padding_.margins) {
      std::int32_t d;
      resolve_axis(margin.axis, from.rank, d);
      if (margin.before != 0 || margin.after != 0) n_axes = std::max(n_axes, d + 1);
      axes[d].first = removed(margin.before);
      axes[d].kept -= removed(margin.before) + removed(margin.after);
      axes[d].before = std::max<std::int64_t>(margin.before, 0);
    }
    const char* value = padding_.value_is_input ? in[2].as<char>() : padding_.value.bytes;
    const std::size_t whole = static_cast<std::size_t>(element_count(from, n_axes)) * element_;
    fill(axes, axes + n_axes, whole, value, in[0].as<char>(), out[0].mutable_as<char>());
    return true;
  }

 private:
  // An axis of a run: `kept` of the old elements, from `first` on, lie `before` places into `extent` new ones.
  struct Axis {
    std::int64_t first;
    std::int64_t kept;
    std::int64_t before;
    std::int64_t extent;
    std::int64_t from_stride;
    std::int64_t to_stride;
  };

  static std::int64_t removed(std::int64_t margin) noexcept { return margin < 0 ? -margin : 0; }

  // False if more is taken away than there is, or if there is nothing that could be seen in the new elements.
  bool pad(const Margin& margin, std::int64_t& extent) const noexcept {
    const std::int64_t kept = extent - removed(margin.before) - removed(margin.after);
    if (kept < 0) return false;
    extent = kept + std::max<std::int64_t>(margin.before, 0) + std::max<std::int64_t>(margin.after, 0);
    return kept > 0 || extent == 0 || padding_.filling == Filling::kConstant;
  }

  // Writes the axes from `axis` to `end`, within which `whole` bytes at a time are copied.
  void fill(const Axis* axis, const Axis* end, std::size_t whole, const char* value, const char* from,
            char* to) const noexcept {
    if (axis == end) {
      std::memcpy(to, from, whole);
      return;
    }
    for (std::int64_t i = 0; i < axis->extent; ++i, to += axis->to_stride) {
      const std::int64_t place = seen(padding_.filling, i - axis->before, axis->kept);
      if (place < 0) {
        fill_elements(to, axis->to_stride / static_cast<std::int64_t>(element_), value, element_);
      } else {
        fill(axis + 1, end, whole, value, from + (axis->first + place) * axis->from_stride, to);
      }
    }
  }

  Padding padding_;
  std::size_t element_;
};

Filling filling_of(OpBuilder& builder) {
  const std::string_view mode = builder.string("mode", "constant");
  if (mode == "constant") return Filling::kConstant;
  if (mode == "reflect") return Filling::kReflect;
  if (mode == "edge") return Filling::kEdge;
  if (mode == "wrap" && builder.version() >= 19) return Filling::kWrap;
  fail(ARSENAL_INVALID_MODEL,
       "attribute 'mode' is %s, wanted 'constant', 'reflect', 'edge' or, from version 19, 'wrap'",
       quoted(mode).c_str());
}

// The value of new elements that no operand gives: 0, "", or, up to version 10, an attribute.
Element value_of(OpBuilder& builder) {
  Element element{};
  const auto set = [&](auto value) { std::memcpy(element.bytes, &value, sizeof(value)); };
  if (builder.input(0).dtype == ARSENAL_STRING) set(arsenal_string{"", 0});
  if (builder.version() >= 11) return element;
  const float value = builder.real("value", 0);
  builder.input(0).dtype == ARSENAL_FLOAT ? set(value) : set(static_cast<double>(value));
  return element;
}

// Far beyond any tensor, and so that sums of a few do not overflow.
constexpr std::int64_t kMostPad = std::int64_t{1} << 60;

// `axes` is nullptr where the margins are those of all axes.
std::vector<Margin> margins_of(const std::vector<std::int64_t>& pads, const std::vector<std::int64_t>* axes) {
  const std::size_t count = axes == nullptr ? pads.size() / 2 : axes->size();
  if (pads.size() != 2 * count) {
    fail(ARSENAL_INVALID_MODEL, "pads has %zu entries, wanted two for each of %zu axes", pads.size(), count);
  }
  std::vector<Margin> margins;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::int64_t pad : {pads[i], pads[i + count]}) {
      if (pad < -kMostPad || pad > kMostPad) {
        fail(ARSENAL_INVALID_MODEL, "pads has the entry %lld", static_cast<long long>(pad));
      }
    }
    margins.push_back({axes == nullptr ? static_cast<std::int64_t>(i) : (*axes)[i], pads[i], pads[i + count]});
  }
  return margins;
}

std::unique_ptr<Op> make_pad(OpBuilder& builder) {
  const bool has_inputs = builder.version() >= 11;
  builder.want_inputs(has_inputs ? 2 : 1, builder.version() >= 18 ? 4 : has_inputs ? 3 : 1);
  builder.want_outputs(1, 1);
  const std::int32_t dtype = builder.input(0).dtype;
  if (!has_inputs) builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE});
  builder.add_output(dtype);
  Padding padding{{}, !builder.has_input(3), filling_of(builder), value_of(builder), builder.has_input(2)};
  if (padding.value_is_input) builder.want_dtype(2, {dtype});
  if (!has_inputs) {
    padding.margins = margins_of(builder.integers("pads"), nullptr);
    return std::make_unique<Pad>(std::move(padding), dtype_size(dtype));
  }
  const Constant& constant = builder.constant_input(1, "pads");
  if (constant.dtype() != ARSENAL_INT64) fail(ARSENAL_INVALID_MODEL, "input 1 (pads) is no list of int64");
  const std::vector<std::int64_t> pads(constant.as<std::int64_t>(), constant.as<std::int64_t>() + constant.size());
  std::vector<std::int64_t> axes;
  if (!padding.all_axes) axes = integers_of(builder.constant_input(3, "axes"));
  padding.margins = margins_of(pads, padding.all_axes ? nullptr : &axes);
  return std::make_unique<Pad>(std::move(padding), dtype_size(dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Pad", 2, make_pad},  {"", "Pad", 11, make_pad}, {"", "Pad", 13, make_pad},
    {"", "Pad", 18, make_pad}, {"", "Pad", 19, make_pad}, {"", "Pad", 21, make_pad},
    {"", "Pad", 23, make_pad}, {"", "Pad", 24, make_pad}, {"", "Pad", 25, make_pad},
};

}  // namespace

OpTable pad_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
