// The parts of a graph, each read from its message.
#ifndef ARSENAL_SRC_ONNX_PARTS_H_
#define ARSENAL_SRC_ONNX_PARTS_H_

#include <string_view>

#include "onnx/model.h"

namespace arsenal::runtime::onnx {

TensorProto parse_tensor(std::string_view bytes);
// `in_function`: attributes may refer to those of the call.
Node parse_node(std::string_view bytes, bool in_function);
Attribute parse_attribute(std::string_view bytes, bool in_function);
ValueInfo parse_value_info(std::string_view bytes);

}  // namespace arsenal::runtime::onnx

#endif  // ARSENAL_SRC_ONNX_PARTS_H_
