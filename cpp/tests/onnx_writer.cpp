#include "onnx_writer.h"

#include <cstring>

#include "arsenal/runtime.h"

namespace arsenal::test {

void Message::put_varint(std::uint64_t value) {
  while (value >= 0x80) {
    text_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  text_ += static_cast<char>(value);
}

Message& Message::varint(std::uint32_t field, std::uint64_t value) {
  put_varint(std::uint64_t{field} << 3);
  put_varint(value);
  return *this;
}

Message& Message::real(std::uint32_t field, float value) {
  put_varint(std::uint64_t{field} << 3 | 5);
  char raw[4];
  std::memcpy(raw, &value, 4);
  text_.append(raw, 4);
  return *this;
}

Message& Message::bytes(std::uint32_t field, const std::string& value) {
  put_varint(std::uint64_t{field} << 3 | 2);
  put_varint(value.size());
  text_ += value;
  return *this;
}

Message raw_tensor(const std::string& name, const std::vector<std::int64_t>& dims, int dtype,
                   const std::string& bytes) {
  Message message;
  for (const std::int64_t dim : dims) message.integer(1, dim);
  return message.integer(2, dtype).bytes(8, name).bytes(9, bytes);
}

namespace {

template <typename T>
Message raw_tensor_of(const std::string& name, const std::vector<std::int64_t>& dims, int dtype,
                      const std::vector<T>& values) {
  return raw_tensor(name, dims, dtype,
                    std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
}

}  // namespace

Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values) {
  return raw_tensor_of(name, dims, ARSENAL_FLOAT, values);
}
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<double>& values) {
  return raw_tensor_of(name, dims, ARSENAL_DOUBLE, values);
}
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims,
               const std::vector<std::int64_t>& values) {
  return raw_tensor_of(name, dims, ARSENAL_INT64, values);
}
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims,
               const std::vector<std::int32_t>& values) {
  return raw_tensor_of(name, dims, ARSENAL_INT32, values);
}
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims,
               const std::vector<std::uint8_t>& values) {
  return raw_tensor_of(name, dims, ARSENAL_UINT8, values);
}
Message tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::string>& values) {
  Message message;
  for (const std::int64_t dim : dims) message.integer(1, dim);
  message.integer(2, ARSENAL_STRING);
  for (const std::string& value : values) message.bytes(6, value);
  return message.bytes(8, name);
}

Message attribute(const std::string& name, std::int64_t value) {
  return Message().bytes(1, name).integer(3, value).integer(20, 2);
}
Message attribute(const std::string& name, float value) {
  return Message().bytes(1, name).real(2, value).integer(20, 1);
}
Message attribute(const std::string& name, const std::string& value) {
  return Message().bytes(1, name).bytes(4, value).integer(20, 3);
}
Message attribute(const std::string& name, const Message& tensor) {
  return Message().bytes(1, name).message(5, tensor).integer(20, 4);
}
Message attribute(const std::string& name, const std::vector<float>& values) {
  Message message;
  message.bytes(1, name);
  for (const float value : values) message.real(7, value);
  return message.integer(20, 6);
}
Message attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  Message message;
  message.bytes(1, name);
  for (const std::int64_t value : values) message.integer(8, value);
  return message.integer(20, 7);
}
Message attribute(const std::string& name, const std::vector<std::string>& values) {
  Message message;
  message.bytes(1, name);
  for (const std::string& value : values) message.bytes(9, value);
  return message.integer(20, 8);
}

Message node(const std::string& op_type, const std::vector<std::string>& inputs,
             const std::vector<std::string>& outputs, const std::vector<Message>& attributes, const std::string& domain,
             const std::string& name) {
  Message message;
  for (const std::string& input : inputs) message.bytes(1, input);
  for (const std::string& output : outputs) message.bytes(2, output);
  if (!name.empty()) message.bytes(3, name);
  message.bytes(4, op_type);
  for (const Message& entry : attributes) message.message(5, entry);
  if (!domain.empty()) message.bytes(7, domain == "ml" ? "ai.onnx.ml" : domain);
  return message;
}

Message attribute_reference(const std::string& name, const std::string& reference, int type) {
  return Message().bytes(1, name).integer(20, type).bytes(21, reference);
}

Message function(const FunctionSpec& spec) {
  Message message;
  message.bytes(1, spec.name);
  for (const std::string& input : spec.inputs) message.bytes(4, input);
  for (const std::string& output : spec.outputs) message.bytes(5, output);
  for (const std::string& name : spec.attributes) message.bytes(6, name);
  for (const Message& entry : spec.nodes) message.message(7, entry);
  message.message(9, Message().bytes(1, "").integer(2, spec.opset));
  message.message(9, Message().bytes(1, "ai.onnx.ml").integer(2, 5));
  message.message(9, Message().bytes(1, spec.domain).integer(2, 1));
  message.bytes(10, spec.domain);
  for (const Message& entry : spec.defaults) message.message(11, entry);
  if (!spec.overload.empty()) message.bytes(13, spec.overload);
  return message;
}

Message value_info(const std::string& name, int dtype, const std::vector<Dim>& dims) {
  Message shape;
  for (const Dim& dim : dims) {
    Message extent;
    if (const auto* value = std::get_if<std::int64_t>(&dim)) {
      extent.integer(1, *value);
    } else {
      extent.bytes(2, std::get<std::string>(dim));
    }
    shape.message(1, extent);
  }
  const Message type = Message().message(1, Message().integer(1, dtype).message(2, shape));
  return Message().bytes(1, name).message(2, type);
}

Message value_info(const std::string& name, int dtype) {
  return Message().bytes(1, name).message(2, Message().message(1, Message().integer(1, dtype)));
}

std::string model(const ModelSpec& spec) {
  Message graph;
  for (const Message& entry : spec.nodes) graph.message(1, entry);
  graph.bytes(2, "test graph");
  for (const Message& entry : spec.initializers) graph.message(5, entry);
  for (const Message& entry : spec.inputs) graph.message(11, entry);
  for (const Message& entry : spec.outputs) graph.message(12, entry);
  Message message;
  message.integer(1, 10)
      .bytes(2, "arsenal tests")
      .bytes(3, "1.2")
      .bytes(4, "org.example")
      .integer(5, 7)
      .bytes(6, "a test");
  message.message(7, graph);
  message.message(8, Message().bytes(1, "").integer(2, spec.opset));
  message.message(8, Message().bytes(1, "ai.onnx.ml").integer(2, spec.ml_opset));
  if (spec.microsoft_opset > 0) {
    message.message(8, Message().bytes(1, "com.microsoft").integer(2, spec.microsoft_opset));
  }
  if (!spec.functions.empty()) message.message(8, Message().bytes(1, "own").integer(2, 1));
  for (const Message& entry : spec.functions) message.message(25, entry);
  for (const auto& [key, value] : spec.metadata) message.message(14, Message().bytes(1, key).bytes(2, value));
  return message.text();
}

}  // namespace arsenal::test
