// Reads the protobuf wire format: every length is checked against what is left, nothing is copied, nothing recurses.
#ifndef ARSENAL_SRC_ONNX_WIRE_H_
#define ARSENAL_SRC_ONNX_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace arsenal::runtime::onnx {

// Walks the fields of one message:
//   for (WireReader reader(bytes, "NodeProto"); reader.next();) switch (reader.field()) { … default: reader.skip(); }
// Each field must be consumed by exactly one accessor. Failures name the message, the field and the offset.
class WireReader {
 public:
  // `message` is the protobuf name for error messages; it must outlive the reader.
  WireReader(std::string_view bytes, const char* message) : bytes_(bytes), message_(message) {}

  // Reads the next tag; false at the end of the message.
  bool next();

  // Field number of the current tag.
  std::uint32_t field() const { return field_; }

  // A varint field: int64, uint64, int32, enum or bool.
  std::int64_t integer();
  // A 32-bit float field.
  float real();
  // A length-delimited field: bytes, string or message.
  std::string_view bytes();
  // A string that must be UTF-8 without zero bytes.
  std::string_view text();
  // A string that must be UTF-8.
  std::string_view utf8();

  // One or many elements of a repeated field, packed or not, appended to `values`.
  void integers(std::vector<std::int64_t>& values);
  void reals(std::vector<float>& values);
  void doubles(std::vector<double>& values);
  // One or more strings of a repeated field, of any bytes, appended to `values`.
  void byte_strings(std::vector<std::string_view>& values);

  // Ignores a field of any valid wire type.
  void skip();

 private:
  enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  // Goes on to the next field if it has this one's tag, which most writers repeat for every element, in one byte.
  bool repeats();
  // Makes room for all elements that may follow, at two bytes or more each; memory that is not used is not touched.
  template <typename T>
  void reserve(std::vector<T>& values) const;
  std::uint64_t varint();
  std::string_view take(std::uint64_t size);
  void want(WireType type);
  [[noreturn]] void fail_here(const char* what) const;

  std::string_view bytes_;
  const char* message_;
  std::size_t position_ = 0;
  std::size_t tag_position_ = 0;
  std::uint32_t field_ = 0;
  std::uint32_t type_ = 0;
};

// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text) noexcept;

}  // namespace arsenal::runtime::onnx

#endif  // ARSENAL_SRC_ONNX_WIRE_H_
