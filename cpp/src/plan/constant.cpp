#include "plan/constant.h"

#include <cstring>

#include "failure.h"

namespace arsenal::runtime {

namespace {

struct DtypeFacts {
  const char* name;
  std::size_t size;
};

constexpr DtypeFacts kDtypes[] = {
    {"undefined", 0}, {"float", 4},   {"uint8", 1},
    {"int8", 1},      {"uint16", 2},  {"int16", 2},
    {"int32", 4},     {"int64", 8},   {"string", sizeof(arsenal_string)},
    {"bool", 1},      {"float16", 2}, {"double", 8},
    {"uint32", 4},    {"uint64", 8},
};
constexpr std::int32_t kDtypeCount = sizeof(kDtypes) / sizeof(kDtypes[0]);

Shape shape_of(const std::vector<std::int64_t>& dims) {
  if (dims.size() > ARSENAL_MAX_RANK) {
    fail(ARSENAL_UNSUPPORTED, "its rank is %zu, supported is up to %d", dims.size(), ARSENAL_MAX_RANK);
  }
  Shape shape{0, {}};
  for (const std::int64_t dim : dims) {
    if (dim < 0) fail(ARSENAL_INVALID_MODEL, "it has a negative dimension");
    shape.dims[shape.rank++] = dim;
  }
  return shape;
}

void check_length(std::int64_t elements, std::size_t wanted_unit, std::size_t got, const char* field) {
  if (elements < 0 || static_cast<std::uint64_t>(elements) != got / wanted_unit || got % wanted_unit != 0) {
    fail(ARSENAL_INVALID_MODEL, "its %s has %zu %s, its dims ask for %lld elements", field, got,
         wanted_unit == 1 ? "elements" : "bytes", static_cast<long long>(elements));
  }
}

// Narrows the wide elements that ONNX stores small types in; a value that does not fit is an error.
template <typename T>
void narrow(const std::vector<std::int64_t>& from, T* to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = static_cast<T>(from[i]);
    if (static_cast<std::int64_t>(to[i]) != from[i]) {
      fail(ARSENAL_INVALID_MODEL, "its element %zu does not fit its data_type", i);
    }
  }
}

}  // namespace

std::size_t dtype_size(std::int32_t dtype) noexcept {
  return dtype < 0 || dtype >= kDtypeCount ? 0 : kDtypes[dtype].size;
}

const char* dtype_name(std::int32_t dtype) noexcept {
  return dtype < 0 || dtype >= kDtypeCount ? "?" : kDtypes[dtype].name;
}

Constant::Constant(std::int32_t dtype, const Shape& shape) : dtype_(dtype), shape_(shape), size_(element_count(shape)) {
  const std::size_t element = dtype_size(dtype);
  if (size_ < 0 || element == 0) fail(ARSENAL_INVALID_MODEL, "a constant is too large");
  const std::size_t words = (static_cast<std::size_t>(size_) * element + 7) / 8;
  storage_ = std::make_unique<std::uint64_t[]>(words == 0 ? 1 : words);
}

Constant Constant::of_strings(const std::vector<std::string_view>& values, const Shape& shape) {
  check_length(element_count(shape), 1, values.size(), "string data");
  Constant constant(ARSENAL_STRING, shape);
  std::size_t bytes = 0;
  for (const std::string_view value : values) bytes += value.size();
  constant.text_ = std::make_unique<char[]>(bytes == 0 ? 1 : bytes);
  char* end = constant.text_.get();
  auto* element = constant.mutable_as<arsenal_string>();
  for (const std::string_view value : values) {
    if (!value.empty()) std::memcpy(end, value.data(), value.size());
    *element++ = {end, value.size()};
    end += value.size();
  }
  return constant;
}

Constant Constant::of_proto(const onnx::TensorProto& proto) {
  const Shape shape = shape_of(proto.dims);
  const std::int64_t count = element_count(shape);
  if (proto.data_type == ARSENAL_STRING) {
    if (proto.has_raw_data) fail(ARSENAL_INVALID_MODEL, "strings cannot be raw_data");
    check_length(count, 1, proto.string_data.size(), "string_data");
    return of_strings(proto.string_data, shape);
  }
  const auto dtype = static_cast<std::int32_t>(proto.data_type);
  const std::size_t element = proto.data_type == dtype ? dtype_size(dtype) : 0;
  if (element == 0) {
    fail(ARSENAL_UNSUPPORTED, "its data_type %lld is not supported", static_cast<long long>(proto.data_type));
  }
  if (proto.has_raw_data) {
    check_length(count, element, proto.raw_data.size(), "raw_data");
    Constant constant(dtype, shape);
    if (!proto.raw_data.empty()) std::memcpy(constant.mutable_as<char>(), proto.raw_data.data(), proto.raw_data.size());
    if (dtype == ARSENAL_BOOL) {
      for (std::int64_t i = 0; i < count; ++i)
        constant.mutable_as<std::uint8_t>()[i] = proto.raw_data[static_cast<std::size_t>(i)] != 0;
    }
    return constant;
  }
  const auto checked = [&](std::size_t got, const char* field) {
    check_length(count, 1, got, field);
    return Constant(dtype, shape);
  };
  const auto copied = [&](const auto& values, const char* field) {
    Constant constant = checked(values.size(), field);
    if (!values.empty()) std::memcpy(constant.mutable_as<char>(), values.data(), values.size() * element);
    return constant;
  };
  const auto narrowed = [&](auto zero, const std::vector<std::int64_t>& values, const char* field) {
    Constant constant = checked(values.size(), field);
    narrow(values, constant.mutable_as<decltype(zero)>());
    return constant;
  };
  switch (dtype) {
    case ARSENAL_FLOAT:
      return copied(proto.float_data, "float_data");
    case ARSENAL_DOUBLE:
      return copied(proto.double_data, "double_data");
    case ARSENAL_INT64:
      return copied(proto.int64_data, "int64_data");
    case ARSENAL_UINT64:
      return copied(proto.uint64_data, "uint64_data");
    case ARSENAL_UINT32:
      return narrowed(std::uint32_t{}, proto.uint64_data, "uint64_data");
    case ARSENAL_INT32:
      return narrowed(std::int32_t{}, proto.int32_data, "int32_data");
    case ARSENAL_INT16:
      return narrowed(std::int16_t{}, proto.int32_data, "int32_data");
    case ARSENAL_INT8:
      return narrowed(std::int8_t{}, proto.int32_data, "int32_data");
    case ARSENAL_UINT16:
    case ARSENAL_FLOAT16:
      return narrowed(std::uint16_t{}, proto.int32_data, "int32_data");
    case ARSENAL_UINT8:
      return narrowed(std::uint8_t{}, proto.int32_data, "int32_data");
    case ARSENAL_BOOL: {
      Constant constant = checked(proto.int32_data.size(), "int32_data");
      for (std::size_t i = 0; i < proto.int32_data.size(); ++i) {
        constant.mutable_as<std::uint8_t>()[i] = proto.int32_data[i] != 0;
      }
      return constant;
    }
    default:
      fail(ARSENAL_UNSUPPORTED, "its data_type %s is not supported", dtype_name(dtype));
  }
}

}  // namespace arsenal::runtime
