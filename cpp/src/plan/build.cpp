#include <algorithm>
#include <unordered_map>

#include "plan/plan.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Results of constant folding may not grow beyond this: a short chain of nodes could otherwise ask for any size.
constexpr std::int64_t kMostFoldedBytes = std::int64_t{64} << 20;
constexpr std::size_t kMostOutputs = 64;

class Builder {
 public:
  Builder(const onnx::Model& model, const Limits& limits, Compat compat)
      : model_(model), limits_(limits), compat_(compat) {}

  Plan build() {
    check_opsets();
    add_value("");
    count_readers();
    for (const onnx::TensorProto& tensor : model_.graph.initializers) add_initializer(tensor);
    for (const onnx::ValueInfo& info : model_.graph.inputs) add_input(info);
    for (const onnx::Node& node : model_.graph.nodes) {
      within([&] { return node.label(); }, [&] { add_node(node); });
    }
    if (model_.graph.outputs.empty()) fail(ARSENAL_INVALID_MODEL, "the graph has no outputs");
    if (model_.graph.outputs.size() > kMostOutputs) {
      fail(ARSENAL_UNSUPPORTED, "the graph has %zu outputs, supported are up to %zu", model_.graph.outputs.size(),
           kMostOutputs);
    }
    for (const onnx::ValueInfo& info : model_.graph.outputs) add_output(info);
    trace_outputs();
    return std::move(plan_);
  }

 private:
  void check_opsets() const {
    for (const onnx::Opset& opset : model_.opsets) check_opset(opset);
  }

  static void check_opset(const onnx::Opset& opset) {
    const std::int64_t newest = newest_opset(opset.domain);
    if (newest != 0 && (opset.version < 1 || opset.version > newest)) {
      fail(ARSENAL_UNSUPPORTED, "the model uses opset %lld of domain %s, this runtime knows 1 to %lld",
           static_cast<long long>(opset.version), quoted(domain_name(opset.domain)).c_str(),
           static_cast<long long>(newest));
    }
  }

  static const OpEntry& entry_of(const onnx::Node& node) {
    if (node.version == onnx::Node::kNoVersion) {
      fail(ARSENAL_INVALID_MODEL, "the %s does not import its domain %s", node.caller.empty() ? "model" : "function",
           quoted(domain_name(node.domain)).c_str());
    }
    check_opset({node.domain, node.version});
    return find_op(node.domain, node.op_type, node.version);
  }

  std::uint32_t add_value(std::string_view name) {
    const auto id = static_cast<std::uint32_t>(plan_.values.size());
    if (!name.empty() && !ids_.emplace(name, id).second) {
      fail(ARSENAL_INVALID_MODEL, "value %s is defined twice", quoted(name).c_str());
    }
    plan_.values.emplace_back();
    plan_.values.back().name = std::string(name);
    plan_.frame.emplace_back();
    mixes_rows_.push_back(false);
    return id;
  }

  void set_constant(std::uint32_t id, Constant constant) {
    plan_.constants.push_back(std::make_unique<Constant>(std::move(constant)));
    const Constant* kept = plan_.constants.back().get();
    plan_.values[id].constant = kept;
    plan_.values[id].is_source = true;
    plan_.values[id].dtype = kept->dtype();
    plan_.frame[id] = kept->tensor();
  }

  void add_initializer(const onnx::TensorProto& tensor) {
    within([&] { return "initializer " + quoted(tensor.name); },
           [&] {
             if (tensor.name.empty()) fail(ARSENAL_INVALID_MODEL, "it has no name");
             set_constant(add_value(tensor.name), Constant::of_proto(tensor));
           });
  }

  static Shape declared_shape(const onnx::ValueInfo& info) {
    if (!info.has_shape) return unknown_shape();
    Shape shape{0, {}};
    for (const onnx::Dimension& dim : info.dims) shape.dims[shape.rank++] = dim.value;
    return shape;
  }

  static Port make_port(const onnx::ValueInfo& info, std::uint32_t id, std::int32_t dtype, const Shape& shape) {
    Port port;
    port.value = id;
    port.name = std::string(info.name);
    port.dtype = dtype;
    port.shape = shape;
    for (std::int32_t d = 0; d < shape.rank; ++d) {
      const auto axis = static_cast<std::size_t>(d);
      const bool named = info.dims.size() == static_cast<std::size_t>(shape.rank) && shape.dims[d] < 0;
      port.dim_names.emplace_back(named ? info.dims[axis].symbol : std::string_view());
    }
    return port;
  }

