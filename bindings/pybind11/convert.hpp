// Exact conversion of numbers: a value either survives unchanged or is refused.
#ifndef ARSENAL_PYTHON_CONVERT_HPP_
#define ARSENAL_PYTHON_CONVERT_HPP_

#include <cstddef>
#include <cstdint>
#include <string>

namespace arsenal::python {

/// Converts `n` numbers, with strides in bytes and no alignment asked for. NaN and infinities survive among floats.
/// Returns how many were converted: less than `n` means that the next one has no exact counterpart.
using Converter = std::size_t (*)(const std::byte* in, std::int64_t in_stride, std::byte* out, std::int64_t out_stride,
                                  std::size_t n);

/// The conversion between two ::arsenal_dtype; null if there is none (strings; anything wider than float16 to float16).
Converter exact_converter(std::int32_t from, std::int32_t to);

/// A number as text for a message: the shortest that reads back the same.
std::string number_text(const std::byte* value, std::int32_t dtype);

/// Writes the NaN of a floating dtype.
void write_nan(std::int32_t dtype, std::byte* out);

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_CONVERT_HPP_
