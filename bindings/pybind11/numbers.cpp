// Parts of a column that hold numbers, nothing, or references to another part.
#include <cstring>

#include "column.hpp"
#include "convert.hpp"
#include "dtype.hpp"

namespace arsenal::python {
namespace {

[[noreturn]] void no_exact_value(std::int64_t row, const std::byte* value, std::int32_t from, std::int32_t to) {
  std::string message = number_text(value, from) + " (" + dtype_name(from) + ") is not exactly a " + dtype_name(to);
  if (to == ARSENAL_FLOAT && !is_floating(from)) message += " (integers beyond 2**24 lose digits)";
  if (to == ARSENAL_DOUBLE && !is_floating(from)) message += " (integers beyond 2**53 lose digits)";
  if (to == ARSENAL_FLOAT && from == ARSENAL_DOUBLE)
    message += " (if rounding is meant, convert the column with astype)";
  throw BadCell{row, ARSENAL_INVALID_VALUE, message};
}

void write_missing(std::int64_t row, std::int32_t dtype, std::byte* out) {
  if (!is_floating(dtype)) throw BadCell{row, ARSENAL_INVALID_VALUE, "the value is missing"};
  write_nan(dtype, out);
}

class Numbers : public Part {
 public:
  Numbers(std::int64_t rows, std::int32_t dtype, const std::byte* values, std::int64_t stride, Validity validity)
      : Part(rows), dtype_(dtype), values_(values), stride_(stride), validity_(validity) {}

  std::string type() const override { return dtype_name(dtype_); }

  const std::byte* in_place(std::int32_t dtype, std::int64_t begin, std::int64_t* stride) const override {
    if (dtype != dtype_ || !validity_.all()) return nullptr;
    const auto alignment = static_cast<std::int64_t>(arsenal_dtype_size(dtype));
    const std::byte* first = values_ + begin * stride_;
    if (reinterpret_cast<std::uintptr_t>(first) % alignment != 0 || stride_ % alignment != 0) return nullptr;
    *stride = stride_;
    return first;
  }

  void numbers(std::int64_t begin, std::int64_t n, std::int32_t dtype, std::byte* out,
               std::int64_t out_stride) const override {
    const Converter convert = exact_converter(dtype_, dtype);
    if (convert == nullptr) throw WrongKind{};
    const std::byte* in = values_ + begin * stride_;
    // What lies under a missing value need not convert, so the converter is sent on behind it.
    for (std::int64_t i = 0; i < n; ++i) {
      i += static_cast<std::int64_t>(convert(in + i * stride_, stride_, out + i * out_stride, out_stride, n - i));
      if (i < n && validity_[begin + i]) no_exact_value(begin + i, in + i * stride_, dtype_, dtype);
    }
    if (validity_.all()) return;
    for (std::int64_t i = 0; i < n; ++i) {
      if (!validity_[begin + i]) write_missing(begin + i, dtype, out + i * out_stride);
    }
  }

 private:
  std::int32_t dtype_;
  const std::byte* values_;
  std::int64_t stride_;
  Validity validity_;
};

class Bits : public Part {
 public:
  Bits(std::int64_t rows, const std::uint8_t* bits, std::int64_t offset, Validity validity)
      : Part(rows), bits_(Validity::bitmap(bits, offset)), validity_(validity) {}

  std::string type() const override { return "bool"; }

  void numbers(std::int64_t begin, std::int64_t n, std::int32_t dtype, std::byte* out,
               std::int64_t out_stride) const override {
    const Converter convert = exact_converter(ARSENAL_BOOL, dtype);
    if (convert == nullptr) throw WrongKind{};
    for (std::int64_t i = 0; i < n; ++i) {
      if (validity_[begin + i]) {
        const auto value = static_cast<std::byte>(bits_[begin + i]);
        convert(&value, 1, out + i * out_stride, out_stride, 1);
      } else {
        write_missing(begin + i, dtype, out + i * out_stride);
      }
    }
  }

 private:
  Validity bits_;
  Validity validity_;
};

class Opaque : public Part {
 public:
  Opaque(std::int64_t rows, std::string type) : Part(rows), type_(std::move(type)) {}
  std::string type() const override { return type_; }

 private:
  std::string type_;
};

class Nulls : public Part {
 public:
  using Part::Part;

  std::string type() const override { return "null"; }

  void numbers(std::int64_t begin, std::int64_t n, std::int32_t dtype, std::byte* out,
               std::int64_t out_stride) const override {
    for (std::int64_t i = 0; i < n; ++i) write_missing(begin + i, dtype, out + i * out_stride);
  }

