// Gather and GatherElements.
#include <cstdint>
#include <cstring>

#include "ops/place.h"
#include "plan/registry.h"
#include "plan/strided.h"

namespace arsenal::runtime {

namespace {

template <typename Index>
class Gather final : public Op {
 public:
  Gather(std::int64_t axis, std::size_t element) : axis_(axis), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    std::int32_t axis;
    if (!resolve_axis(axis_, data.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(data).text);
    }
    if (data.rank - 1 + indices.rank > ARSENAL_MAX_RANK) {
      return issue.set(ARSENAL_UNSUPPORTED, "the result has rank %d, supported is up to %d",
                       static_cast<int>(data.rank - 1 + indices.rank), ARSENAL_MAX_RANK);
    }
    Shape result{0, {}};
    for (std::int32_t d = 0; d < axis; ++d) result.dims[result.rank++] = data.dims[d];
    for (std::int32_t d = 0; d < indices.rank; ++d) result.dims[result.rank++] = indices.dims[d];
    for (std::int32_t d = axis + 1; d < data.rank; ++d) result.dims[result.rank++] = data.dims[d];
    out[0].shape = result;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    if (!resolve_axis(axis_, inputs[0].shape.rank, axis)) return false;
    // Either rows are looked up in a table, or each row is looked into.
    return axis == 0 ? !inputs[0].has_rows : !inputs[1].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    // An empty result may have huge extents.
    if (element_count(out[0].shape) == 0) return true;
    const Shape& data = in[0].shape;
    std::int32_t axis;
    resolve_axis(axis_, data.rank, axis);
    std::int64_t outer = 1;
    for (std::int32_t d = 0; d < axis; ++d) outer *= data.dims[d];
    const std::int64_t extent = data.dims[axis];
    const std::size_t chunk = static_cast<std::size_t>(element_count(data, axis + 1)) * element_;
    const std::int64_t count = element_count(in[1].shape);
    const char* from = in[0].as<char>();
    char* to = out[0].mutable_as<char>();
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t index;
        if (!find_place(in[1].template as<Index>()[i], extent, index, issue)) return false;
        if (chunk != 0) std::memcpy(to, from + static_cast<std::size_t>(index) * chunk, chunk);
        to += chunk;
      }
      from += static_cast<std::size_t>(extent) * chunk;
    }
    return true;
  }

 private:
  std::int64_t axis_;
  std::size_t element_;
};

// result[i][j][k] = data[i][indices[i][j][k]][k], for axis 1.
template <typename Index>
class GatherElements final : public Op {
 public:
  GatherElements(std::int64_t axis, std::size_t element) : axis_(axis), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    std::int32_t axis;
    bool fits = resolve_axis(axis_, data.rank, axis) && indices.rank == data.rank;
    for (std::int32_t d = 0; fits && d < data.rank; ++d) {
      fits = d == axis || data.dims[d] < 0 || indices.dims[d] <= data.dims[d];
    }
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "indices of shape %s do not fit data of shape %s along axis %lld",
                       ShapeText(indices).text, ShapeText(data).text, static_cast<long long>(axis_));
    }
    out[0].shape = indices;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0 && inputs[0].has_rows && inputs[1].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    std::int32_t axis;
    resolve_axis(axis_, data.rank, axis);
    const std::int64_t count = element_count(indices);
    std::int64_t strides[ARSENAL_MAX_RANK];
    contiguous_strides(data, element_, strides);
    std::int64_t index[ARSENAL_MAX_RANK] = {};
    char* to = out[0].mutable_as<char>();
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t place;
      if (!find_place(in[1].template as<Index>()[i], data.dims[axis], place, issue)) return false;
      const char* from = in[0].as<char>() + place * strides[axis];
      for (std::int32_t d = 0; d < data.rank; ++d) from += d == axis ? 0 : index[d] * strides[d];
      std::memcpy(to, from, element_);
      to += element_;
      for (std::int32_t d = data.rank - 1; d >= 0 && ++index[d] == indices.dims[d]; --d) index[d] = 0;
    }
    return true;
  }

 private:
  std::int64_t axis_;
  std::size_t element_;
};

template <template <typename> typename Form>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_INT32, ARSENAL_INT64});
  const std::int64_t axis = builder.integer("axis", 0);
  const std::size_t element = dtype_size(builder.input(0).dtype);
  builder.add_output(builder.input(0).dtype);
  if (builder.input(1).dtype == ARSENAL_INT32) return std::make_unique<Form<std::int32_t>>(axis, element);
  return std::make_unique<Form<std::int64_t>>(axis, element);
}

constexpr OpEntry kEntries[] = {
    {"", "Gather", 1, make<Gather>},
    {"", "Gather", 11, make<Gather>},
    {"", "Gather", 13, make<Gather>},
    {"", "GatherElements", 11, make<GatherElements>},
    {"", "GatherElements", 13, make<GatherElements>},
};

}  // namespace

OpTable gather_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
