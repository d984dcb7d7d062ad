// Greater, Less, Where.
#include <cstdint>
#include <functional>

#include "ops/broadcast.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T, typename Compare>
class Comparison final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    if (broadcast_shapes(in[0].shape, in[1].shape, out[0].shape)) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s and %s cannot be broadcast", ShapeText(in[0].shape).text,
                     ShapeText(in[1].shape).text);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return broadcast_keeps_rows(inputs); }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const T* a = in[0].as<T>();
    const T* b = in[1].as<T>();
    auto* result = out[0].mutable_as<std::uint8_t>();
    const Broadcast<2> loop(out[0].shape, {&in[0].shape, &in[1].shape});
    return loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
      for (std::int64_t i = 0; i < count; ++i) {
        result[position + i] = Compare()(a[offsets[0] + i * strides[0]], b[offsets[1] + i * strides[1]]);
      }
      return true;
    });
  }
};

template <template <typename> typename Compare>
std::unique_ptr<Op> make_comparison(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  const std::int32_t dtype = builder.input(0).dtype;
  if (builder.version() < 9) {
    builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE});
  } else {
    builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE, ARSENAL_INT32, ARSENAL_INT64});
  }
  builder.want_dtype(1, {dtype});
  builder.add_output(ARSENAL_BOOL);
  switch (dtype) {
    case ARSENAL_FLOAT:
      return std::make_unique<Comparison<float, Compare<float>>>();
    case ARSENAL_DOUBLE:
      return std::make_unique<Comparison<double, Compare<double>>>();
    case ARSENAL_INT32:
      return std::make_unique<Comparison<std::int32_t, Compare<std::int32_t>>>();
    default:
      return std::make_unique<Comparison<std::int64_t, Compare<std::int64_t>>>();
  }
}

// Elements are moved, not computed with, so only their size matters.
template <typename T>
class Where final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape choices;
    if (broadcast_shapes(in[1].shape, in[2].shape, choices) && broadcast_shapes(in[0].shape, choices, out[0].shape)) {
      return true;
    }
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s, %s and %s cannot be broadcast", ShapeText(in[0].shape).text,
                     ShapeText(in[1].shape).text, ShapeText(in[2].shape).text);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return broadcast_keeps_rows(inputs); }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const auto* condition = in[0].as<std::uint8_t>();
    const T* yes = in[1].as<T>();
    const T* no = in[2].as<T>();
    T* result = out[0].mutable_as<T>();
    const Broadcast<3> loop(out[0].shape, {&in[0].shape, &in[1].shape, &in[2].shape});
    return loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
      for (std::int64_t i = 0; i < count; ++i) {
        result[position + i] = condition[offsets[0] + i * strides[0]] != 0 ? yes[offsets[1] + i * strides[1]]
                                                                           : no[offsets[2] + i * strides[2]];
      }
      return true;
    });
  }
};

std::unique_ptr<Op> make_where(OpBuilder& builder) {
  builder.want_inputs(3, 3);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_BOOL});
  const std::int32_t dtype = builder.input(1).dtype;
  builder.want_dtype(2, {dtype});
  builder.add_output(dtype);
  switch (dtype_size(dtype)) {
    case 1:
      return std::make_unique<Where<std::uint8_t>>();
    case 2:
      return std::make_unique<Where<std::uint16_t>>();
    case 4:
      return std::make_unique<Where<std::uint32_t>>();
    case 8:
      return std::make_unique<Where<std::uint64_t>>();
    default:
      return std::make_unique<Where<arsenal_string>>();
  }
}

constexpr OpEntry kEntries[] = {
    {"", "Greater", 7, make_comparison<std::greater>},
    {"", "Greater", 9, make_comparison<std::greater>},
    {"", "Greater", 13, make_comparison<std::greater>},
    {"", "Less", 7, make_comparison<std::less>},
    {"", "Less", 9, make_comparison<std::less>},
    {"", "Less", 13, make_comparison<std::less>},
    {"", "Where", 9, make_where},
    {"", "Where", 16, make_where},
};

}  // namespace

OpTable compare_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
