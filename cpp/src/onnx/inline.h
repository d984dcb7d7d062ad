// Model-local functions: every call of one is replaced by its body.
#ifndef ARSENAL_SRC_ONNX_INLINE_H_
#define ARSENAL_SRC_ONNX_INLINE_H_

#include <cstdint>

#include "onnx/model.h"

namespace arsenal::runtime::onnx {

// Replaces the calls in the model's graph, also those in the bodies themselves, until none is left. Nodes know from
// then on which opset version they mean (Node::version). Names of values within a body become names of their own: they
// begin with a zero byte, which no name in a file has.
//
// Throws Failure: INVALID_MODEL, naming the call, for functions that call themselves, for calls with operands or
// attributes that the function does not have, and for values that a body uses and nobody makes; LIMIT_EXCEEDED for more
// than `max_nodes` nodes in all, or for bodies whose attributes would be copied too often.
void inline_functions(Model& model, std::uint64_t max_nodes);

}  // namespace arsenal::runtime::onnx

#endif  // ARSENAL_SRC_ONNX_INLINE_H_
