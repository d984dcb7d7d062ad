#include "plan/shape.h"

#include <algorithm>
#include <cstdio>

namespace arsenal::runtime {

ShapeText::ShapeText(const Shape& shape) noexcept {
  if (shape.rank < 0) {
    std::snprintf(text, sizeof(text), "[...]");
    return;
  }
  std::size_t used = 0;
  text[used++] = '[';
  for (std::int32_t d = 0; d < shape.rank; ++d) {
    const char* comma = d == 0 ? "" : ", ";
    const int written = shape.dims[d] < 0 ? std::snprintf(text + used, sizeof(text) - used, "%s?", comma)
                                          : std::snprintf(text + used, sizeof(text) - used, "%s%lld", comma,
                                                          static_cast<long long>(shape.dims[d]));
    used += static_cast<std::size_t>(written);
  }
  text[used++] = ']';
  text[used] = '\0';
}

bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result) noexcept {
  if (a.rank < 0 || b.rank < 0) {
    result = unknown_shape();
    return true;
  }
  Shape common{std::max(a.rank, b.rank), {}};
  for (std::int32_t d = 0; d < common.rank; ++d) {
    const std::int32_t in_a = d - (common.rank - a.rank);
    const std::int32_t in_b = d - (common.rank - b.rank);
    const std::int64_t dim_a = in_a < 0 ? 1 : a.dims[in_a];
    const std::int64_t dim_b = in_b < 0 ? 1 : b.dims[in_b];
    if (dim_a == dim_b || dim_b == 1) {
      common.dims[d] = dim_a;
    } else if (dim_a == 1) {
      common.dims[d] = dim_b;
    } else if (dim_a == -1 || dim_b == -1) {
      common.dims[d] = std::max(dim_a, dim_b);
    } else {
      return false;
    }
  }
  result = common;
  return true;
}

}  // namespace arsenal::runtime
