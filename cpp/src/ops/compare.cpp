// Equal, Greater, Less, GreaterOrEqual, LessOrEqual, And, Or, Xor, Where.
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>

#include "ops/binary.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// The comparison `Compare` of two elements of one dtype.
template <template <typename> typename Compare>
struct Comparison : Total {
  template <typename T>
  static bool apply(const T& a, const T& b, Bool& result) noexcept {
    result = to_bool(Compare<T>()(a, b));
    return true;
  }
};

// Equality, of strings too.
struct Equality : Total {
  template <typename T>
  static bool apply(const T& a, const T& b, Bool& result) noexcept {
    if constexpr (std::is_same_v<T, arsenal_string>) {
      result = to_bool(a.size == b.size && (a.size == 0 || std::memcmp(a.data, b.data, a.size) == 0));
    } else if constexpr (std::is_same_v<T, Bool>) {
      // Any byte but 0 is true.
      result = to_bool((a == Bool::kFalse) == (b == Bool::kFalse));
    } else {
      result = to_bool(a == b);
    }
    return true;
  }
};

// `Logic` on the truth of two elements.
template <template <typename> typename Logic>
struct Connective : Total {
  static bool apply(Bool a, Bool b, Bool& result) noexcept {
    result = to_bool(Logic<bool>()(a != Bool::kFalse, b != Bool::kFalse));
    return true;
  }
};

template <typename Function, typename Dtypes>
std::unique_ptr<Op> make_truth(OpBuilder& builder, Dtypes dtypes) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(ARSENAL_BOOL);
  return for_dtype_of(builder, 0, dtypes, [](auto zero) {
    using T = decltype(zero);
    return std::make_unique<Binary<T, T, Bool, Function>>();
  });
}

template <template <typename> typename Compare>
std::unique_ptr<Op> make_comparison(OpBuilder& builder) {
  if (builder.version() < 9) return make_truth<Comparison<Compare>>(builder, Reals());
  return make_truth<Comparison<Compare>>(builder, Numbers());
}

std::unique_ptr<Op> make_equal(OpBuilder& builder) {
  using Plain = Dtypes<float, double, std::int32_t, std::int64_t, std::int8_t, std::uint8_t, Bool>;
  using WithStrings =
      Dtypes<float, double, std::int32_t, std::int64_t, std::int8_t, std::uint8_t, Bool, arsenal_string>;
  if (builder.version() < 19) return make_truth<Equality>(builder, Plain());
  return make_truth<Equality>(builder, WithStrings());
}

template <template <typename> typename Logic>
std::unique_ptr<Op> make_connective(OpBuilder& builder) {
  return make_truth<Connective<Logic>>(builder, Dtypes<Bool>());
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
    {"", "Equal", 7, make_equal},
    {"", "Equal", 11, make_equal},
    {"", "Equal", 13, make_equal},
    {"", "Equal", 19, make_equal},
    {"", "Greater", 7, make_comparison<std::greater>},
    {"", "Greater", 9, make_comparison<std::greater>},
    {"", "Greater", 13, make_comparison<std::greater>},
    {"", "Less", 7, make_comparison<std::less>},
    {"", "Less", 9, make_comparison<std::less>},
    {"", "Less", 13, make_comparison<std::less>},
    {"", "GreaterOrEqual", 12, make_comparison<std::greater_equal>},
    {"", "GreaterOrEqual", 16, make_comparison<std::greater_equal>},
    {"", "LessOrEqual", 12, make_comparison<std::less_equal>},
    {"", "LessOrEqual", 16, make_comparison<std::less_equal>},
    {"", "And", 7, make_connective<std::logical_and>},
    {"", "Or", 7, make_connective<std::logical_or>},
    {"", "Xor", 7, make_connective<std::not_equal_to>},
    {"", "Where", 9, make_where},
    {"", "Where", 16, make_where},
};

}  // namespace

OpTable compare_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