  void add_input(const onnx::ValueInfo& info) {
    // Up to IR version 3 initializers are listed among the inputs too.
    const auto known = ids_.find(info.name);
    if (known != ids_.end() && plan_.values[known->second].constant != nullptr) return;
    const std::uint32_t id = add_value(info.name);
    const auto dtype = static_cast<std::int32_t>(info.elem_type);
    if (info.is_map) {
      fail(ARSENAL_UNSUPPORTED, "input %s: its type is a sequence of maps; only dense tensors are supported",
           quoted(info.name).c_str());
    }
    if (info.elem_type != dtype || dtype_size(dtype) == 0) {
      fail(ARSENAL_UNSUPPORTED, "input %s: its element type %lld is not supported", quoted(info.name).c_str(),
           static_cast<long long>(info.elem_type));
    }
    const Shape shape = declared_shape(info);
    plan_.values[id].dtype = dtype;
    plan_.values[id].has_rows = shape.rank > 0 && shape.dims[0] == -1;
    plan_.values[id].is_source = true;
    plan_.frame[id].shape = shape;
    plan_.inputs.push_back(make_port(info, id, dtype, shape));
  }

  std::uint32_t operand_id(std::string_view name) const {
    if (name.empty()) return 0;
    const auto found = ids_.find(name);
    if (found != ids_.end()) return found->second;
    const bool later = std::any_of(model_.graph.nodes.begin(), model_.graph.nodes.end(), [&](const onnx::Node& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), name) != node.outputs.end();
    });
    fail(ARSENAL_INVALID_MODEL, "its input %s is %s", quoted(name).c_str(),
         later ? "produced by this or a later node: the graph has a cycle or is not sorted"
               : "not produced by anything");
  }

  void count_operator(const OpEntry& entry) {
    const std::string_view domain = domain_name(entry.domain);
    for (OperatorCount& known : plan_.operators) {
      if (known.op_type == entry.op_type && known.domain == domain) {
        ++known.count;
        return;
      }
    }
    plan_.operators.push_back({std::string(domain), entry.op_type, entry.since, 1});
  }

  void add_node(const onnx::Node& node) {
    const OpEntry& entry = entry_of(node);
    count_operator(entry);
    Step step;
    step.label = node.label();
    std::vector<Operand> operands;
    for (const std::string_view input : node.inputs) {
      const std::uint32_t id = operand_id(input);
      const Value& value = plan_.values[id];
      if (value.keys != nullptr) {
        fail(ARSENAL_UNSUPPORTED, "its input %s is a map; maps are supported as outputs of the model alone",
             quoted(input).c_str());
      }
      step.inputs.push_back(id);
      operands.push_back({id != 0, value.dtype, plan_.frame[id].shape, value.constant, value.has_rows});
    }
    OpBuilder builder(node, entry.since, std::move(operands), limits_, compat_, plan_.trees);
    step.op = entry.make(builder);
    step.makes_text = step.op->makes_text();
    step.inputs.resize(builder.input_count());
    const std::vector<std::int32_t>& dtypes = builder.finish();
    for (std::size_t k = 0; k < dtypes.size(); ++k) {
      const std::uint32_t id = add_value(k < node.outputs.size() ? node.outputs[k] : std::string_view());
      plan_.values[id].dtype = dtypes[k];
      step.outputs.push_back(id);
    }
    infer(step, builder);
    if (auto keys = builder.take_keys()) {
      plan_.values[step.outputs[0]].keys = keys.get();
      plan_.constants.push_back(std::move(keys));
    } else if (foldable(step)) {
      fold(std::move(step));
      return;
    }
    if (joins_maker(step, builder)) return;
    for (const std::uint32_t id : step.outputs) makers_[id] = plan_.steps.size();
    plan_.steps.push_back(std::move(step));
  }

  void count_readers() {
    for (const onnx::Node& node : model_.graph.nodes) {
      for (const std::string_view input : node.inputs) ++n_readers_[input];
    }
    for (const onnx::ValueInfo& info : model_.graph.outputs) ++n_readers_[info.name];
  }

  // Whether the step that makes the one operand that is not known at load does this step's work from now on.
  bool joins_maker(Step& step, const OpBuilder& builder) {
    std::uint32_t open = 0;
    for (const std::uint32_t id : step.inputs) {
      if (plan_.values[id].constant != nullptr) continue;
      if (id == 0 || open != 0) return false;
      open = id;
    }
    const auto maker = makers_.find(open);
    if (step.outputs.size() != 1 || maker == makers_.end() || n_readers_[plan_.values[open].name] != 1) return false;
    Step& made = plan_.steps[maker->second];
    const std::uint32_t result = step.outputs[0];
    const Shape& shape = plan_.frame[open].shape;
    if (made.outputs.size() != 1 || shape.rank < 0 || !same_shape(shape, plan_.frame[result].shape)) return false;
    if (!made.op->absorb(step.op, builder)) return false;
    made.outputs[0] = result;
    mixes_rows_[result] = mixes_rows_[open] || mixes_rows_[result];
    makers_[result] = maker->second;
    return true;
  }

  // Shapes and rows of a step's outputs, as far as they are known at load.
  void infer(const Step& step, const OpBuilder& builder) {
    const bool known = std::all_of(builder.inputs().begin(), builder.inputs().end(),
                                   [](const Operand& operand) { return !operand.present || operand.shape.rank >= 0; });
    if (known) infer_shapes(step);
    const auto has_rows = [](const Operand& operand) { return operand.has_rows; };
    if (!std::any_of(builder.inputs().begin(), builder.inputs().end(), has_rows)) return;
    const bool keeps = known && step.op->keeps_rows(builder.inputs());
    for (const std::uint32_t id : step.outputs) {
      const Shape& shape = plan_.frame[id].shape;
      plan_.values[id].has_rows = keeps && shape.rank > 0 && shape.dims[0] == -1;
      mixes_rows_[id] = !plan_.values[id].has_rows;
    }
  }

  void infer_shapes(const Step& step) {
    Issue issue;
    const Inputs in(plan_.frame.data(), step.inputs.data());
    if (!step.op->shapes(in, Outputs(plan_.frame.data(), step.outputs.data()), issue)) {
      fail(ARSENAL_INVALID_MODEL, "%s", issue.text);
    }
  }

  bool foldable(const Step& step) const {
    const bool shapes_alone = step.op->reads_shapes_alone();
    return std::all_of(step.inputs.begin(), step.inputs.end(), [&](std::uint32_t id) {
      return id == 0 || plan_.values[id].constant != nullptr || (shapes_alone && is_closed(plan_.frame[id].shape));
    });
  }

  static bool is_closed(const Shape& shape) {
    return shape.rank >= 0 && std::all_of(shape.dims, shape.dims + shape.rank, [](auto dim) { return dim >= 0; });
  }

  void fold(Step step) {
    const Inputs in(plan_.frame.data(), step.inputs.data());
    std::vector<Constant> results;
    for (const std::uint32_t id : step.outputs) {
      const Value& value = plan_.values[id];
      const std::int64_t count = element_count(plan_.frame[id].shape);
      const auto element = static_cast<std::int64_t>(dtype_size(value.dtype));
      if (count < 0 || count > kMostFoldedBytes / element || (folded_bytes_ += count * element) > kMostFoldedBytes) {
        fail(ARSENAL_LIMIT_EXCEEDED, "its constant result %s is too large", ShapeText(plan_.frame[id].shape).text);
      }
      results.emplace_back(value.dtype, plan_.frame[id].shape);
      plan_.frame[id].data = results.back().tensor().data;
    }
    const std::size_t words = (step.op->scratch_bytes(in) + 63) / 64 * 8 + 8;
    if (words > static_cast<std::size_t>(kMostFoldedBytes)) fail(ARSENAL_LIMIT_EXCEEDED, "it needs too much memory");
    std::vector<std::uint64_t> scratch(words);
    void* aligned = scratch.data();
    std::size_t room = words * 8;
    aligned = std::align(64, room - 64, aligned, room);
    std::vector<char> text(step.makes_text ? step.op->text_bytes(in) : 0);
    if (step.makes_text) aligned = text.data();
    Issue issue;
    if (!step.op->run(in, Outputs(plan_.frame.data(), step.outputs.data()), aligned, issue)) {
      fail(ARSENAL_INVALID_MODEL, "%s", issue.text);
    }
    if (step.makes_text) results[0] = copy_of_strings(results[0]);
    bool points_into_op = false;
    for (std::size_t k = 0; k < results.size(); ++k) {
      points_into_op = points_into_op || results[k].dtype() == ARSENAL_STRING;
      set_constant(step.outputs[k], std::move(results[k]));
    }
    if (points_into_op) plan_.folded.push_back(std::move(step.op));
  }

  static Constant copy_of_strings(const Constant& strings) {
    std::vector<std::string_view> views;
    for (std::int64_t i = 0; i < strings.size(); ++i) {
      const arsenal_string& element = strings.as<arsenal_string>()[i];
      views.emplace_back(element.data, element.size);
    }
    return Constant::of_strings(views, strings.shape());
  }

  void add_output(const onnx::ValueInfo& info) {
    const auto found = ids_.find(info.name);
    if (found == ids_.end()) {
      fail(ARSENAL_INVALID_MODEL, "output %s is not produced by anything", quoted(info.name).c_str());
    }
    const std::uint32_t id = found->second;
    for (const Port& port : plan_.outputs) {
      if (port.value == id) fail(ARSENAL_INVALID_MODEL, "output %s is listed twice", quoted(info.name).c_str());
    }
    const std::int32_t dtype = plan_.values[id].dtype;
    if (info.elem_type != 0 && info.elem_type != dtype) {
      fail(ARSENAL_INVALID_MODEL, "output %s is declared as %s, the graph makes it %s", quoted(info.name).c_str(),
           dtype_name(static_cast<std::int32_t>(info.elem_type)), dtype_name(dtype));
    }
    // What the file declares may fill in what cannot be inferred, and contradicts nothing.
    Shape shape = plan_.frame[id].shape;
    const Shape declared = declared_shape(info);
    if (shape.rank < 0) shape = declared;
    for (std::int32_t d = 0; d < shape.rank && shape.rank == declared.rank; ++d) {
      if (shape.dims[d] < 0) shape.dims[d] = declared.dims[d];
    }
    plan_.outputs.push_back(make_port(info, id, dtype, shape));
    plan_.outputs.back().keys = plan_.values[id].keys;
    if (info.is_map && plan_.values[id].keys == nullptr) {
      fail(ARSENAL_INVALID_MODEL, "output %s is declared as maps, the graph makes it a tensor",
           quoted(info.name).c_str());
    }
  }

  // Which steps and values each output needs, whether they run blockwise, and whether only the rows are open.
  void trace_outputs() {
    for (Value& value : plan_.values) value.element = dtype_size(value.dtype);
    for (std::size_t k = 0; k < plan_.outputs.size(); ++k) {
      plan_.values[plan_.outputs[k].value].used_by |= std::uint64_t{1} << k;
    }
    for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
      for (const std::uint32_t id : step->outputs) step->needed_by |= plan_.values[id].used_by;
      for (const std::uint32_t id : step->inputs) plan_.values[id].used_by |= step->needed_by;
      step->is_alias = step->op->is_view() && !is_output(step->outputs[0]);
    }
    const auto useless = [](const Step& step) { return step.needed_by == 0; };
    plan_.steps.erase(std::remove_if(plan_.steps.begin(), plan_.steps.end(), useless), plan_.steps.end());
    plan_.blockwise = ~std::uint64_t{0};
    plan_.fixed = ~std::uint64_t{0};
    for (const Step& step : plan_.steps) {
      plan_.block_rows = std::max(plan_.block_rows, step.op->preferred_rows());
      for (const std::uint32_t id : step.outputs) {
        if (mixes_rows_[id]) plan_.blockwise &= ~step.needed_by;
        if (is_open(id)) plan_.fixed &= ~step.needed_by;
      }
    }
    for (std::size_t k = 0; k < plan_.outputs.size(); ++k) {
      const Value& value = plan_.values[plan_.outputs[k].value];
      if (!value.is_source && !value.has_rows) plan_.blockwise &= ~(std::uint64_t{1} << k);
    }
    for (const Port& port : plan_.inputs) {
      if (is_open(port.value)) plan_.fixed &= ~plan_.values[port.value].used_by;
    }
    for (auto* ports : {&plan_.inputs, &plan_.outputs}) {
      for (Port& port : *ports) {
        for (const std::string& name : port.dim_names) port.dim_name_pointers.push_back(name.c_str());
      }
    }
  }

  bool is_output(std::uint32_t id) const {
    return std::any_of(plan_.outputs.begin(), plan_.outputs.end(), [&](const Port& port) { return port.value == id; });
  }

  // Whether more than the number of rows is unknown about the shape.
  bool is_open(std::uint32_t id) const {
    const Shape& shape = plan_.frame[id].shape;
    const std::int32_t first = plan_.values[id].has_rows ? 1 : 0;
    return shape.rank < 0 || std::any_of(shape.dims + first, shape.dims + shape.rank, [](auto dim) { return dim < 0; });
  }

  const onnx::Model& model_;
  const Limits& limits_;
  Compat compat_;
  Plan plan_;
  std::unordered_map<std::string_view, std::uint32_t> ids_;
  // How often nodes and outputs read a value.
  std::unordered_map<std::string_view, std::size_t> n_readers_;
  // The step that makes a value.
  std::unordered_map<std::uint32_t, std::size_t> makers_;
  // Per value: made from inputs with rows by a step that does not keep them apart.
  std::vector<bool> mixes_rows_;
  std::int64_t folded_bytes_ = 0;
};

}  // namespace

Plan build_plan(const onnx::Model& model, const Limits& limits, Compat compat) {
  return Builder(model, limits, compat).build();
}

}  // namespace arsenal::runtime
