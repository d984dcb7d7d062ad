// One column of a table, wherever its values come from, read row range by row range as numbers or as text.
#ifndef ARSENAL_PYTHON_COLUMN_HPP_
#define ARSENAL_PYTHON_COLUMN_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "error.hpp"

namespace arsenal::python {

/// Keeps alive what string elements point to, where that is not the caller's own memory.
class TextKeeper {
 public:
  TextKeeper() = default;
  TextKeeper(const TextKeeper&) = delete;
  TextKeeper& operator=(const TextKeeper&) = delete;
  ~TextKeeper() { clear(); }

  /// Room for `size` bytes of text.
  char* room(std::size_t size);

  /// Holds a reference to `text`. Needs the GIL, and so does the clear() that follows.
  void hold(PyObject* text);

  /// Forgets everything; room that was handed out may be handed out again.
  void clear();

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_size_ = 0;
  std::size_t used_ = 0;
  std::vector<PyObject*> held_;
};

/// A cell that cannot be read as what the model takes. `row` counts from the start of the part.
struct BadCell {
  std::int64_t row;
  arsenal_status status;
  std::string message;
};

/// The whole part holds numbers where text is wanted, or the other way round.
struct WrongKind {};

/// A run of consecutive rows of a column in one memory layout.
class Part {
 public:
  explicit Part(std::int64_t rows) : rows_(rows) {}
  virtual ~Part() = default;

  std::int64_t rows() const { return rows_; }

  /// What it holds, for messages: "float64", "Arrow utf8".
  virtual std::string type() const = 0;

  /// Whether reading touches Python objects.
  virtual bool needs_gil() const { return false; }

  /// The first of the numbers from row `begin` on if memory holds them as `dtype` already; else null.
  virtual const std::byte* in_place(std::int32_t /*dtype*/, std::int64_t /*begin*/, std::int64_t* /*stride*/) const {
    return nullptr;
  }

  /// Writes `n` numbers from row `begin` on as `dtype`; missing ones as NaN. Throws BadCell or WrongKind.
  virtual void numbers(std::int64_t /*begin*/, std::int64_t /*n*/, std::int32_t /*dtype*/, std::byte* /*out*/,
                       std::int64_t /*out_stride*/) const {
    throw WrongKind{};
  }

  /// Writes `n` string elements from row `begin` on, `out_stride` elements apart; missing ones as "". Throws BadCell or
  /// WrongKind.
  virtual void text(std::int64_t /*begin*/, std::int64_t /*n*/, arsenal_string* /*out*/, std::int64_t /*out_stride*/,
                    TextKeeper& /*keeper*/) const {
    throw WrongKind{};
  }

 private:
  std::int64_t rows_;
};

/// Which rows of a part are present: all, those whose bit is set, or those whose mask byte is 0.
class Validity {
 public:
  Validity() = default;

  /// Arrow's bitmap: the bit of row 0 is number `offset`.
  static Validity bitmap(const std::uint8_t* bits, std::int64_t offset) {
    Validity validity;
    validity.bits_ = bits;
    validity.offset_ = offset;
    return validity;
  }

  /// One byte per row, `stride` bytes apart; not 0 means missing.
  static Validity mask(const std::uint8_t* missing, std::int64_t stride) {
    Validity validity;
    validity.missing_ = missing;
    validity.offset_ = stride;
    return validity;
  }

  bool all() const { return bits_ == nullptr && missing_ == nullptr; }

  bool operator[](std::int64_t row) const {
    if (bits_ != nullptr) return bits_[(offset_ + row) >> 3] >> ((offset_ + row) & 7) & 1;
    return missing_ == nullptr || missing_[row * offset_] == 0;
  }

