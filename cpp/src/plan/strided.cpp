#include "plan/strided.h"

#include <cstring>

namespace arsenal::runtime {

namespace {

template <std::size_t kElement>
void copy_line(std::int64_t count, const char* from, std::int64_t from_stride, char* to,
               std::int64_t to_stride) noexcept {
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, kElement);
}

void copy_line(std::size_t element, std::int64_t count, const char* from, std::int64_t from_stride, char* to,
               std::int64_t to_stride) noexcept {
  switch (element) {
    case 1:
      return copy_line<1>(count, from, from_stride, to, to_stride);
    case 2:
      return copy_line<2>(count, from, from_stride, to, to_stride);
    case 4:
      return copy_line<4>(count, from, from_stride, to, to_stride);
    case 8:
      return copy_line<8>(count, from, from_stride, to, to_stride);
    default:
      for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, element);
  }
}

}  // namespace

void contiguous_strides(const Shape& shape, std::size_t element, std::int64_t* strides) noexcept {
  // Unsigned: with an extent of 0 the product of the others may overflow, and then it does not matter.
  std::uint64_t stride = element;
  for (std::int32_t d = shape.rank - 1; d >= 0; --d) {
    strides[d] = static_cast<std::int64_t>(stride);
    stride *= static_cast<std::uint64_t>(shape.dims[d]);
  }
}

bool is_contiguous(const Shape& shape, std::size_t element, const std::int64_t* strides) noexcept {
  std::uint64_t wanted = element;
  for (std::int32_t d = shape.rank - 1; d >= 0; --d) {
    if (shape.dims[d] == 0) return true;
    if (shape.dims[d] != 1 && strides[d] != static_cast<std::int64_t>(wanted)) return false;
    wanted *= static_cast<std::uint64_t>(shape.dims[d]);
  }
  return true;
}

void copy_strided(const Shape& shape, std::size_t element, const char* from, const std::int64_t* from_strides, char* to,
                  const std::int64_t* to_strides) noexcept {
  if (shape.rank == 0) {
    std::memcpy(to, from, element);
    return;
  }
  for (std::int32_t d = 0; d < shape.rank; ++d) {
    if (shape.dims[d] == 0) return;
  }
  const std::int32_t inner = shape.rank - 1;
  std::int64_t index[ARSENAL_MAX_RANK] = {};
  for (;;) {
    copy_line(element, shape.dims[inner], from, from_strides[inner], to, to_strides[inner]);
    std::int32_t d = inner - 1;
    for (; d >= 0; --d) {
      from += from_strides[d];
      to += to_strides[d];
      if (++index[d] < shape.dims[d]) break;
      from -= from_strides[d] * shape.dims[d];
      to -= to_strides[d] * shape.dims[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

}  // namespace arsenal::runtime
