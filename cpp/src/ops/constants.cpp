#include "ops/constants.h"

namespace arsenal::runtime {

std::vector<std::int64_t> integers_of(const Constant& constant) {
  const bool is_list = constant.dtype() == ARSENAL_INT64 || constant.dtype() == ARSENAL_INT32;
  if (!is_list || constant.shape().rank > 1) {
    fail(ARSENAL_INVALID_MODEL, "a shape or axes operand is no list of int64 or int32");
  }
  if (constant.size() > ARSENAL_MAX_RANK) {
    fail(ARSENAL_UNSUPPORTED, "a shape or axes operand has %lld entries, supported are up to %d",
         static_cast<long long>(constant.size()), ARSENAL_MAX_RANK);
  }
  if (constant.dtype() == ARSENAL_INT32) {
    return {constant.as<std::int32_t>(), constant.as<std::int32_t>() + constant.size()};
  }
  return {constant.as<std::int64_t>(), constant.as<std::int64_t>() + constant.size()};
}

Shape shape_of(const Constant& constant) {
  Shape shape{0, {}};
  for (const std::int64_t dim : integers_of(constant)) {
    if (dim < 0) fail(ARSENAL_INVALID_MODEL, "its shape operand has the entry %lld", static_cast<long long>(dim));
    shape.dims[shape.rank++] = dim;
  }
  return shape;
}

std::vector<std::int64_t> axes_of(OpBuilder& builder, std::int64_t since_input, bool& given) {
  if (builder.version() >= since_input) {
    given = builder.input_count() > 1;
    return given ? integers_of(builder.constant_input(1, "axes")) : std::vector<std::int64_t>();
  }
  given = builder.has("axes");
  const std::vector<std::int64_t>& axes = builder.integers("axes");
  if (axes.size() > ARSENAL_MAX_RANK) fail(ARSENAL_UNSUPPORTED, "it has %zu axes", axes.size());
  return axes;
}

}  // namespace arsenal::runtime