 private:
  const std::uint8_t* bits_ = nullptr;
  const std::uint8_t* missing_ = nullptr;
  std::int64_t offset_ = 0;
};

// --- numbers.cpp

/// Writes one number as `to`. Throws BadCell with row 0 if it has no exact counterpart, WrongKind if there is no
/// conversion.
void exact_number(const std::byte* value, std::int32_t from, std::int32_t to, std::byte* out);

/// Writes a missing number: NaN. Throws BadCell with row 0 if `dtype` has none.
void missing_number(std::int32_t dtype, std::byte* out);

/// Numbers at `values`, `stride` bytes apart.
std::unique_ptr<Part> number_part(std::int64_t rows, std::int32_t dtype, const std::byte* values, std::int64_t stride,
                                  Validity validity = {});

/// Arrow booleans: the bit of row 0 is number `offset`.
std::unique_ptr<Part> bit_part(std::int64_t rows, const std::uint8_t* bits, std::int64_t offset, Validity validity);

/// Rows without a value.
std::unique_ptr<Part> null_part(std::int64_t rows);

/// Rows of a type that no model takes; `type` is for messages.
std::unique_ptr<Part> opaque_part(std::int64_t rows, std::string type);

/// Row i holds row `indices[i]` of `values`; index −1 means missing if `negative_is_missing`.
std::unique_ptr<Part> dictionary_part(std::int64_t rows, std::int32_t index_dtype, const std::byte* indices,
                                      std::int64_t stride, Validity validity, bool negative_is_missing,
                                      std::unique_ptr<Part> values);

// --- text.cpp

/// Arrow utf8 with 32-bit offsets, or 64-bit ones.
std::unique_ptr<Part> utf8_part(std::int64_t rows, const std::int32_t* offsets, const char* bytes, Validity validity);
std::unique_ptr<Part> large_utf8_part(std::int64_t rows, const std::int64_t* offsets, const char* bytes,
                                      Validity validity);

/// Arrow string_view: 16-byte views into themselves or into `n_buffers` buffers.
std::unique_ptr<Part> utf8_view_part(std::int64_t rows, const std::byte* views, const void* const* buffers,
                                     const std::int64_t* buffer_sizes, std::int64_t n_buffers, Validity validity);

/// NumPy `str_`: `width` UTF-32 code units per row, padded with zeros.
std::unique_ptr<Part> ucs4_part(std::int64_t rows, const std::byte* values, std::int64_t stride, std::int64_t width);

/// NumPy StringDType.
std::unique_ptr<Part> string_dtype_part(std::int64_t rows, PyArray_Descr* descr, const std::byte* values,
                                        std::int64_t stride);

// --- objects.cpp

/// Python objects: numbers, strings, None, NaN, pandas.NA.
std::unique_ptr<Part> object_part(std::int64_t rows, const std::byte* objects, std::int64_t stride);

/// Whether a Python object stands for a missing value: None, a float NaN or pandas.NA.
bool is_missing(PyObject* object);

/// Writes one Python number as `dtype`; missing as NaN. A plain float takes the nearest value of a floating dtype, as
/// in NumPy; every other number is converted exactly. Throws BadCell with row 0.
void object_number(PyObject* object, std::int32_t dtype, std::byte* out);

/// One Python string; missing is "". The text belongs to `object`. Throws BadCell with row 0.
arsenal_string object_text(PyObject* object);

// --- column.cpp

/// A named column: parts, one after the other.
class Column {
 public:
  explicit Column(std::string name) : name_(std::move(name)) {}

  void add(std::unique_ptr<Part> part);

  /// Gives away the part of a column that is not chunked; an error if it is.
  std::unique_ptr<Part> only_part() &&;

  const std::string& name() const { return name_; }
  std::int64_t rows() const { return rows_; }
  bool needs_gil() const { return needs_gil_; }

  /// As Part::in_place, for rows [begin, end).
  const std::byte* in_place(std::int32_t dtype, std::int64_t begin, std::int64_t end, std::int64_t* stride) const;

  /// Writes rows [begin, end) as `dtype`, strings included, `out_stride` bytes apart. Errors name column and row.
  void read(std::int64_t begin, std::int64_t end, std::int32_t dtype, std::byte* out, std::int64_t out_stride,
            TextKeeper& keeper) const;

 private:
  std::string name_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::int64_t rows_ = 0;
  bool needs_gil_ = false;
};

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_COLUMN_HPP_
