// Operators that work along one axis.
#ifndef ARSENAL_SRC_OPS_AXIS_H_
#define ARSENAL_SRC_OPS_AXIS_H_

#include <cstdint>

#include "plan/shape.h"

namespace arsenal::runtime {

// A tensor seen as [outer, extent, inner] around `axis`.
struct AxisView {
  AxisView(const Shape& shape, std::int32_t axis) noexcept
      : outer(1), extent(shape.dims[axis]), inner(element_count(shape, axis + 1)) {
    for (std::int32_t d = 0; d < axis; ++d) outer *= shape.dims[d];
  }

  std::int64_t outer;
  std::int64_t extent;
  std::int64_t inner;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_AXIS_H_
