// Parts of a column that hold text outside Python objects. Bytes are pointed at, not copied, where they are UTF-8.
#include <cstring>

#include "column.hpp"

namespace arsenal::python {
namespace {

template <typename Offset>
class Utf8 : public Part {
 public:
  Utf8(std::int64_t rows, const Offset* offsets, const char* bytes, Validity validity)
      : Part(rows), offsets_(offsets), bytes_(bytes), validity_(validity) {}

  std::string type() const override { return sizeof(Offset) == 4 ? "Arrow utf8" : "Arrow large_utf8"; }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& /*keeper*/) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t row = begin + i;
      const Offset start = offsets_[row];
      const Offset end = offsets_[row + 1];
      if (start < 0 || end < start || (end > start && bytes_ == nullptr)) {
        throw BadCell{row, ARSENAL_INVALID_VALUE,
                      "the Arrow offsets go from " + std::to_string(start) + " to " + std::to_string(end)};
      }
      out[i * out_stride] =
          validity_[row] ? arsenal_string{bytes_ + start, static_cast<std::size_t>(end - start)} : arsenal_string{};
    }
  }

 private:
  const Offset* offsets_;
  const char* bytes_;
  Validity validity_;
};

class Utf8View : public Part {
 public:
  Utf8View(std::int64_t rows, const std::byte* views, const void* const* buffers, const std::int64_t* buffer_sizes,
           std::int64_t n_buffers, Validity validity)
      : Part(rows),
        views_(views),
        buffers_(buffers),
        buffer_sizes_(buffer_sizes),
        n_buffers_(n_buffers),
        validity_(validity) {}

  std::string type() const override { return "Arrow string_view"; }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& /*keeper*/) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t row = begin + i;
      if (!validity_[row]) {
        out[i * out_stride] = {nullptr, 0};
        continue;
      }
      // A view is its length, then up to 12 bytes of text; or 4 bytes of it, a buffer's number and an offset.
      const std::byte* view = views_ + row * 16;
      std::int32_t length = 0;
      std::int32_t place[2];
      std::memcpy(&length, view, 4);
      if (length >= 0 && length <= 12) {
        out[i * out_stride] = {reinterpret_cast<const char*>(view + 4), static_cast<std::size_t>(length)};
        continue;
      }
      std::memcpy(place, view + 8, 8);
      const bool inside = length >= 0 && place[0] >= 0 && place[0] < n_buffers_ && place[1] >= 0 &&
                          std::int64_t{place[1]} + length <= buffer_sizes_[place[0]];
      if (!inside) {
        throw BadCell{row, ARSENAL_INVALID_VALUE,
                      "the Arrow view of " + std::to_string(length) + " bytes lies outside its buffer"};
      }
      out[i * out_stride] = {static_cast<const char*>(buffers_[place[0]]) + place[1], static_cast<std::size_t>(length)};
    }
  }

 private:
  const std::byte* views_;
  const void* const* buffers_;
  const std::int64_t* buffer_sizes_;
  std::int64_t n_buffers_;
  Validity validity_;
};

/// Writes a code point as UTF-8 and returns the end.
char* encode(std::uint32_t code, char* out) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *out++ = static_cast<char>(0xe0 | code >> 12);
    *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  } else {
    *out++ = static_cast<char>(0xf0 | code >> 18);
    *out++ = static_cast<char>(0x80 | (code >> 12 & 63));
    *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (code & 63));
  }
  return out;
}

class Ucs4 : public Part {
 public:
  Ucs4(std::int64_t rows, const std::byte* values, std::int64_t stride, std::int64_t width)
      : Part(rows), values_(values), stride_(stride), width_(width) {}

  std::string type() const override { return "text (NumPy str_)"; }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& keeper) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::byte* units = values_ + (begin + i) * stride_;
      std::int64_t length = width_;
      while (length > 0 && unit(units, length - 1) == 0) --length;
      char* start = keeper.room(static_cast<std::size_t>(4 * length));
      char* end = start;
      for (std::int64_t k = 0; k < length; ++k) {
        const std::uint32_t code = unit(units, k);
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
          throw BadCell{begin + i, ARSENAL_INVALID_VALUE,
                        "code unit " + std::to_string(code) + " is no Unicode character"};
        }
        end = encode(code, end);
      }
      out[i * out_stride] = {start, static_cast<std::size_t>(end - start)};
    }
  }

 private:
  static std::uint32_t unit(const std::byte* units, std::int64_t k) {
    std::uint32_t code = 0;
    std::memcpy(&code, units + 4 * k, 4);
    return code;
  }

  const std::byte* values_;
  std::int64_t stride_;
  std::int64_t width_;
};

class StringDtype : public Part {
 public:
  StringDtype(std::int64_t rows, PyArray_Descr* descr, const std::byte* values, std::int64_t stride)
      : Part(rows), descr_(reinterpret_cast<PyArray_StringDTypeObject*>(descr)), values_(values), stride_(stride) {}

  std::string type() const override { return "text (NumPy StringDType)"; }
  bool needs_gil() const override { return true; }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& keeper) const override {
    // NumPy lends the text under a lock only, so that it has to be copied.
    const Lock lock(descr_);
    for (std::int64_t i = 0; i < n; ++i) {
      npy_static_string lent = {0, nullptr};
      const auto* packed = reinterpret_cast<const npy_packed_static_string*>(values_ + (begin + i) * stride_);
      const int is_null = NpyString_load(lock.allocator, packed, &lent);
      if (is_null < 0) throw BadCell{begin + i, ARSENAL_INVALID_VALUE, "NumPy cannot load the string"};
      if (is_null == 1 || lent.size == 0) {
        out[i * out_stride] = {nullptr, 0};
      } else {
        char* copy = keeper.room(lent.size);
        std::memcpy(copy, lent.buf, lent.size);
        out[i * out_stride] = {copy, lent.size};
      }
    }
  }

 private:
  struct Lock {
    explicit Lock(const PyArray_StringDTypeObject* descr) : allocator(NpyString_acquire_allocator(descr)) {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock() { NpyString_release_allocator(allocator); }
    npy_string_allocator* allocator;
  };

  PyArray_StringDTypeObject* descr_;
  const std::byte* values_;
  std::int64_t stride_;
};

}  // namespace

std::unique_ptr<Part> utf8_part(std::int64_t rows, const std::int32_t* offsets, const char* bytes, Validity validity) {
  return std::make_unique<Utf8<std::int32_t>>(rows, offsets, bytes, validity);
}

std::unique_ptr<Part> large_utf8_part(std::int64_t rows, const std::int64_t* offsets, const char* bytes,
                                      Validity validity) {
  return std::make_unique<Utf8<std::int64_t>>(rows, offsets, bytes, validity);
}

std::unique_ptr<Part> utf8_view_part(std::int64_t rows, const std::byte* views, const void* const* buffers,
                                     const std::int64_t* buffer_sizes, std::int64_t n_buffers, Validity validity) {
  return std::make_unique<Utf8View>(rows, views, buffers, buffer_sizes, n_buffers, validity);
}

std::unique_ptr<Part> ucs4_part(std::int64_t rows, const std::byte* values, std::int64_t stride, std::int64_t width) {
  return std::make_unique<Ucs4>(rows, values, stride, width);
}

std::unique_ptr<Part> string_dtype_part(std::int64_t rows, PyArray_Descr* descr, const std::byte* values,
                                        std::int64_t stride) {
  return std::make_unique<StringDtype>(rows, descr, values, stride);
}

}  // namespace arsenal::python
