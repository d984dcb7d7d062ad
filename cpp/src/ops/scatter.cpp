// ScatterElements: a copy of the data in which indices name the elements to update.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/dtypes.h"
#include "ops/place.h"
#include "plan/registry.h"
#include "plan/strided.h"

namespace arsenal::runtime {

namespace {

struct Replace {
  template <typename T>
  static T apply(T, T update) noexcept {
    return update;
  }
};

// Integers wrap around, whatever their width.
struct Add {
  template <typename T>
  static T apply(T element, T update) noexcept {
    if constexpr (std::is_floating_point_v<T>) return element + update;
    return static_cast<T>(static_cast<std::uint64_t>(element) + static_cast<std::uint64_t>(update));
  }
};

struct Multiply {
  template <typename T>
  static T apply(T element, T update) noexcept {
    if constexpr (std::is_floating_point_v<T>) return element * update;
    return static_cast<T>(static_cast<std::uint64_t>(element) * static_cast<std::uint64_t>(update));
  }
};

struct Least {
  template <typename T>
  static T apply(T element, T update) noexcept {
    return update < element ? update : element;
  }
};

struct Greatest {
  template <typename T>
  static T apply(T element, T update) noexcept {
    return update > element ? update : element;
  }
};

// result[i][indices[i][j]] takes updates[i][j], for axis 1; in the order of the updates.
template <typename T, typename Index, typename Reduction>
class ScatterElements final : public Op {
 public:
  explicit ScatterElements(std::int64_t axis) : axis_(axis) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    const Shape& updates = in[2].shape;
    std::int32_t axis;
    bool fits = resolve_axis(axis_, data.rank, axis) && indices.rank == data.rank && updates.rank == data.rank;
    for (std::int32_t d = 0; fits && d < data.rank; ++d) {
      fits = (d == axis || data.dims[d] < 0 || indices.dims[d] <= data.dims[d]) &&
             (indices.dims[d] < 0 || updates.dims[d] < 0 || indices.dims[d] == updates.dims[d]);
    }
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH,
                       "indices of shape %s and updates of shape %s do not fit data of shape %s along axis %lld",
                       ShapeText(indices).text, ShapeText(updates).text, ShapeText(data).text,
                       static_cast<long long>(axis_));
    }
    out[0].shape = data;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0 && inputs[0].has_rows && inputs[1].has_rows &&
           inputs[2].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    std::int32_t axis;
    resolve_axis(axis_, data.rank, axis);
    T* const to = out[0].mutable_as<T>();
    const std::int64_t size = element_count(data);
    if (size > 0) std::memcpy(to, in[0].data, static_cast<std::size_t>(size) * sizeof(T));
    const std::int64_t count = element_count(indices);
    std::int64_t strides[ARSENAL_MAX_RANK];
    contiguous_strides(data, 1, strides);
    std::int64_t index[ARSENAL_MAX_RANK] = {};
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t place;
      if (!find_place(in[1].as<Index>()[i], data.dims[axis], place, issue)) return false;
      std::int64_t position = place * strides[axis];
      for (std::int32_t d = 0; d < data.rank; ++d) position += d == axis ? 0 : index[d] * strides[d];
      to[position] = Reduction::apply(to[position], in[2].as<T>()[i]);
      for (std::int32_t d = data.rank - 1; d >= 0 && ++index[d] == indices.dims[d]; --d) index[d] = 0;
    }
    return true;
  }

 private:
  std::int64_t axis_;
};

template <typename Reduction, typename T>
std::unique_ptr<Op> with_index(const OpBuilder& builder, std::int64_t axis) {
  if (builder.input(1).dtype == ARSENAL_INT32) {
    return std::make_unique<ScatterElements<T, std::int32_t, Reduction>>(axis);
  }
  return std::make_unique<ScatterElements<T, std::int64_t, Reduction>>(axis);
}

template <typename Reduction, typename List>
std::unique_ptr<Op> with_dtype(const OpBuilder& builder, List list, std::int64_t axis) {
  return for_dtype_of(builder, 0, list,
                      [&](auto zero) { return with_index<Reduction, decltype(zero)>(builder, axis); });
}

// What is not reduced is only copied: its width is all that matters.
std::unique_ptr<Op> replacing(const OpBuilder& builder, std::int64_t axis) {
  switch (dtype_size(builder.input(0).dtype)) {
    case 1:
      return with_index<Replace, std::uint8_t>(builder, axis);
    case 2:
      return with_index<Replace, std::uint16_t>(builder, axis);
    case 4:
      return with_index<Replace, std::uint32_t>(builder, axis);
    case 8:
      return with_index<Replace, std::uint64_t>(builder, axis);
    default:
      return with_index<Replace, arsenal_string>(builder, axis);
  }
}

std::unique_ptr<Op> make_scatter_elements(OpBuilder& builder) {
  builder.want_inputs(3, 3);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_INT32, ARSENAL_INT64});
  builder.want_dtype(2, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  const std::int64_t axis = builder.integer("axis", 0);
  const std::string_view reduction = builder.version() < 16 ? "none" : builder.string("reduction", "none");
  if (reduction == "none") return replacing(builder, axis);
  if (reduction == "add") return with_dtype<Add>(builder, Numbers(), axis);
  if (reduction == "mul") return with_dtype<Multiply>(builder, Numbers(), axis);
  if (reduction == "min" && builder.version() >= 18) return with_dtype<Least>(builder, Numbers(), axis);
  if (reduction == "max" && builder.version() >= 18) return with_dtype<Greatest>(builder, Numbers(), axis);
  fail(ARSENAL_INVALID_MODEL, "attribute 'reduction' is %s, wanted none, add, mul%s", quoted(reduction).c_str(),
       builder.version() < 18 ? "" : ", min or max");
}

constexpr OpEntry kEntries[] = {
    {"", "ScatterElements", 11, make_scatter_elements},
    {"", "ScatterElements", 13, make_scatter_elements},
    {"", "ScatterElements", 16, make_scatter_elements},
    {"", "ScatterElements", 18, make_scatter_elements},
};

}  // namespace

OpTable scatter_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
