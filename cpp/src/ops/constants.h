// Operands that have to be known when the model is loaded: shapes, axes, places.
#ifndef ARSENAL_SRC_OPS_CONSTANTS_H_
#define ARSENAL_SRC_OPS_CONSTANTS_H_

#include <cstdint>
#include <vector>

#include "plan/op.h"

namespace arsenal::runtime {

// The entries of a list of int64 or int32 with at most one entry per axis.
std::vector<std::int64_t> integers_of(const Constant& constant);

// A shape that an operand gives as its extents.
Shape shape_of(const Constant& constant);

// The axes that an operator names: an attribute up to version `since_input` - 1, from then on the second input.
// `given` is false if they are left out.
std::vector<std::int64_t> axes_of(OpBuilder& builder, std::int64_t since_input, bool& given);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_CONSTANTS_H_
