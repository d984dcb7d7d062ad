// Cast and CastLike between numbers and bool.
#include <cstdint>
#include <type_traits>

#include "ops/dtypes.h"
#include "ops/truncate.h"
#include "ops/view.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename To, typename From>
To converted(From x) noexcept {
  if constexpr (std::is_same_v<From, Bool>) {
    return converted<To>(static_cast<std::uint8_t>(x != Bool::kFalse));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return x != From{0} ? Bool::kTrue : Bool::kFalse;
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncated<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

using Convert = void (*)(const void* from, std::int64_t count, void* to) noexcept;

template <typename From, typename To>
void convert(const void* from, std::int64_t count, void* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    static_cast<To*>(to)[i] = converted<To>(static_cast<const From*>(from)[i]);
  }
}

class Cast final : public Op {
 public:
  explicit Cast(Convert convert) : convert_(convert) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    convert_(in[0].data, element_count(in[0].shape), out[0].data);
    return true;
  }

 private:
  Convert convert_;
};

// Calls make(T{}) with the C++ type of a number or bool; returns nullptr for any other dtype.
template <typename Make>
Convert for_dtype(std::int64_t dtype, const Make& make) {
  switch (dtype) {
    case ARSENAL_FLOAT:
      return make(float{});
    case ARSENAL_DOUBLE:
      return make(double{});
    case ARSENAL_INT8:
      return make(std::int8_t{});
    case ARSENAL_INT16:
      return make(std::int16_t{});
    case ARSENAL_INT32:
      return make(std::int32_t{});
    case ARSENAL_INT64:
      return make(std::int64_t{});
    case ARSENAL_UINT8:
      return make(std::uint8_t{});
    case ARSENAL_UINT16:
      return make(std::uint16_t{});
    case ARSENAL_UINT32:
      return make(std::uint32_t{});
    case ARSENAL_UINT64:
      return make(std::uint64_t{});
    case ARSENAL_BOOL:
      return make(Bool{});
    default:
      return nullptr;
  }
}

std::unique_ptr<Op> make_for(OpBuilder& builder, std::int64_t to) {
  builder.want_outputs(1, 1);
  // Both concern 8-bit floats alone.
  builder.ignore("saturate");
  builder.ignore("round_mode");
  const std::int32_t from = builder.input(0).dtype;
  if (to == from) {
    builder.add_output(from);
    return std::make_unique<IdentityOp>(dtype_size(from));
  }
  const Convert conversion = for_dtype(from, [&](auto source) {
    return for_dtype(to, [](auto target) -> Convert { return convert<decltype(source), decltype(target)>; });
  });
  if (conversion == nullptr) {
    fail(ARSENAL_UNSUPPORTED, "a cast from %s to %s is not supported", dtype_name(from),
         to >= 0 && to <= ARSENAL_UINT64 ? dtype_name(static_cast<std::int32_t>(to)) : "another type");
  }
  builder.add_output(static_cast<std::int32_t>(to));
  return std::make_unique<Cast>(conversion);
}

std::unique_ptr<Op> make_cast(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  return make_for(builder, builder.required_integer("to"));
}

std::unique_ptr<Op> make_cast_like(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  const std::int32_t to = builder.input(1).dtype;
  builder.keep_inputs(1);
  return make_for(builder, to);
}

constexpr OpEntry kEntries[] = {
    {"", "Cast", 6, make_cast},           {"", "Cast", 9, make_cast},           {"", "Cast", 13, make_cast},
    {"", "Cast", 19, make_cast},          {"", "Cast", 21, make_cast},          {"", "Cast", 23, make_cast},
    {"", "Cast", 24, make_cast},          {"", "Cast", 25, make_cast},          {"", "Cast", 28, make_cast},
    {"", "CastLike", 15, make_cast_like}, {"", "CastLike", 19, make_cast_like}, {"", "CastLike", 21, make_cast_like},
    {"", "CastLike", 23, make_cast_like}, {"", "CastLike", 24, make_cast_like}, {"", "CastLike", 25, make_cast_like},
};

}  // namespace

OpTable cast_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
