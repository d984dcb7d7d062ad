#include "onnx/wire.h"

#include <algorithm>
#include <cstring>

#include "failure.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed-width fields are read as they lie in memory");

namespace arsenal::runtime::onnx {

namespace {

constexpr std::size_t kMostReserved = std::size_t{1} << 16;

}  // namespace

bool WireReader::next() {
  if (position_ == bytes_.size()) return false;
  tag_position_ = position_;
  field_ = 0;
  const std::uint64_t tag = varint();
  field_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = static_cast<std::uint32_t>(tag & 7);
  if (tag >> 32 != 0 || field_ == 0) fail_here("has an invalid tag");
  if (type_ != kVarint && type_ != kFixed64 && type_ != kBytes && type_ != kFixed32) {
    fail_here("has an unknown wire type");
  }
  return true;
}

std::int64_t WireReader::integer() {
  want(kVarint);
  return static_cast<std::int64_t>(varint());
}

float WireReader::real() {
  want(kFixed32);
  float value;
  std::memcpy(&value, take(sizeof(value)).data(), sizeof(value));
  return value;
}

std::string_view WireReader::bytes() {
  want(kBytes);
  return take(varint());
}

std::string_view WireReader::utf8() {
  const std::string_view value = bytes();
  if (!is_utf8(value)) fail_here("is not UTF-8");
  return value;
}

std::string_view WireReader::text() {
  const std::string_view value = utf8();
  if (value.find('\0') != std::string_view::npos) fail_here("holds a zero byte");
  return value;
}

void WireReader::integers(std::vector<std::int64_t>& values) {
  if (type_ != kBytes) {
    reserve(values);
    values.push_back(integer());
    while (repeats()) values.push_back(static_cast<std::int64_t>(varint()));
    return;
  }
  const std::uint64_t size = varint();
  const std::size_t end = position_ + take(size).size();
  position_ = end - static_cast<std::size_t>(size);
  while (position_ < end) values.push_back(static_cast<std::int64_t>(varint()));
  if (position_ != end) fail_here("has a packed element that runs over its end");
}

void WireReader::byte_strings(std::vector<std::string_view>& values) {
  reserve(values);
  values.push_back(bytes());
  while (repeats()) values.push_back(take(varint()));
}

void WireReader::reals(std::vector<float>& values) {
  if (type_ != kBytes) {
    values.push_back(real());
    return;
  }
  const std::string_view packed = bytes();
  if (packed.size() % sizeof(float) != 0) fail_here("has a packed length that is no multiple of 4");
  const std::size_t before = values.size();
  values.resize(before + packed.size() / sizeof(float));
  if (!packed.empty()) std::memcpy(values.data() + before, packed.data(), packed.size());
}

void WireReader::doubles(std::vector<double>& values) {
  std::string_view packed;
  if (type_ == kBytes) {
    packed = bytes();
  } else {
    want(kFixed64);
    packed = take(sizeof(double));
  }
  if (packed.size() % sizeof(double) != 0) fail_here("has a packed length that is no multiple of 8");
  const std::size_t before = values.size();
  values.resize(before + packed.size() / sizeof(double));
  if (!packed.empty()) std::memcpy(values.data() + before, packed.data(), packed.size());
}

void WireReader::skip() {
  switch (type_) {
    case kVarint:
      varint();
      return;
    case kFixed64:
      take(8);
      return;
    case kFixed32:
      take(4);
      return;
    default:
      take(varint());
  }
}

bool WireReader::repeats() {
  const std::uint32_t tag = field_ << 3 | type_;
  if (tag >= 0x80 || position_ == bytes_.size() || static_cast<unsigned char>(bytes_[position_]) != tag) return false;
  tag_position_ = position_++;
  return true;
}

template <typename T>
void WireReader::reserve(std::vector<T>& values) const {
  if (values.empty()) values.reserve(std::min((bytes_.size() - position_) / 2 + 1, kMostReserved));
}

std::uint64_t WireReader::varint() {
  if (position_ < bytes_.size() && static_cast<unsigned char>(bytes_[position_]) < 0x80) {
    return static_cast<unsigned char>(bytes_[position_++]);
  }
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (position_ == bytes_.size()) fail_here("is cut off inside a number");
    const auto byte = static_cast<unsigned char>(bytes_[position_++]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail_here("has a number of more than 64 bits");
}

std::string_view WireReader::take(std::uint64_t size) {
  if (size > bytes_.size() - position_) {
    fail(ARSENAL_INVALID_MODEL, "%s field %u at offset %zu claims %llu bytes, %zu are left", message_, field_,
         tag_position_, static_cast<unsigned long long>(size), bytes_.size() - position_);
  }
  const std::string_view taken = bytes_.substr(position_, static_cast<std::size_t>(size));
  position_ += static_cast<std::size_t>(size);
  return taken;
}

void WireReader::want(WireType type) {
  if (type_ != type) fail_here("has the wrong wire type");
}

void WireReader::fail_here(const char* what) const {
  fail(ARSENAL_INVALID_MODEL, "%s field %u at offset %zu %s", message_, field_, tag_position_, what);
}

bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t tail;
    std::uint32_t code;
    std::uint32_t smallest;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if ((lead & 0xe0) == 0xc0) {
      tail = 1, code = lead & 0x1fU, smallest = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
      tail = 2, code = lead & 0x0fU, smallest = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
      tail = 3, code = lead & 0x07U, smallest = 0x10000;
    } else {
      return false;
    }
    if (tail >= text.size() - i) return false;
    for (std::size_t k = 1; k <= tail; ++k) {
      const auto byte = static_cast<unsigned char>(text[i + k]);
      if ((byte & 0xc0) != 0x80) return false;
      code = code << 6 | (byte & 0x3fU);
    }
    if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    i += tail + 1;
  }
  return true;
}

}  // namespace arsenal::runtime::onnx
