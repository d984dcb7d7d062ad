#include "onnx/model.h"

#include <string>

#include "failure.h"
#include "onnx/parts.h"
#include "onnx/wire.h"

namespace arsenal::runtime::onnx {

namespace {

// Field numbers of onnx.proto, by message.
namespace model_field {
enum {
  kIrVersion = 1,
  kProducerName = 2,
  kProducerVersion = 3,
  kDomain = 4,
  kModelVersion = 5,
  kDocString = 6,
  kGraph = 7,
  kOpsetImport = 8,
  kMetadataProps = 14,
  kFunctions = 25,
};
}
namespace graph_field {
enum { kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12, kSparseInitializer = 15 };
}

namespace function_field {
enum {
  kName = 1,
  kInput = 4,
  kOutput = 5,
  kAttribute = 6,
  kNode = 7,
  kOpsetImport = 9,
  kDomain = 10,
  kAttributeProto = 11,
  kOverload = 13,
};
}

std::string indexed(const char* what, std::size_t index) {
  return std::string(what) + "[" + std::to_string(index) + "]";
}

void check_count(std::size_t count, std::uint64_t most, const char* what) {
  if (count >= most) {
    fail(ARSENAL_LIMIT_EXCEEDED, "the graph has more %s than max_graph_nodes = %llu", what,
         static_cast<unsigned long long>(most));
  }
}

Graph parse_graph(std::string_view bytes, std::uint64_t max_nodes) {
  Graph graph;
  for (WireReader reader(bytes, "GraphProto"); reader.next();) {
    switch (reader.field()) {
      case graph_field::kNode:
        check_count(graph.nodes.size(), max_nodes, "nodes");
        graph.nodes.push_back(within([&] { return indexed("graph.node", graph.nodes.size()); },
                                     [&] { return parse_node(reader.bytes(), false); }));
        graph.nodes.back().index = graph.nodes.size() - 1;
        break;
      case graph_field::kName:
        graph.name = reader.text();
        break;
      case graph_field::kInitializer:
        check_count(graph.initializers.size(), max_nodes, "initializers");
        graph.initializers.push_back(within([&] { return indexed("graph.initializer", graph.initializers.size()); },
                                            [&] { return parse_tensor(reader.bytes()); }));
        break;
      case graph_field::kInput:
        check_count(graph.inputs.size(), max_nodes, "inputs");
        graph.inputs.push_back(within([&] { return indexed("graph.input", graph.inputs.size()); },
                                      [&] { return parse_value_info(reader.bytes()); }));
        break;
      case graph_field::kOutput:
        check_count(graph.outputs.size(), max_nodes, "outputs");
        graph.outputs.push_back(within([&] { return indexed("graph.output", graph.outputs.size()); },
                                       [&] { return parse_value_info(reader.bytes()); }));
        break;
      case graph_field::kSparseInitializer:
        fail(ARSENAL_UNSUPPORTED, "GraphProto.sparse_initializer is not supported");
      default:
        reader.skip();
    }
  }
  return graph;
}

Opset parse_opset(std::string_view bytes) {
  Opset opset;
  for (WireReader reader(bytes, "OperatorSetIdProto"); reader.next();) {
    switch (reader.field()) {
      case 1:
        opset.domain = reader.text();
        if (opset.domain == "ai.onnx") opset.domain = "";
        break;
      case 2:
        opset.version = reader.integer();
        break;
      default:
        reader.skip();
    }
  }
  return opset;
}

// `n_nodes` counts the nodes of all functions.
Function parse_function(std::string_view bytes, std::uint64_t max_nodes, std::uint64_t& n_nodes) {
  Function function;
  for (WireReader reader(bytes, "FunctionProto"); reader.next();) {
    switch (reader.field()) {
      case function_field::kName:
        function.name = reader.text();
        break;
      case function_field::kInput:
        function.inputs.push_back(reader.text());
        break;
      case function_field::kOutput:
        function.outputs.push_back(reader.text());
        break;
      case function_field::kAttribute:
        function.attributes.push_back(reader.text());
        break;
      case function_field::kNode:
        check_count(n_nodes++, max_nodes, "nodes");
        function.nodes.push_back(within([&] { return indexed("function.node", function.nodes.size()); },
                                        [&] { return parse_node(reader.bytes(), true); }));
        function.nodes.back().index = function.nodes.size() - 1;
        break;
      case function_field::kOpsetImport:
        function.opsets.push_back(parse_opset(reader.bytes()));
        break;
      case function_field::kDomain:
        function.domain = reader.text();
        if (function.domain == "ai.onnx") function.domain = "";
        break;
      case function_field::kAttributeProto:
        function.defaults.push_back(parse_attribute(reader.bytes(), false));
        break;
      case function_field::kOverload:
        function.overload = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  if (function.name.empty()) fail(ARSENAL_INVALID_MODEL, "it has no name");
  return function;
}

std::pair<std::string_view, std::string_view> parse_metadata(std::string_view bytes) {
  std::pair<std::string_view, std::string_view> entry;
  for (WireReader reader(bytes, "StringStringEntryProto"); reader.next();) {
    switch (reader.field()) {
      case 1:
        entry.first = reader.text();
        break;
      case 2:
        entry.second = reader.utf8();
        break;
      default:
        reader.skip();
    }
  }
  return entry;
}

}  // namespace

std::string Node::label() const {
  const std::string place = caller.empty() ? std::string() : std::string(caller) + ": ";
  const std::string shown = name.empty() ? std::to_string(index) : quoted(name);
  return place + "node " + shown + " (" + std::string(op_type.substr(0, 60)) + ")";
}

Model parse_model(std::string_view bytes, std::uint64_t max_nodes) {
  Model model;
  bool has_graph = false;
  std::uint64_t n_function_nodes = 0;
  for (WireReader reader(bytes, "ModelProto"); reader.next();) {
    switch (reader.field()) {
      case model_field::kIrVersion:
        model.ir_version = reader.integer();
        break;
      case model_field::kProducerName:
        model.producer_name = reader.text();
        break;
      case model_field::kProducerVersion:
        model.producer_version = reader.text();
        break;
      case model_field::kDomain:
        model.domain = reader.text();
        break;
      case model_field::kModelVersion:
        model.model_version = reader.integer();
        break;
      case model_field::kDocString:
        model.doc_string = reader.text();
        break;
      case model_field::kGraph:
        if (has_graph) fail(ARSENAL_INVALID_MODEL, "ModelProto.graph appears twice");
        has_graph = true;
        model.graph = parse_graph(reader.bytes(), max_nodes);
        break;
      case model_field::kOpsetImport:
        model.opsets.push_back(parse_opset(reader.bytes()));
        break;
      case model_field::kFunctions:
        check_count(model.functions.size(), max_nodes, "functions");
        model.functions.push_back(within([&] { return indexed("functions", model.functions.size()); },
                                         [&] { return parse_function(reader.bytes(), max_nodes, n_function_nodes); }));
        break;
      case model_field::kMetadataProps:
        model.metadata.push_back(parse_metadata(reader.bytes()));
        break;
      default:
        reader.skip();
    }
  }
  if (!has_graph) fail(ARSENAL_INVALID_MODEL, "ModelProto.graph is missing: these bytes are no ONNX model");
  if (model.opsets.empty()) fail(ARSENAL_INVALID_MODEL, "ModelProto.opset_import is missing");
  return model;
}

}  // namespace arsenal::runtime::onnx
