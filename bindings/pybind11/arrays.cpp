// NumPy arrays as columns, as input tensors and as outputs.
#include <algorithm>
#include <array>
#include <cstring>

#include "convert.hpp"
#include "dtype.hpp"
#include "feed.hpp"

namespace arsenal::python {
namespace {

std::string dtype_text(PyArrayObject* array) {
  return py::str(py::handle(reinterpret_cast<PyObject*>(PyArray_DESCR(array))));
}

std::string shape_text(int rank, const npy_intp* dims) {
  std::string text = "(";
  for (int i = 0; i < rank; ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + (rank == 1 ? ",)" : ")");
}

std::int32_t dtype_of(PyArrayObject* array) {
  const char kind = PyArray_DESCR(array)->kind;
  return dtype_of_numpy(kind, static_cast<std::size_t>(PyArray_ITEMSIZE(array)));
}

/// A part over `rows` elements `stride` bytes apart; the array is behaved.
std::unique_ptr<Part> elements(PyArrayObject* array, std::int64_t rows, std::int64_t stride) {
  const auto* values = static_cast<const std::byte*>(PyArray_DATA(array));
  if (const std::int32_t dtype = dtype_of(array); dtype != ARSENAL_UNDEFINED) {
    return number_part(rows, dtype, values, stride);
  }
  switch (PyArray_TYPE(array)) {
    case NPY_OBJECT:
      return object_part(rows, values, stride);
    case NPY_UNICODE:
      return ucs4_part(rows, values, stride, PyArray_ITEMSIZE(array) / 4);
    case NPY_VSTRING:
      return string_dtype_part(rows, PyArray_DESCR(array), values, stride);
    default:
      return opaque_part(rows, dtype_text(array));
  }
}

/// Reads an array whose memory is a tensor of the wanted dtype already.
class InPlaceReader : public Reader {
 public:
  InPlaceReader(std::int32_t dtype, int rank, const void* data, const npy_intp* dims, const npy_intp* strides)
      : data_(static_cast<const std::byte*>(data)), dtype_(dtype) {
    shape_.rank = rank;
    std::copy(dims, dims + rank, shape_.dims);
    std::copy(strides, strides + rank, strides_.begin());
    all_ = shape_;
  }

  arsenal_shape shape() const override { return all_; }
  bool needs_gil() const override { return false; }

  arsenal_input read(std::int64_t begin, std::int64_t end) override {
    if (shape_.rank > 0) shape_.dims[0] = end - begin;
    const std::byte* first = shape_.rank > 0 ? data_ + begin * strides_[0] : data_;
    return {first, dtype_, shape_.rank, shape_.dims, strides_.data()};
  }

 private:
  const std::byte* data_;
  std::int32_t dtype_;
  arsenal_shape all_{};
  arsenal_shape shape_{};
  std::array<std::int64_t, ARSENAL_MAX_RANK> strides_{};
};

/// Where element number `index` of a C-contiguous array is: "[3, 5]".
std::string place_text(std::int64_t index, int rank, const npy_intp* dims) {
  std::string text;
  for (int axis = rank - 1; axis >= 0; --axis) {
    text = std::to_string(index % dims[axis]) + (text.empty() ? "" : ", ") + text;
    index /= dims[axis];
  }
  return "[" + text + "]";
}

/// Reads an array that was converted as a whole: text to string elements, integers to the wanted dtype.
class ConvertedReader : public Reader {
 public:
  ConvertedReader(const Spec& spec, PyArrayObject* array) : keeper_(std::make_unique<TextKeeper>()) {
    const py::object contiguous = py::reinterpret_steal<py::object>(PyArray_CheckFromAny(
        reinterpret_cast<PyObject*>(array), nullptr, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED, nullptr));
    if (!contiguous) throw py::error_already_set();
    auto* source = reinterpret_cast<PyArrayObject*>(contiguous.ptr());
    const std::int64_t n = PyArray_SIZE(source);
    const std::int32_t dtype = spec.info.dtype;
    const std::size_t item = arsenal_dtype_size(dtype);
    values_.resize((static_cast<std::size_t>(n) * item + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    auto* out = reinterpret_cast<std::byte*>(values_.data());
    const auto part = elements(source, n, PyArray_ITEMSIZE(source));
    try {
      if (dtype == ARSENAL_STRING) {
        part->text(0, n, reinterpret_cast<arsenal_string*>(out), 1, *keeper_);
      } else {
        part->numbers(0, n, dtype, out, static_cast<std::int64_t>(item));
      }
    } catch (const BadCell& cell) {
      throw Error(cell.status, "input '" + spec.info.name + "' at " +
                                   place_text(cell.row, PyArray_NDIM(source), PyArray_DIMS(source)) + ": " +
                                   cell.message + "; the model takes " + tensor_type(dtype));
    }
    npy_intp strides[NPY_MAXDIMS];
    auto stride = static_cast<npy_intp>(item);
    for (int axis = PyArray_NDIM(source) - 1; axis >= 0; --axis) {
      strides[axis] = stride;
      stride *= PyArray_DIM(source, axis);
    }
    view_ = std::make_unique<InPlaceReader>(dtype, PyArray_NDIM(source), out, PyArray_DIMS(source), strides);
  }

  arsenal_shape shape() const override { return view_->shape(); }
  bool needs_gil() const override { return false; }
  arsenal_input read(std::int64_t begin, std::int64_t end) override { return view_->read(begin, end); }

 private:
  std::vector<std::uint64_t> values_;
  std::unique_ptr<TextKeeper> keeper_;
  std::unique_ptr<InPlaceReader> view_;
};

}  // namespace

py::object behaved(PyArrayObject* array, const std::string& name) {
  if (!PyArray_CheckExact(reinterpret_cast<PyObject*>(array)) &&
      py::hasattr(reinterpret_cast<PyObject*>(array), "_mask")) {
    type_error("'" + name +
               "' is a masked array, wanted a plain one: fill what is masked, with NaN where it is missing");
  }
  PyObject* native = PyArray_CheckFromAny(reinterpret_cast<PyObject*>(array), nullptr, 0, 0,
                                          NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY, nullptr);
  if (native == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(native);
}

std::unique_ptr<Part> array_part(const std::string& name, PyArrayObject* array, Feed& feed) {
  const py::object native = behaved(array, name);
  auto* column = reinterpret_cast<PyArrayObject*>(native.ptr());
  const int rank = PyArray_NDIM(column);
  if (rank > 2 || (rank == 2 && PyArray_DIM(column, 1) != 1)) {
    value_error("column '" + name + "' has shape " + shape_text(rank, PyArray_DIMS(column)) + ", wanted one dimension");
  }
  feed.keep(native);
  return elements(column, rank == 0 ? 1 : PyArray_DIM(column, 0), rank == 0 ? 0 : PyArray_STRIDE(column, 0));
}

std::unique_ptr<Reader> array_reader(const Spec& spec, PyArrayObject* array, Feed& feed) {
  if (PyArray_NDIM(array) > ARSENAL_MAX_RANK) {
    value_error("input '" + spec.info.name + "' has " + std::to_string(PyArray_NDIM(array)) +
                " dimensions, wanted at most " + std::to_string(ARSENAL_MAX_RANK));
  }
  const py::object native = behaved(array, spec.info.name);
  array = reinterpret_cast<PyArrayObject*>(native.ptr());
  feed.keep(native);
  const std::int32_t from = dtype_of(array);
  const std::int32_t to = spec.info.dtype;
  if (from == to && from != ARSENAL_UNDEFINED) {
    return std::make_unique<InPlaceReader>(to, PyArray_NDIM(array), PyArray_DATA(array), PyArray_DIMS(array),
                                           PyArray_STRIDES(array));
  }
  const int type = PyArray_TYPE(array);
  const bool is_text = type == NPY_OBJECT || type == NPY_UNICODE || type == NPY_VSTRING;
  const bool is_integer = from != ARSENAL_UNDEFINED && !is_floating(from);
  if (to == ARSENAL_STRING ? !is_text : !is_integer || exact_converter(from, to) == nullptr) {
    const std::string actual = from == ARSENAL_UNDEFINED ? "" : " (" + tensor_type(from) + ")";
    type_error("input '" + spec.info.name + "' has dtype " + dtype_text(array) + actual + ", the model takes " +
               tensor_type(to) + "; nothing is narrowed silently");
  }
  return std::make_unique<ConvertedReader>(spec, array);
}

PyObject* new_array(std::int32_t dtype, int rank, const npy_intp* dims) {
  return PyArray_SimpleNew(rank, const_cast<npy_intp*>(dims), numpy_type(dtype));
}

void check_out(PyObject* out, std::int32_t dtype, int rank, const npy_intp* dims) {
  if (!PyArray_Check(out)) type_error(std::string("out is a ") + Py_TYPE(out)->tp_name + ", wanted a NumPy array");
  auto* array = reinterpret_cast<PyArrayObject*>(out);
  if (dtype == ARSENAL_STRING) type_error("out cannot take strings: call without it");
  if (dtype_of(array) != dtype || !PyArray_ISNOTSWAPPED(array)) {
    type_error("out has dtype " + dtype_text(array) + ", the scores are " + dtype_name(dtype));
  }
  if (PyArray_NDIM(array) != rank || !std::equal(dims, dims + rank, PyArray_DIMS(array))) {
    value_error("out has shape " + shape_text(PyArray_NDIM(array), PyArray_DIMS(array)) + ", the scores have shape " +
                shape_text(rank, dims));
  }
  if (!PyArray_ISWRITEABLE(array)) value_error("out is read-only, wanted one that can be written to");
  if (!PyArray_IS_C_CONTIGUOUS(array) || !PyArray_ISALIGNED(array)) {
    value_error("out is not C-contiguous, wanted an array as numpy.empty makes it");
  }
}

Extent extent(const arsenal_input& tensor) {
  const auto* first = static_cast<const std::byte*>(tensor.data);
  Extent extent{first, first};
  auto item = static_cast<std::int64_t>(arsenal_dtype_size(tensor.dtype));
  for (std::int32_t axis = tensor.rank - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] == 0) return {first, first};
    const std::int64_t stride = tensor.strides != nullptr ? tensor.strides[axis] : item;
    const std::int64_t last = (tensor.shape[axis] - 1) * stride;
    (last < 0 ? extent.begin : extent.end) += last;
    if (tensor.strides == nullptr) item *= tensor.shape[axis];
  }
  extent.end += arsenal_dtype_size(tensor.dtype);
  return extent;
}

}  // namespace arsenal::python
