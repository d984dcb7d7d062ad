// Lists of dtypes as C++ types, and the choice of one of them at load.
#ifndef ARSENAL_SRC_OPS_DTYPES_H_
#define ARSENAL_SRC_OPS_DTYPES_H_

#include <cstdint>
#include <memory>

#include "plan/op.h"

namespace arsenal::runtime {

// bool as it lies in a tensor.
enum class Bool : std::uint8_t { kFalse = 0, kTrue = 1 };

constexpr Bool to_bool(bool value) noexcept { return value ? Bool::kTrue : Bool::kFalse; }

template <typename T>
constexpr std::int32_t kDtype = ARSENAL_UNDEFINED;
template <>
inline constexpr std::int32_t kDtype<float> = ARSENAL_FLOAT;
template <>
inline constexpr std::int32_t kDtype<double> = ARSENAL_DOUBLE;
template <>
inline constexpr std::int32_t kDtype<std::int8_t> = ARSENAL_INT8;
template <>
inline constexpr std::int32_t kDtype<std::int16_t> = ARSENAL_INT16;
template <>
inline constexpr std::int32_t kDtype<std::int32_t> = ARSENAL_INT32;
template <>
inline constexpr std::int32_t kDtype<std::int64_t> = ARSENAL_INT64;
template <>
inline constexpr std::int32_t kDtype<std::uint8_t> = ARSENAL_UINT8;
template <>
inline constexpr std::int32_t kDtype<std::uint16_t> = ARSENAL_UINT16;
template <>
inline constexpr std::int32_t kDtype<std::uint32_t> = ARSENAL_UINT32;
template <>
inline constexpr std::int32_t kDtype<std::uint64_t> = ARSENAL_UINT64;
template <>
inline constexpr std::int32_t kDtype<Bool> = ARSENAL_BOOL;
template <>
inline constexpr std::int32_t kDtype<arsenal_string> = ARSENAL_STRING;

template <typename... T>
struct Dtypes {};

using Reals = Dtypes<float, double>;
// What tables and converters are made of.
using Numbers = Dtypes<float, double, std::int32_t, std::int64_t, std::int8_t, std::uint8_t>;
using AllNumbers = Dtypes<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                          std::uint16_t, std::uint32_t, std::uint64_t>;

// make(T{}) for the T of the list that input `index` has; its result must convert to std::unique_ptr<Op>. Throws
// Failure, naming the list, if the input has another dtype.
template <typename Make, typename... T>
std::unique_ptr<Op> for_dtype_of(const OpBuilder& builder, std::size_t index, Dtypes<T...>, const Make& make) {
  builder.want_dtype(index, {kDtype<T>...});
  std::unique_ptr<Op> op;
  const std::int32_t dtype = builder.input(index).dtype;
  (void)((dtype == kDtype<T> && (op = make(T{}), true)) || ...);
  return op;
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_DTYPES_H_