  void text(std::int64_t /*begin*/, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& /*keeper*/) const override {
    for (std::int64_t i = 0; i < n; ++i) out[i * out_stride] = {nullptr, 0};
  }
};

class Dictionary : public Part {
 public:
  Dictionary(std::int64_t rows, std::int32_t index_dtype, const std::byte* indices, std::int64_t stride,
             Validity validity, bool negative_is_missing, std::unique_ptr<Part> values)
      : Part(rows),
        index_dtype_(index_dtype),
        to_index_(exact_converter(index_dtype, ARSENAL_INT64)),
        indices_(indices),
        stride_(stride),
        validity_(validity),
        negative_is_missing_(negative_is_missing),
        values_(std::move(values)) {}

  std::string type() const override { return "dictionary of " + values_->type(); }
  bool needs_gil() const override { return values_->needs_gil(); }

  void numbers(std::int64_t begin, std::int64_t n, std::int32_t dtype, std::byte* out,
               std::int64_t out_stride) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t index = index_of(begin + i);
      if (index < 0) {
        write_missing(begin + i, dtype, out + i * out_stride);
      } else {
        at_row(begin + i, [&] { values_->numbers(index, 1, dtype, out + i * out_stride, out_stride); });
      }
    }
  }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& keeper) const override {
    // A dictionary that is small beside the rows is read once; of a large one only what the rows name.
    if (!read_ && values_->rows() <= 4 * rows()) {
      entries_.resize(static_cast<std::size_t>(values_->rows()));
      values_->text(0, values_->rows(), entries_.data(), 1, entries_keeper_);
      read_ = true;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t index = index_of(begin + i);
      if (index < 0) {
        out[i * out_stride] = {nullptr, 0};
      } else if (read_) {
        out[i * out_stride] = entries_[static_cast<std::size_t>(index)];
      } else {
        at_row(begin + i, [&] { values_->text(index, 1, out + i * out_stride, out_stride, keeper); });
      }
    }
  }

 private:
  /// The row's place in the dictionary; −1 if it is missing.
  std::int64_t index_of(std::int64_t row) const {
    if (!validity_[row]) return -1;
    std::int64_t index = 0;
    const std::byte* value = indices_ + row * stride_;
    const bool read = to_index_(value, stride_, reinterpret_cast<std::byte*>(&index), sizeof(index), 1) == 1;
    if (read && index == -1 && negative_is_missing_) return -1;
    if (!read || index < 0 || index >= values_->rows()) {
      throw BadCell{row, ARSENAL_INVALID_VALUE,
                    "dictionary index " + number_text(value, index_dtype_) + " lies outside the dictionary of " +
                        std::to_string(values_->rows()) + " entries"};
    }
    return index;
  }

  /// A bad entry of the dictionary is reported where the row that uses it is.
  template <typename Read>
  static void at_row(std::int64_t row, Read read) {
    try {
      read();
    } catch (const BadCell& cell) {
      throw BadCell{row, cell.status, cell.message};
    }
  }

  std::int32_t index_dtype_;
  Converter to_index_;
  const std::byte* indices_;
  std::int64_t stride_;
  Validity validity_;
  bool negative_is_missing_;
  std::unique_ptr<Part> values_;
  // Filled by the first text(): a part belongs to one call, so to one thread.
  mutable bool read_ = false;
  mutable std::vector<arsenal_string> entries_;
  mutable TextKeeper entries_keeper_;
};

}  // namespace

void exact_number(const std::byte* value, std::int32_t from, std::int32_t to, std::byte* out) {
  const Converter convert = exact_converter(from, to);
  if (convert == nullptr) throw WrongKind{};
  if (convert(value, 0, out, 0, 1) == 0) no_exact_value(0, value, from, to);
}

void missing_number(std::int32_t dtype, std::byte* out) { write_missing(0, dtype, out); }

std::unique_ptr<Part> number_part(std::int64_t rows, std::int32_t dtype, const std::byte* values, std::int64_t stride,
                                  Validity validity) {
  return std::make_unique<Numbers>(rows, dtype, values, stride, validity);
}

std::unique_ptr<Part> bit_part(std::int64_t rows, const std::uint8_t* bits, std::int64_t offset, Validity validity) {
  return std::make_unique<Bits>(rows, bits, offset, validity);
}

std::unique_ptr<Part> opaque_part(std::int64_t rows, std::string type) {
  return std::make_unique<Opaque>(rows, std::move(type));
}

std::unique_ptr<Part> null_part(std::int64_t rows) { return std::make_unique<Nulls>(rows); }

std::unique_ptr<Part> dictionary_part(std::int64_t rows, std::int32_t index_dtype, const std::byte* indices,
                                      std::int64_t stride, Validity validity, bool negative_is_missing,
                                      std::unique_ptr<Part> values) {
  return std::make_unique<Dictionary>(rows, index_dtype, indices, stride, validity, negative_is_missing,
                                      std::move(values));
}

}  // namespace arsenal::python
