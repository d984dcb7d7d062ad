// A model made ready to run: values, steps in order, and the facts that arsenal_session_* report.
#ifndef ARSENAL_SRC_PLAN_PLAN_H_
#define ARSENAL_SRC_PLAN_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arsenal/runtime.h"
#include "onnx/model.h"
#include "plan/constant.h"
#include "plan/op.h"

namespace arsenal::runtime {

// Rows that a plan works on at a time, at least, when every step keeps rows apart.
constexpr std::int64_t kBlockRows = 256;

// One tensor of the plan, apart from its shape and memory, which are in the frame.
struct Value {
  std::string name;
  std::int32_t dtype = ARSENAL_UNDEFINED;
  // Bytes of one element.
  std::size_t element = 0;
  const Constant* constant = nullptr;
  // Where the value is a map: what the places of its last axis stand for.
  const Constant* keys = nullptr;
  // Axis 0 counts rows, and rows do not depend on one another.
  bool has_rows = false;
  // An input of the model or a constant: no step makes it.
  bool is_source = false;
  // Bit k: output k of the model is this value, or a step on the way to output k reads it.
  std::uint64_t used_by = 0;
};

// A node of the graph, ready to run.
struct Step {
  std::unique_ptr<Op> op;
  std::vector<std::uint32_t> inputs;
  std::vector<std::uint32_t> outputs;
  // "node 'name' (Op)", for messages.
  std::string label;
  // Its output is its first input under another shape, and no output of the model: it shares the input's memory.
  bool is_alias = false;
  // Op::makes_text.
  bool makes_text = false;
  // Bit k: output k of the model needs this step.
  std::uint64_t needed_by = 0;
};

// An input or output as the caller sees it.
struct Port {
  std::uint32_t value = 0;
  std::string name;
  std::int32_t dtype = ARSENAL_UNDEFINED;
  Shape shape = unknown_shape();
  // Of a map, else nullptr.
  const Constant* keys = nullptr;
  std::vector<std::string> dim_names;
  std::vector<const char*> dim_name_pointers;
};

struct OperatorCount {
  std::string domain;
  std::string op_type;
  std::int64_t version = 0;
  std::size_t count = 0;
};

struct Plan {
  // Value 0 stands for an optional operand that is left out.
  std::vector<Value> values;
  // The shapes as far as they are known at load, and the data of constants. A run starts from a copy.
  std::vector<Tensor> frame;
  std::vector<Step> steps;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  // Bit k: output k can be computed block by block, because every step on the way keeps rows apart.
  std::uint64_t blockwise = 0;
  // Bit k: of everything that output k needs, only the number of rows is open.
  std::uint64_t fixed = 0;
  // Rows at a time where there are many: kBlockRows, or more if a step prefers it.
  std::int64_t block_rows = kBlockRows;
  std::vector<std::unique_ptr<Constant>> constants;
  // Operators that were run at load and whose strings the constants point to.
  std::vector<std::unique_ptr<Op>> folded;
  std::vector<OperatorCount> operators;
  TreeFacts trees;
};

// Builds the plan of a graph. Throws Failure, naming the node, for graphs that are not valid or not supported.
Plan build_plan(const onnx::Model& model, const Limits& limits, Compat compat);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_PLAN_H_
