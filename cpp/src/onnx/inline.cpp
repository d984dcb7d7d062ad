#include "onnx/inline.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "failure.h"

namespace arsenal::runtime::onnx {

namespace {

// Bodies are copied for each call. What is copied, tree ensembles for instance, may take this many bytes in all:
// without a bound a few nested functions could ask for any amount of memory.
constexpr std::size_t kMostCopiedBytes = std::size_t{256} << 20;
// Calls within calls.
constexpr std::size_t kMostNested = 100;
// Of the place of a call, as it is repeated for each node of the body.
constexpr std::size_t kMostPlaceText = 200;

using Names = std::unordered_map<std::string_view, std::string_view>;

std::size_t size_of(const Attribute& attribute) {
  std::size_t size = sizeof(Attribute) + attribute.floats.size() * sizeof(float) +
                     attribute.ints.size() * sizeof(std::int64_t) + attribute.strings.size() * sizeof(std::string_view);
  const TensorProto& t = attribute.t;
  size += t.dims.size() * sizeof(std::int64_t) + t.float_data.size() * sizeof(float) +
          (t.int32_data.size() + t.int64_data.size() + t.uint64_data.size() + t.double_data.size()) * sizeof(double) +
          t.string_data.size() * sizeof(std::string_view);
  return size;
}

const Attribute* find_attribute(const std::vector<Attribute>& attributes, std::string_view name) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Attribute& attribute) { return attribute.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

class Inliner {
 public:
  Inliner(Model& model, std::uint64_t max_nodes) : model_(model), max_nodes_(max_nodes) {
    for (std::size_t f = 0; f < model.functions.size(); ++f) {
      const Function& function = model.functions[f];
      if (!functions_.emplace(key(function), f).second) {
        fail(ARSENAL_INVALID_MODEL, "function %s of domain %s is defined twice", quoted(function.name).c_str(),
             quoted(function.domain).c_str());
      }
    }
    is_open_.resize(model.functions.size(), false);
  }

  void run() {
    std::vector<Node> nodes = std::move(model_.graph.nodes);
    model_.graph.nodes.clear();
    for (Node& node : nodes) add(std::move(node), model_.opsets);
  }

 private:
  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;

  struct Call {
    const Node& node;
    const Function& function;
    std::string_view place;
  };

  static Key key(const Function& function) { return {function.domain, function.name, function.overload}; }

  // Adds a node of the graph, or what it stands for. Its names are those of the graph already.
  void add(Node node, const std::vector<Opset>& opsets) {
    const auto found = functions_.find({node.domain, node.op_type, node.overload});
    if (found != functions_.end()) {
      call(node, found->second);
      return;
    }
    if (!node.overload.empty()) {
      within(
          [&] { return node.label(); },
          [&] { fail(ARSENAL_INVALID_MODEL, "there is no function with overload %s", quoted(node.overload).c_str()); });
    }
    if (model_.graph.nodes.size() >= max_nodes_) {
      fail(ARSENAL_LIMIT_EXCEEDED, "with its functions inlined the graph has more nodes than max_graph_nodes = %llu",
           static_cast<unsigned long long>(max_nodes_));
    }
    node.version = version_of(opsets, node.domain);
    model_.graph.nodes.push_back(std::move(node));
  }

  static std::int64_t version_of(const std::vector<Opset>& opsets, std::string_view domain) {
    for (const Opset& opset : opsets) {
      if (opset.domain == domain) return opset.version;
    }
    return Node::kNoVersion;
  }

  void call(const Node& node, std::size_t number) {
    const Function& function = model_.functions[number];
    Names names, results;
    within([&] { return node.label(); },
           [&] {
             open(number);
             check_call(node, function);
             names = argument_names(node, function);
             results = result_names(node, function, names);
           });
    const std::string_view place = kept(node.label().substr(0, kMostPlaceText));
    for (const Node& inner : function.nodes) add_inner(inner, {node, function, place}, names, results);
    within([&] { return node.label(); }, [&] { pass_through({node, function, place}, names, results); });
    is_open_[number] = false;
    --n_open_;
  }

  void open(std::size_t number) {
    if (is_open_[number]) {
      fail(ARSENAL_INVALID_MODEL, "function %s calls itself, which no model may",
           quoted(model_.functions[number].name).c_str());
    }
    if (n_open_ == kMostNested) {
      fail(ARSENAL_LIMIT_EXCEEDED, "its functions call one another more than %zu levels deep", kMostNested);
    }
    if (++n_calls_ > max_nodes_) {
      fail(ARSENAL_LIMIT_EXCEEDED, "there are more calls of functions than max_graph_nodes = %llu",
           static_cast<unsigned long long>(max_nodes_));
    }
    is_open_[number] = true;
    ++n_open_;
  }

  void check_call(const Node& node, const Function& function) {
    if (node.inputs.size() > function.inputs.size() || node.outputs.size() > function.outputs.size()) {
      fail(ARSENAL_INVALID_MODEL, "it has %zu inputs and %zu outputs, function %s takes %zu and makes %zu",
           node.inputs.size(), node.outputs.size(), quoted(function.name).c_str(), function.inputs.size(),
           function.outputs.size());
    }
    for (const Attribute& attribute : node.attributes) {
      const auto& names = function.attributes;
      if (std::find(names.begin(), names.end(), attribute.name) != names.end()) continue;
      if (find_attribute(function.defaults, attribute.name) != nullptr) continue;
      fail(ARSENAL_INVALID_MODEL, "attribute %s does not belong to function %s", quoted(attribute.name).c_str(),
           quoted(function.name).c_str());
    }
    charge(function.inputs.size() * 2 * sizeof(std::string_view));
  }

  // What the function's inputs are called outside; "" for those that are left out.
  static Names argument_names(const Node& node, const Function& function) {
    Names names;
    for (std::size_t i = 0; i < function.inputs.size(); ++i) {
      const std::string_view given = i < node.inputs.size() ? node.inputs[i] : std::string_view();
      if (function.inputs[i].empty() || !names.emplace(function.inputs[i], given).second) {
        fail(ARSENAL_INVALID_MODEL, "function %s has an input without a name, or two of one name",
             quoted(function.name).c_str());
      }
    }
    return names;
  }

  // What its outputs are called outside, for those that a node of the body makes.
  static Names result_names(const Node& node, const Function& function, const Names& arguments) {
    Names results;
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      const std::string_view name = function.outputs[k];
      if (!node.outputs[k].empty() && arguments.find(name) == arguments.end()) results.emplace(name, node.outputs[k]);
    }
    return results;
  }

  void add_inner(const Node& inner, const Call& call, Names& names, const Names& results) {
    Node copy;
    copy.name = inner.name;
    copy.op_type = inner.op_type;
    copy.domain = inner.domain;
    copy.overload = inner.overload;
    copy.index = inner.index;
    copy.caller = call.place;
    charge(sizeof(Node) + (inner.inputs.size() + inner.outputs.size()) * sizeof(std::string_view));
    within([&] { return copy.label(); },
           [&] {
             for (const std::string_view name : inner.inputs) copy.inputs.push_back(operand(name, names));
             for (const std::string_view name : inner.outputs) copy.outputs.push_back(result(name, names, results));
             for (const Attribute& attribute : inner.attributes) copy_attribute(attribute, call, copy);
           });
    add(std::move(copy), call.function.opsets);
  }

  static std::string_view operand(std::string_view name, const Names& names) {
    if (name.empty()) return name;
    const auto found = names.find(name);
    if (found != names.end()) return found->second;
    fail(ARSENAL_INVALID_MODEL, "its input %s is not produced by anything before it in the function",
         quoted(name).c_str());
  }

  std::string_view result(std::string_view name, Names& names, const Names& results) {
    if (name.empty()) return name;
    const auto wanted = results.find(name);
    const std::string_view outside =
        wanted != results.end() ? wanted->second : kept('\0' + std::to_string(n_calls_) + '\0' + std::string(name));
    if (!names.emplace(name, outside).second) {
      fail(ARSENAL_INVALID_MODEL, "value %s is defined twice in the function", quoted(name).c_str());
    }
    return outside;
  }

  // An attribute as it is, or the one of the call that it refers to; left out where the call has none and the function
  // no default.
  void copy_attribute(const Attribute& attribute, const Call& call, Node& copy) {
    const Attribute* source = &attribute;
    if (!attribute.reference.empty()) {
      source = find_attribute(call.node.attributes, attribute.reference);
      if (source == nullptr) source = find_attribute(call.function.defaults, attribute.reference);
      if (source == nullptr) {
        const auto& declared = call.function.attributes;
        if (std::find(declared.begin(), declared.end(), attribute.reference) != declared.end()) return;
        fail(ARSENAL_INVALID_MODEL, "attribute %s refers to %s, which the function does not have",
             quoted(attribute.name).c_str(), quoted(attribute.reference).c_str());
      }
    }
    charge(size_of(*source));
    copy.attributes.push_back(*source);
    copy.attributes.back().name = attribute.name;
  }

  // Outputs that no node makes under their outside name: inputs that are handed on, and outputs that are listed twice.
  void pass_through(const Call& call, const Names& names, const Names& results) {
    const Node& node = call.node;
    const Function& function = call.function;
    std::unordered_set<std::string_view> made;
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      const std::string_view wanted = node.outputs[k];
      if (wanted.empty()) continue;
      const auto found = names.find(function.outputs[k]);
      if (found == names.end() || found->second.empty()) {
        fail(ARSENAL_INVALID_MODEL, "output %s of function %s is not produced by anything",
             quoted(function.outputs[k]).c_str(), quoted(function.name).c_str());
      }
      const bool by_a_node = results.count(function.outputs[k]) != 0 && found->second == wanted;
      if (by_a_node && made.insert(wanted).second) continue;
      Node identity;
      identity.op_type = "Identity";
      identity.caller = call.place;
      identity.inputs = {found->second};
      identity.outputs = {wanted};
      add(std::move(identity), {{"", 1}});
    }
  }

  void charge(std::size_t bytes) {
    copied_bytes_ += bytes;
    if (copied_bytes_ <= kMostCopiedBytes) return;
    fail(ARSENAL_LIMIT_EXCEEDED, "its inlined functions take more than %zu MB", kMostCopiedBytes >> 20);
  }

  // A text that lives as long as the model.
  std::string_view kept(std::string text) {
    charge(sizeof(std::string) + text.size());
    model_.texts.push_back(std::move(text));
    return model_.texts.back();
  }

  Model& model_;
  std::uint64_t max_nodes_;
  std::map<Key, std::size_t> functions_;
  // Per function: its body is being added, so a call of it now would be a recursion.
  std::vector<bool> is_open_;
  std::size_t n_open_ = 0;
  std::uint64_t n_calls_ = 0;
  std::size_t copied_bytes_ = 0;
};

}  // namespace

void inline_functions(Model& model, std::uint64_t max_nodes) { Inliner(model, max_nodes).run(); }

}  // namespace arsenal::runtime::onnx
