// Writes small ONNX models for the tests.
#ifndef ARSENAL_TESTS_ONNX_WRITER_H_
#define ARSENAL_TESTS_ONNX_WRITER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace arsenal::test {

// A protobuf message under construction.
class Message {
 public:
  Message& varint(std::uint32_t field, std::uint64_t value);
  Message& integer(std::uint32_t field, std::int64_t value) { return varint(field, static_cast<std::uint64_t>(value)); }
  Message& real(std::uint32_t field, float value);
  Message& bytes(std::uint32_t field, const std::string& value);
  Message& message(std::uint32_t field, const Message& value) { return bytes(field, value.text()); }

  const std::string& text() const { return text_; }

 private:
  void put_varint(std::uint64_t value);

  std::string text_;
};

// TensorProto.
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values);
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<double>& values);
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& values);
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::int32_t>& values);
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::uint8_t>& values);
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::string>& values);
// Any dtype, elements as raw little-endian bytes.
Message raw_tensor(const std::string& name, const std::vector<std::int64_t>& dims, int dtype, const std::string& bytes);

// AttributeProto.
Message attribute(const std::string& name, std::int64_t value);
inline Message attribute(const std::string& name, int value) { return attribute(name, std::int64_t{value}); }
Message attribute(const std::string& name, float value);
Message attribute(const std::string& name, const std::string& value);
inline Message attribute(const std::string& name, const char* value) { return attribute(name, std::string(value)); }
Message attribute(const std::string& name, const std::vector<std::int64_t>& values);
Message attribute(const std::string& name, const std::vector<float>& values);
Message attribute(const std::string& name, const std::vector<std::string>& values);
Message attribute(const std::string& name, const Message& tensor);

// NodeProto. `domain` "ml" is ai.onnx.ml.
Message node(const std::string& op_type, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {},
             const std::string& domain = "", const std::string& name = "");

// AttributeProto within a function: the attribute `reference` of the call, of AttributeProto.AttributeType `type`.
Message attribute_reference(const std::string& name, const std::string& reference, int type);

struct FunctionSpec {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Message> nodes;
  std::vector<std::string> attributes = {};
  std::vector<Message> defaults = {};
  std::int64_t opset = 21;
  std::string domain = "own";
  std::string overload = "";
};

// FunctionProto. It imports its own domain, ai.onnx and ai.onnx.ml 5.
Message function(const FunctionSpec& spec);

// A dimension: known, or a name.
using Dim = std::variant<std::int64_t, std::string>;

// ValueInfoProto of a tensor.
Message value_info(const std::string& name, int dtype, const std::vector<Dim>& dims);
// Without a shape.
Message value_info(const std::string& name, int dtype);

struct ModelSpec {
  std::vector<Message> nodes;
  std::vector<Message> inputs;
  std::vector<Message> outputs;
  std::vector<Message> initializers;
  std::int64_t opset = 21;
  std::int64_t ml_opset = 5;
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::vector<Message> functions = {};
  // Of com.microsoft; 0: the model does not import it.
  std::int64_t microsoft_opset = 0;
};

// The bytes of a ModelProto. It imports the domain "own" as well.
std::string model(const ModelSpec& spec);

}  // namespace arsenal::test

#endif  // ARSENAL_TESTS_ONNX_WRITER_H_
