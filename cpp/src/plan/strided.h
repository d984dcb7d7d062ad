// Copies between strided and contiguous memory.
#ifndef ARSENAL_SRC_PLAN_STRIDED_H_
#define ARSENAL_SRC_PLAN_STRIDED_H_

#include <cstddef>
#include <cstdint>

#include "plan/shape.h"

namespace arsenal::runtime {

// Byte strides of C-contiguous memory.
void contiguous_strides(const Shape& shape, std::size_t element, std::int64_t* strides) noexcept;

// Whether elements at these strides lie as in C-contiguous memory; extents of 1 or 0 do not matter.
bool is_contiguous(const Shape& shape, std::size_t element, const std::int64_t* strides) noexcept;

// Copies all elements, `element` bytes each.
void copy_strided(const Shape& shape, std::size_t element, const char* from, const std::int64_t* from_strides, char* to,
                  const std::int64_t* to_strides) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_STRIDED_H_
