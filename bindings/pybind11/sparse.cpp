// SciPy CSR matrices: each block of rows is laid out densely, never the whole matrix.
#include <algorithm>
#include <cstring>

#include "convert.hpp"
#include "dtype.hpp"
#include "feed.hpp"

namespace arsenal::python {
namespace {

/// An attribute as a contiguous 1-D array of this NumPy type.
py::object array_attribute(py::handle matrix, const char* name, int type) {
  const py::object value = matrix.attr(name);
  PyObject* array = PyArray_FROMANY(value.ptr(), type, 1, 1, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED);
  if (array == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(array);
}

PyArrayObject* as_array(const py::object& object) { return reinterpret_cast<PyArrayObject*>(object.ptr()); }

template <typename T>
const T* data(const py::object& array) {
  return static_cast<const T*>(PyArray_DATA(as_array(array)));
}

class CsrReader : public Reader {
 public:
  CsrReader(const Spec& spec, py::handle matrix, Feed& feed) : name_(spec.info.name), dtype_(spec.info.dtype) {
    const auto shape = matrix.attr("shape").cast<std::pair<std::int64_t, std::int64_t>>();
    shape_ = {2, {shape.first, shape.second}};
    const py::object values = matrix.attr("data");
    if (!PyArray_Check(values.ptr())) type_error("input '" + name_ + "': the sparse matrix holds no NumPy data");
    const py::object data_array = behaved(as_array(values), name_);
    PyArray_Descr* descr = PyArray_DESCR(as_array(data_array));
    const std::int32_t from =
        dtype_of_numpy(descr->kind, static_cast<std::size_t>(PyArray_ITEMSIZE(as_array(data_array))));
    convert_ = exact_converter(from, dtype_);
    if (convert_ == nullptr || (from != dtype_ && is_floating(from)) || dtype_ == ARSENAL_BOOL ||
        dtype_ == ARSENAL_FLOAT16) {
      type_error("input '" + name_ + "' is a sparse matrix of " +
                 std::string(py::str(py::handle(reinterpret_cast<PyObject*>(descr)))) + ", the model takes " +
                 tensor_type(dtype_) + "; nothing is narrowed silently");
    }
    const py::object indptr = array_attribute(matrix, "indptr", NPY_INT64);
    // 32-bit column numbers are read as they are; converting them would copy as much as the values.
    const py::object indices = matrix.attr("indices");
    const bool narrow = PyArray_Check(indices.ptr()) && PyArray_TYPE(as_array(indices)) == NPY_INT32;
    const py::object columns = array_attribute(matrix, "indices", narrow ? NPY_INT32 : NPY_INT64);
    starts_ = data<std::int64_t>(indptr);
    (narrow ? narrow_columns_ : wide_columns_) = data<void>(columns);
    values_ = data<std::byte>(data_array);
    value_stride_ = PyArray_STRIDE(as_array(data_array), 0);
    n_values_ = std::min(PyArray_SIZE(as_array(data_array)), PyArray_SIZE(as_array(columns)));
    if (PyArray_SIZE(as_array(indptr)) != shape.first + 1) {
      value_error("input '" + name_ + "': indptr has " + std::to_string(PyArray_SIZE(as_array(indptr))) +
                  " entries, wanted one more than the " + std::to_string(shape.first) + " rows");
    }
    for (const py::object& array : {data_array, indptr, columns}) feed.keep(array);
  }

  arsenal_shape shape() const override { return shape_; }
  bool needs_gil() const override { return false; }

  arsenal_input read(std::int64_t begin, std::int64_t end) override {
    const auto width = static_cast<std::size_t>(shape_.dims[1]);
    const std::size_t item = arsenal_dtype_size(dtype_);
    block_.assign((static_cast<std::size_t>(end - begin) * width * item + 7) / 8, 0);
    for (std::int64_t row = begin; row < end; ++row) {
      add_row(row, reinterpret_cast<std::byte*>(block_.data()) + static_cast<std::size_t>(row - begin) * width * item);
    }
    block_shape_[0] = end - begin;
    block_shape_[1] = shape_.dims[1];
    return {block_.data(), dtype_, 2, block_shape_, nullptr};
  }

 private:
  void add_row(std::int64_t row, std::byte* out) {
    const std::int64_t first = starts_[row];
    const std::int64_t last = starts_[row + 1];
    if (first < 0 || last < first || last > n_values_) {
      value_error("input '" + name_ + "': row " + std::to_string(row) + " has the values " + std::to_string(first) +
                  " to " + std::to_string(last) + ", but there are " + std::to_string(n_values_));
    }
    const auto n = static_cast<std::size_t>(last - first);
    const std::size_t item = arsenal_dtype_size(dtype_);
    row_values_.resize((n * item + 7) / 8);
    auto* values = reinterpret_cast<std::byte*>(row_values_.data());
    const std::size_t converted =
        convert_(values_ + first * value_stride_, value_stride_, values, static_cast<std::int64_t>(item), n);
    if (converted < n) {
      value_error("input '" + name_ + "': the value at " + place(row, first + static_cast<std::int64_t>(converted)) +
                  " is not exactly a " + dtype_name(dtype_));
    }
    switch (dtype_) {
      case ARSENAL_FLOAT:
        return scatter<float>(row, first, n, values, out);
      case ARSENAL_DOUBLE:
        return scatter<double>(row, first, n, values, out);
      case ARSENAL_INT8:
        return scatter<std::int8_t>(row, first, n, values, out);
      case ARSENAL_INT16:
        return scatter<std::int16_t>(row, first, n, values, out);
      case ARSENAL_INT32:
        return scatter<std::int32_t>(row, first, n, values, out);
      case ARSENAL_INT64:
        return scatter<std::int64_t>(row, first, n, values, out);
      case ARSENAL_UINT8:
        return scatter<std::uint8_t>(row, first, n, values, out);
      case ARSENAL_UINT16:
        return scatter<std::uint16_t>(row, first, n, values, out);
      case ARSENAL_UINT32:
        return scatter<std::uint32_t>(row, first, n, values, out);
      default:
        return scatter<std::uint64_t>(row, first, n, values, out);
    }
  }

  /// Adds, as SciPy does: a column that is named twice in a row holds the sum.
  template <typename T>
  void scatter(std::int64_t row, std::int64_t first, std::size_t n, const std::byte* values, std::byte* out) const {
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t column = column_at(first + static_cast<std::int64_t>(i));
      if (column < 0 || column >= shape_.dims[1]) {
        value_error("input '" + name_ + "': row " + std::to_string(row) + " names column " + std::to_string(column) +
                    " of " + std::to_string(shape_.dims[1]));
      }
      T sum;
      T value;
      std::memcpy(&sum, out + column * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
      std::memcpy(&value, values + i * sizeof(T), sizeof(T));
      sum = static_cast<T>(sum + value);
      std::memcpy(out + column * static_cast<std::int64_t>(sizeof(T)), &sum, sizeof(T));
    }
  }

  std::int64_t column_at(std::int64_t k) const {
    return narrow_columns_ != nullptr ? static_cast<const std::int32_t*>(narrow_columns_)[k]
                                      : static_cast<const std::int64_t*>(wide_columns_)[k];
  }

  std::string place(std::int64_t row, std::int64_t k) const {
    return "[" + std::to_string(row) + ", " + std::to_string(column_at(k)) + "]";
  }

  std::string name_;
  std::int32_t dtype_;
  arsenal_shape shape_{};
  Converter convert_ = nullptr;
  const std::int64_t* starts_ = nullptr;
  const void* narrow_columns_ = nullptr;
  const void* wide_columns_ = nullptr;
  const std::byte* values_ = nullptr;
  std::int64_t value_stride_ = 0;
  std::int64_t n_values_ = 0;
  std::vector<std::uint64_t> block_;
  std::vector<std::uint64_t> row_values_;
  std::int64_t block_shape_[2] = {};
};

}  // namespace

std::unique_ptr<Reader> csr_reader(const Spec& spec, py::handle matrix, Feed& feed) {
  py::object csr = py::reinterpret_borrow<py::object>(matrix);
  if (csr.attr("format").cast<std::string>() != "csr") csr = csr.attr("tocsr")();
  return std::make_unique<CsrReader>(spec, csr, feed);
}

}  // namespace arsenal::python
