#include "plan/op.h"

#include <algorithm>

namespace arsenal::runtime {

namespace {

const char* type_name(onnx::AttributeType type) {
  switch (type) {
    case onnx::AttributeType::kFloat:
      return "float";
    case onnx::AttributeType::kInt:
      return "int";
    case onnx::AttributeType::kString:
      return "string";
    case onnx::AttributeType::kTensor:
      return "tensor";
    case onnx::AttributeType::kFloats:
      return "list of floats";
    case onnx::AttributeType::kInts:
      return "list of ints";
    case onnx::AttributeType::kStrings:
      return "list of strings";
    default:
      return "type of another kind";
  }
}

std::size_t trimmed_count(const std::vector<std::string_view>& names) {
  std::size_t count = names.size();
  while (count > 0 && names[count - 1].empty()) --count;
  return count;
}

void want_count(std::size_t got, std::size_t least, std::size_t most, const char* what) {
  if (got >= least && got <= most) return;
  if (least == most) fail(ARSENAL_INVALID_MODEL, "it has %zu %s, wanted %zu", got, what, least);
  fail(ARSENAL_INVALID_MODEL, "it has %zu %s, wanted %zu to %zu", got, what, least, most);
}

}  // namespace

OpBuilder::OpBuilder(const onnx::Node& node, std::int64_t version, std::vector<Operand> inputs, const Limits& limits,
                     Compat compat, TreeFacts& trees)
    : node_(node),
      version_(version),
      inputs_(std::move(inputs)),
      output_count_(trimmed_count(node.outputs)),
      limits_(limits),
      compat_(compat),
      trees_(trees),
      known_(node.attributes.size(), false) {
  inputs_.resize(trimmed_count(node.inputs));
  for (std::size_t i = 0; i < node.attributes.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (node.attributes[i].name == node.attributes[k].name) {
        fail(ARSENAL_INVALID_MODEL, "attribute %s appears twice", quoted(node.attributes[i].name).c_str());
      }
    }
  }
}

void OpBuilder::want_inputs(std::size_t least, std::size_t most) const {
  want_count(inputs_.size(), least, most, "inputs");
}

void OpBuilder::want_outputs(std::size_t least, std::size_t most) const {
  want_count(output_count_, least, most, "outputs");
}

const Operand& OpBuilder::input(std::size_t index) const {
  if (!has_input(index)) fail(ARSENAL_INVALID_MODEL, "input %zu is missing", index);
  return inputs_[index];
}

const Constant& OpBuilder::constant_input(std::size_t index, const char* role) const {
  const Operand& operand = input(index);
  if (operand.constant == nullptr) {
    fail(ARSENAL_UNSUPPORTED, "input %zu (%s) must be an initializer or follow from initializers", index, role);
  }
  return *operand.constant;
}

const onnx::Attribute* OpBuilder::find(std::string_view name, onnx::AttributeType type) {
  for (std::size_t i = 0; i < node_.attributes.size(); ++i) {
    const onnx::Attribute& attribute = node_.attributes[i];
    if (attribute.name != name) continue;
    known_[i] = true;
    if (attribute.type != type) {
      fail(ARSENAL_INVALID_MODEL, "attribute %s is a %s, wanted a %s", quoted(name).c_str(), type_name(attribute.type),
           type_name(type));
    }
    return &attribute;
  }
  return nullptr;
}

bool OpBuilder::has(std::string_view name) {
  return std::any_of(node_.attributes.begin(), node_.attributes.end(),
                     [&](const onnx::Attribute& attribute) { return attribute.name == name; });
}

std::int64_t OpBuilder::integer(std::string_view name, std::int64_t fallback) {
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kInt);
  return attribute == nullptr ? fallback : attribute->i;
}

std::int64_t OpBuilder::required_integer(std::string_view name) {
  if (!has(name)) fail(ARSENAL_INVALID_MODEL, "attribute %s is missing", quoted(name).c_str());
  return integer(name, 0);
}

float OpBuilder::real(std::string_view name, float fallback) {
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kFloat);
  return attribute == nullptr ? fallback : attribute->f;
}

std::string_view OpBuilder::string(std::string_view name, std::string_view fallback) {
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kString);
  return attribute == nullptr ? fallback : attribute->s;
}

const std::vector<std::int64_t>& OpBuilder::integers(std::string_view name) {
  static const std::vector<std::int64_t> kNone;
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kInts);
  return attribute == nullptr ? kNone : attribute->ints;
}

const std::vector<float>& OpBuilder::reals(std::string_view name) {
  static const std::vector<float> kNone;
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kFloats);
  return attribute == nullptr ? kNone : attribute->floats;
}

const std::vector<std::string_view>& OpBuilder::strings(std::string_view name) {
  static const std::vector<std::string_view> kNone;
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kStrings);
  return attribute == nullptr ? kNone : attribute->strings;
}

const onnx::TensorProto* OpBuilder::tensor(std::string_view name) {
  const onnx::Attribute* attribute = find(name, onnx::AttributeType::kTensor);
  return attribute == nullptr ? nullptr : &attribute->t;
}

void OpBuilder::ignore(std::string_view name) {
  for (std::size_t i = 0; i < node_.attributes.size(); ++i) {
    if (node_.attributes[i].name == name) known_[i] = true;
  }
}

void OpBuilder::want_dtype(std::size_t index, std::initializer_list<std::int32_t> allowed) const {
  const std::int32_t dtype = input(index).dtype;
  std::string names;
  for (const std::int32_t candidate : allowed) {
    if (candidate == dtype) return;
    names += (names.empty() ? "" : ", ") + std::string(dtype_name(candidate));
  }
  fail(ARSENAL_UNSUPPORTED, "input %zu has dtype %s, supported: %s", index, dtype_name(dtype), names.c_str());
}

const std::vector<std::int32_t>& OpBuilder::finish() const {
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (!known_[i]) {
      fail(ARSENAL_INVALID_MODEL, "attribute %s does not belong to this operator",
           quoted(node_.attributes[i].name).c_str());
    }
  }
  return output_dtypes_;
}

}  // namespace arsenal::runtime
