#include "onnx/parts.h"

#include "failure.h"
#include "onnx/wire.h"

namespace arsenal::runtime::onnx {

namespace {

// Field numbers of onnx.proto, by message.
namespace node_field {
enum { kInput = 1, kOutput = 2, kName = 3, kOpType = 4, kAttribute = 5, kDomain = 7, kOverload = 8 };
}
namespace attribute_field {
enum {
  kName = 1,
  kF = 2,
  kI = 3,
  kS = 4,
  kT = 5,
  kFloats = 7,
  kInts = 8,
  kStrings = 9,
  kType = 20,
  kRefAttrName = 21,
};
}
namespace tensor_field {
enum {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14,
};
}

// Far more than any operator has. It keeps the memory for parsed attributes linear in the file's size with a small
// factor.
constexpr std::size_t kMostAttributes = 256;

// Files of IR version 1 may leave the type out; then the field that is there tells it.
void infer_type(Attribute& attribute, AttributeType seen) {
  if (attribute.type == AttributeType::kUndefined) attribute.type = seen;
}

}  // namespace

Attribute parse_attribute(std::string_view bytes, bool in_function) {
  Attribute attribute;
  AttributeType seen = AttributeType::kUndefined;
  for (WireReader reader(bytes, "AttributeProto"); reader.next();) {
    switch (reader.field()) {
      case attribute_field::kName:
        attribute.name = reader.text();
        break;
      case attribute_field::kF:
        attribute.f = reader.real();
        seen = AttributeType::kFloat;
        break;
      case attribute_field::kI:
        attribute.i = reader.integer();
        seen = AttributeType::kInt;
        break;
      case attribute_field::kS:
        attribute.s = reader.bytes();
        seen = AttributeType::kString;
        break;
      case attribute_field::kT: {
        const std::string_view tensor = reader.bytes();
        attribute.t =
            within([&] { return "attribute " + quoted(attribute.name); }, [&] { return parse_tensor(tensor); });
        seen = AttributeType::kTensor;
        break;
      }
      case attribute_field::kFloats:
        reader.reals(attribute.floats);
        seen = AttributeType::kFloats;
        break;
      case attribute_field::kInts:
        reader.integers(attribute.ints);
        seen = AttributeType::kInts;
        break;
      case attribute_field::kStrings:
        reader.byte_strings(attribute.strings);
        seen = AttributeType::kStrings;
        break;
      case attribute_field::kType:
        attribute.type = static_cast<AttributeType>(reader.integer());
        break;
      case attribute_field::kRefAttrName:
        attribute.reference = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  if (attribute.name.empty()) fail(ARSENAL_INVALID_MODEL, "an attribute has no name");
  if (!attribute.reference.empty() && !in_function) {
    fail(ARSENAL_INVALID_MODEL, "attribute %s refers to a function's attribute outside of a function",
         quoted(attribute.name).c_str());
  }
  infer_type(attribute, seen);
  return attribute;
}

namespace {

Dimension parse_dimension(std::string_view bytes) {
  Dimension dimension;
  for (WireReader reader(bytes, "TensorShapeProto.Dimension"); reader.next();) {
    switch (reader.field()) {
      case 1:
        // Some writers put -1 for "unknown"; nothing else below 0 means anything.
        dimension.value = reader.integer();
        if (dimension.value < -1) fail(ARSENAL_INVALID_MODEL, "a dimension is negative");
        break;
      case 2:
        dimension.symbol = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  return dimension;
}

void parse_tensor_type(std::string_view bytes, ValueInfo& value) {
  for (WireReader reader(bytes, "TypeProto.Tensor"); reader.next();) {
    switch (reader.field()) {
      case 1:
        value.elem_type = reader.integer();
        break;
      case 2:
        value.has_shape = true;
        for (WireReader shape(reader.bytes(), "TensorShapeProto"); shape.next();) {
          if (shape.field() == 1) {
            value.dims.push_back(parse_dimension(shape.bytes()));
          } else {
            shape.skip();
          }
        }
        if (value.dims.size() > ARSENAL_MAX_RANK) {
          fail(ARSENAL_UNSUPPORTED, "the declared rank is %zu, supported is up to %d", value.dims.size(),
               ARSENAL_MAX_RANK);
        }
        break;
      default:
        reader.skip();
    }
  }
}

// Whether a TypeProto.Sequence is one of maps.
bool is_sequence_of_maps(std::string_view bytes) {
  constexpr std::uint32_t kElemType = 1, kMapType = 5;
  for (WireReader sequence(bytes, "TypeProto.Sequence"); sequence.next();) {
    if (sequence.field() != kElemType) {
      sequence.skip();
      continue;
    }
    for (WireReader element(sequence.bytes(), "TypeProto"); element.next(); element.skip()) {
      if (element.field() == kMapType) return true;
    }
  }
  return false;
}

// Field numbers of TypeProto's kinds other than dense tensors.
const char* unsupported_kind(std::uint32_t field) {
  switch (field) {
    case 5:
      return "map";
    case 7:
      return "opaque";
    case 8:
      return "sparse tensor";
    case 9:
      return "optional";
    default:
      return nullptr;
  }
}

}  // namespace

TensorProto parse_tensor(std::string_view bytes) {
  TensorProto tensor;
  bool external = false;
  for (WireReader reader(bytes, "TensorProto"); reader.next();) {
    switch (reader.field()) {
      case tensor_field::kDims:
        reader.integers(tensor.dims);
        break;
      case tensor_field::kDataType:
        tensor.data_type = reader.integer();
        break;
      case tensor_field::kSegment:
        fail(ARSENAL_UNSUPPORTED, "TensorProto.segment (a tensor in chunks) is not supported");
      case tensor_field::kFloatData:
        reader.reals(tensor.float_data);
        break;
      case tensor_field::kInt32Data:
        reader.integers(tensor.int32_data);
        break;
      case tensor_field::kStringData:
        reader.byte_strings(tensor.string_data);
        break;
      case tensor_field::kInt64Data:
        reader.integers(tensor.int64_data);
        break;
      case tensor_field::kName:
        tensor.name = reader.text();
        break;
      case tensor_field::kRawData:
        tensor.raw_data = reader.bytes();
        tensor.has_raw_data = true;
        break;
      case tensor_field::kDoubleData:
        reader.doubles(tensor.double_data);
        break;
      case tensor_field::kUint64Data:
        reader.integers(tensor.uint64_data);
        break;
      case tensor_field::kExternalData:
        reader.skip();
        external = true;
        break;
      case tensor_field::kDataLocation:
        external = reader.integer() != 0 || external;
        break;
      default:
        reader.skip();
    }
  }
  if (external) {
    fail(ARSENAL_UNSUPPORTED, "tensor %s keeps its data outside the file; save the model in one file",
         quoted(tensor.name).c_str());
  }
  return tensor;
}

Node parse_node(std::string_view bytes, bool in_function) {
  Node node;
  for (WireReader reader(bytes, "NodeProto"); reader.next();) {
    switch (reader.field()) {
      case node_field::kInput:
        node.inputs.push_back(reader.text());
        break;
      case node_field::kOutput:
        node.outputs.push_back(reader.text());
        break;
      case node_field::kName:
        node.name = reader.text();
        break;
      case node_field::kOpType:
        node.op_type = reader.text();
        break;
      case node_field::kAttribute:
        if (node.attributes.size() == kMostAttributes) fail(ARSENAL_LIMIT_EXCEEDED, "a node has over 256 attributes");
        node.attributes.push_back(parse_attribute(reader.bytes(), in_function));
        break;
      case node_field::kDomain:
        node.domain = reader.text();
        if (node.domain == "ai.onnx") node.domain = "";
        break;
      case node_field::kOverload:
        node.overload = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  if (node.op_type.empty()) fail(ARSENAL_INVALID_MODEL, "node %s has no op_type", quoted(node.name).c_str());
  return node;
}

ValueInfo parse_value_info(std::string_view bytes) {
  ValueInfo value;
  std::string_view type;
  for (WireReader reader(bytes, "ValueInfoProto"); reader.next();) {
    switch (reader.field()) {
      case 1:
        value.name = reader.text();
        break;
      case 2:
        type = reader.bytes();
        break;
      default:
        reader.skip();
    }
  }
  if (value.name.empty()) fail(ARSENAL_INVALID_MODEL, "a graph input or output has no name");
  within([&] { return "value " + quoted(value.name); },
         [&] {
           for (WireReader reader(type, "TypeProto"); reader.next();) {
             if (reader.field() == 1) {
               parse_tensor_type(reader.bytes(), value);
             } else if (reader.field() == 4) {
               value.is_map = is_sequence_of_maps(reader.bytes());
               if (!value.is_map) {
                 fail(ARSENAL_UNSUPPORTED, "its type is a sequence; only dense tensors are supported");
               }
             } else if (const char* kind = unsupported_kind(reader.field())) {
               fail(ARSENAL_UNSUPPORTED, "its type is a %s; only dense tensors are supported", kind);
             } else {
               reader.skip();
             }
           }
         });
  return value;
}

}  // namespace arsenal::runtime::onnx
