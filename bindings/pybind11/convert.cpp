#include "convert.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "arsenal/runtime.h"

namespace arsenal::python {
namespace {

/// IEEE 754 binary16, which C++17 has no type for.
struct Half {
  std::uint16_t bits;
};

/// A boolean byte; anything but 0 is true.
struct Bool {
  std::uint8_t byte;
};

double widen(Half half) {
  const int exponent = (half.bits >> 10) & 31;
  const int fraction = half.bits & 1023;
  double magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  } else {
    magnitude = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
  }
  return half.bits >> 15 ? -magnitude : magnitude;
}

/// Whether an integer has at most as many significant bits as the float type.
template <typename Float, typename Integer>
bool fits_mantissa(Integer value) {
  using Unsigned = std::make_unsigned_t<Integer>;
  if constexpr (std::numeric_limits<Unsigned>::digits <= std::numeric_limits<Float>::digits) {
    return true;
  } else {
    // 0 − u is well defined for the most negative number too.
    Unsigned magnitude = static_cast<Unsigned>(value);
    if (value < 0) magnitude = static_cast<Unsigned>(0 - magnitude);
    const std::uint64_t wide = magnitude;
    return wide >> std::numeric_limits<Float>::digits == 0 ||
           wide >> __builtin_ctzll(wide) >> std::numeric_limits<Float>::digits == 0;
  }
}

/// Whether an integer lies in the range of another integer type.
template <typename To, typename From>
bool fits_integer(From value) {
  if constexpr (std::is_signed_v<From> && std::is_unsigned_v<To>) {
    return value >= 0 && static_cast<std::make_unsigned_t<From>>(value) <= std::numeric_limits<To>::max();
  } else if constexpr (std::is_unsigned_v<From> && std::is_signed_v<To>) {
    return value <= static_cast<std::make_unsigned_t<To>>(std::numeric_limits<To>::max());
  } else {
    return value >= std::numeric_limits<To>::min() && value <= std::numeric_limits<To>::max();
  }
}

template <typename From, typename To>
bool exact(From value, To& out) {
  if constexpr (std::is_same_v<From, To>) {
    out = value;
    return true;
  } else if constexpr (std::is_same_v<From, Half>) {
    return exact(widen(value), out);
  } else if constexpr (std::is_same_v<From, Bool>) {
    out = static_cast<To>(value.byte != 0);
    return true;
  } else if constexpr (std::is_same_v<To, Bool>) {
    out.byte = value == From(1);
    return value == From(0) || value == From(1);
  } else if constexpr (std::is_floating_point_v<From> && std::is_floating_point_v<To>) {
    out = static_cast<To>(value);
    return static_cast<From>(out) == value || value != value;
  } else if constexpr (std::is_floating_point_v<From>) {
    // 2^digits is the first number beyond the type and a float itself, unlike its maximum.
    const From beyond = static_cast<From>(std::ldexp(From(1), std::numeric_limits<To>::digits));
    const From lowest = std::is_signed_v<To> ? -beyond : From(0);
    if (!(value >= lowest && value < beyond)) return false;
    out = static_cast<To>(value);
    return static_cast<From>(out) == value;
  } else if constexpr (std::is_floating_point_v<To>) {
    out = static_cast<To>(value);
    return fits_mantissa<To>(value);
  } else {
    out = static_cast<To>(value);
    return fits_integer<To>(value);
  }
}

template <typename From, typename To>
std::size_t convert_strided(const std::byte* in, std::int64_t in_stride, std::byte* out, std::int64_t out_stride,
                            std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    From value;
    To converted{};
    std::memcpy(&value, in + static_cast<std::int64_t>(i) * in_stride, sizeof(From));
    if (!exact(value, converted)) return i;
    std::memcpy(out + static_cast<std::int64_t>(i) * out_stride, &converted, sizeof(To));
  }
  return n;
}

template <typename From, typename To>
std::size_t convert(const std::byte* in, std::int64_t in_stride, std::byte* out, std::int64_t out_stride,
                    std::size_t n) {
  // Strides that the compiler knows make the loop a vector loop.
  if (in_stride == sizeof(From) && out_stride == sizeof(To)) {
    return convert_strided<From, To>(in, sizeof(From), out, sizeof(To), n);
  }
  return convert_strided<From, To>(in, in_stride, out, out_stride, n);
}

/// Calls `use` with a value of the C++ type of `dtype`; returns a value-initialised result for other dtypes.
template <typename Use>
auto with_type(std::int32_t dtype, Use use) -> decltype(use(float{})) {
  switch (dtype) {
    case ARSENAL_FLOAT:
      return use(float{});
    case ARSENAL_DOUBLE:
      return use(double{});
    case ARSENAL_FLOAT16:
      return use(Half{});
    case ARSENAL_BOOL:
      return use(Bool{});
    case ARSENAL_INT8:
      return use(std::int8_t{});
    case ARSENAL_INT16:
      return use(std::int16_t{});
    case ARSENAL_INT32:
      return use(std::int32_t{});
    case ARSENAL_INT64:
      return use(std::int64_t{});
    case ARSENAL_UINT8:
      return use(std::uint8_t{});
    case ARSENAL_UINT16:
      return use(std::uint16_t{});
    case ARSENAL_UINT32:
      return use(std::uint32_t{});
    case ARSENAL_UINT64:
      return use(std::uint64_t{});
    default:
      return {};
  }
}

}  // namespace

Converter exact_converter(std::int32_t from, std::int32_t to) {
  return with_type(from, [to](auto source) -> Converter {
    return with_type(to, [](auto target) -> Converter {
      using From = decltype(source);
      using To = decltype(target);
      if constexpr (std::is_same_v<To, Half> && !std::is_same_v<From, Half>) {
        return nullptr;
      } else {
        return convert<From, To>;
      }
    });
  });
}

std::string number_text(const std::byte* value, std::int32_t dtype) {
  return with_type(dtype, [value](auto number) -> std::string {
    using Number = decltype(number);
    std::memcpy(&number, value, sizeof(Number));
    char text[64];
    std::to_chars_result end{};
    if constexpr (std::is_same_v<Number, Half>) {
      end = std::to_chars(text, text + sizeof(text), widen(number));
    } else if constexpr (std::is_same_v<Number, Bool>) {
      return number.byte ? "True" : "False";
    } else {
      end = std::to_chars(text, text + sizeof(text), number);
    }
    return {text, end.ptr};
  });
}

void write_nan(std::int32_t dtype, std::byte* out) {
  if (dtype == ARSENAL_FLOAT) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(out, &nan, sizeof(nan));
  } else if (dtype == ARSENAL_DOUBLE) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::memcpy(out, &nan, sizeof(nan));
  } else if (dtype == ARSENAL_FLOAT16) {
    const std::uint16_t nan = 0x7e00;
    std::memcpy(out, &nan, sizeof(nan));
  }
}

}  // namespace arsenal::python
