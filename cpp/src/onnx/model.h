// An ONNX model as it lies in the file: names and bytes are views into the file's bytes, which must outlive it.
#ifndef ARSENAL_SRC_ONNX_MODEL_H_
#define ARSENAL_SRC_ONNX_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arsenal/runtime.h"

namespace arsenal::runtime::onnx {

// TensorProto. At most one of the data fields is used; which one depends on `data_type`.
struct TensorProto {
  std::string_view name;
  std::int64_t data_type = 0;
  std::vector<std::int64_t> dims;
  bool has_raw_data = false;
  std::string_view raw_data;
  std::vector<float> float_data;
  std::vector<std::int64_t> int32_data;
  std::vector<std::int64_t> int64_data;
  std::vector<std::int64_t> uint64_data;
  std::vector<double> double_data;
  std::vector<std::string_view> string_data;
};

// The numbers of AttributeProto.AttributeType.
enum class AttributeType : std::int64_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
};

// AttributeProto; `type` says which field counts. Graphs, sparse tensors and types are named but not read.
struct Attribute {
  std::string_view name;
  // Within a function: the attribute of the call that stands here, else "".
  std::string_view reference;
  AttributeType type = AttributeType::kUndefined;
  float f = 0;
  std::int64_t i = 0;
  std::string_view s;
  TensorProto t;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string_view> strings;
};

// NodeProto.
struct Node {
  static constexpr std::int64_t kNoVersion = -1;

  // Its place for messages: "node 'name' (Op)", behind that of the call whose body it is in.
  std::string label() const;

  std::string_view name;
  std::string_view op_type;
  // "" for the default domain, whichever way the file spells it.
  std::string_view domain;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<Attribute> attributes;
  // Its number in the graph or function.
  std::size_t index = 0;
  // Set by inline_functions(): the opset version that the graph, or the function that the node comes from, imports; and
  // the place of the call, else "".
  std::int64_t version = kNoVersion;
  std::string_view caller;
};

// One extent of a declared shape.
struct Dimension {
  std::int64_t value = -1;
  std::string_view symbol;
};

// ValueInfoProto of a dense tensor.
struct ValueInfo {
  std::string_view name;
  std::int64_t elem_type = 0;
  bool has_shape = false;
  std::vector<Dimension> dims;
  // A sequence of maps, as ZipMap makes it; then nothing else is known of its type.
  bool is_map = false;
};

struct Graph {
  std::string_view name;
  std::vector<Node> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
};

struct Opset {
  std::string_view domain;
  std::int64_t version = 0;
};

// FunctionProto.
struct Function {
  std::string_view name;
  std::string_view domain;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  // Attributes without a default, and those with one.
  std::vector<std::string_view> attributes;
  std::vector<Attribute> defaults;
  std::vector<Node> nodes;
  std::vector<Opset> opsets;
};

struct Model {
  std::int64_t ir_version = 0;
  std::int64_t model_version = 0;
  std::string_view producer_name;
  std::string_view producer_version;
  std::string_view domain;
  std::string_view doc_string;
  std::vector<Opset> opsets;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  Graph graph;
  std::vector<Function> functions;
  // Texts that are in no file and that names point to.
  std::deque<std::string> texts;
};

// Reads a ModelProto. Throws Failure: INVALID_MODEL for bytes that are none, UNSUPPORTED for external data, sequences,
// maps, sparse and training parts, LIMIT_EXCEEDED for more than `max_nodes` nodes in the graph or in the functions.
Model parse_model(std::string_view bytes, std::uint64_t max_nodes);

}  // namespace arsenal::runtime::onnx

#endif  // ARSENAL_SRC_ONNX_MODEL_H_
