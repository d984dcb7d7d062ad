// Arrow data through the PyCapsule interface (__arrow_c_stream__, __arrow_c_array__); no Arrow library is needed.
#ifndef ARSENAL_PYTHON_ARROW_HPP_
#define ARSENAL_PYTHON_ARROW_HPP_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "column.hpp"

namespace arsenal::python {

namespace arrow {

// The structs of the Arrow C data interface and the C stream interface, whose layout is fixed.
struct Schema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  Schema** children;
  Schema* dictionary;
  void (*release)(Schema*);
  void* private_data;
};

struct Array {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  Array** children;
  Array* dictionary;
  void (*release)(Array*);
  void* private_data;
};

struct Stream {
  int (*get_schema)(Stream*, Schema*);
  int (*get_next)(Stream*, Array*);
  const char* (*get_last_error)(Stream*);
  void (*release)(Stream*);
  void* private_data;
};

/// One of these structs, released when it is no longer needed.
template <typename Struct>
class Owned {
 public:
  Owned() : data_{} {}
  explicit Owned(Struct* source) : data_{} { take(source); }
  Owned(Owned&& other) noexcept : data_(other.data_) { other.data_.release = nullptr; }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (data_.release != nullptr) data_.release(&data_);
  }

  /// Moves the contents out of `source`, as the interface asks of a consumer. Only an empty one may take.
  void take(Struct* source) {
    data_ = *source;
    source->release = nullptr;
  }

  Struct* get() { return &data_; }
  const Struct& operator*() const { return data_; }
  const Struct* operator->() const { return &data_; }

 private:
  Struct data_;
};

}  // namespace arrow

/// A table or a single column with all its chunks. Keep it for as long as columns made from it are read.
class ArrowData {
 public:
  /// Whether the object offers Arrow data.
  static bool offered_by(py::handle source);

  /// Takes the data; nothing is copied.
  explicit ArrowData(py::handle source);

  /// Whether it is a table (a struct in Arrow's terms) and not a single column.
  bool is_table() const;

  /// The number of columns of a table, and their names.
  std::size_t width() const { return static_cast<std::size_t>(schema_->n_children); }
  std::string name(std::size_t column) const;

  std::int64_t rows() const;

  /// Adds a table's column to `column`, chunk by chunk.
  void add_to(Column& column, std::size_t index) const;

  /// Adds a single column to `column`, chunk by chunk.
  void add_to(Column& column) const;

 private:
  void take_stream(py::handle capsule);
  void check_table(const arrow::Array& chunk) const;

  arrow::Owned<arrow::Schema> schema_;
  std::vector<arrow::Owned<arrow::Array>> chunks_;
};

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_ARROW_HPP_
