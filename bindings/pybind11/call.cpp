// The short paths of `session(X)`: one array, or one row as a dict of scalars. Nothing is allocated but the result.
#include <algorithm>
#include <vector>

#include "dtype.hpp"
#include "score.hpp"

namespace arsenal::python {
namespace {

/// The array to write to: the caller's, checked, or a new one. Null with a Python error.
PyObject* output_array(const Model& model, PyObject* out, int rank, const npy_intp* dims) {
  const std::int32_t dtype = model.outputs()[model.score_output()].info.dtype;
  if (out == nullptr) return new_array(dtype, rank, dims);
  check_out(out, dtype, rank, dims);
  Py_INCREF(out);
  return out;
}

/// Runs into `result`, whose reference is handed on; null without a Python error if the output has another shape.
PyObject* run_into(const Model& model, PyObject* result, const arsenal_input* inputs, std::size_t n_inputs,
                   std::int64_t rows) {
  auto* array = reinterpret_cast<PyArrayObject*>(result);
  const arsenal_output output{PyArray_DATA(array), model.outputs()[model.score_output()].info.dtype,
                              PyArray_NDIM(array), PyArray_DIMS(array), nullptr};
  const std::size_t which = model.score_output();
  arsenal_status status;
  if (rows > model.rows_with_gil()) {
    Py_BEGIN_ALLOW_THREADS;
    status = arsenal_session_run(model.get(), inputs, n_inputs, &which, &output, 1, nullptr, 0);
    Py_END_ALLOW_THREADS;
  } else {
    status = arsenal_session_run(model.get(), inputs, n_inputs, &which, &output, 1, nullptr, 0);
  }
  if (status == ARSENAL_OK) return result;
  Py_DECREF(result);
  if (status == ARSENAL_SHAPE_MISMATCH) return nullptr;
  throw Error(status, arsenal_last_error());
}

/// A value of any dtype.
union Cell {
  arsenal_string text;
  std::byte number[8];
};

/// Reads a scalar into `cell`; false if it is no scalar.
bool read_cell(PyObject* value, std::int32_t dtype, Cell& cell) {
  const bool scalar = PyFloat_Check(value) || PyLong_Check(value) || PyUnicode_Check(value) || value == Py_None ||
                      PyArray_IsScalar(value, Generic);
  if (!scalar) return false;
  if (dtype == ARSENAL_STRING) {
    cell.text = object_text(value);
  } else {
    object_number(value, dtype, cell.number);
  }
  return true;
}

/// Room for the columns of most models on the stack, for those of all others on the heap.
template <typename T>
class Columns {
 public:
  explicit Columns(std::size_t n) : many_(n > kFew ? n : 0) {}
  T* data() { return many_.empty() ? few_ : many_.data(); }
  T& operator[](std::size_t i) { return data()[i]; }

 private:
  static constexpr std::size_t kFew = 64;
  T few_[kFew];
  std::vector<T> many_;
};

}  // namespace

PyObject* score_array(const Model& model, PyArrayObject* x, PyObject* out) {
  const FastPath& fast = model.fast();
  if (!fast.possible || PyArray_TYPE(x) != fast.input_type || PyArray_NDIM(x) != fast.input_rank ||
      !PyArray_ISBEHAVED_RO(x)) {
    return nullptr;
  }
  const npy_intp* dims = PyArray_DIMS(x);
  npy_intp output_dims[ARSENAL_MAX_RANK];
  int output_rank = fast.output_rank;
  if (output_rank > 0) {
    output_dims[0] = dims[0];
    std::copy(fast.output_dims + 1, fast.output_dims + output_rank, output_dims + 1);
  } else {
    arsenal_shape shape{fast.input_rank, {}};
    std::copy(dims, dims + fast.input_rank, shape.dims);
    const std::size_t which = model.score_output();
    arsenal_shape bound{};
    check(arsenal_session_bind(model.get(), &shape, 1, &which, &bound, 1, nullptr));
    output_rank = bound.rank;
    std::copy(bound.dims, bound.dims + bound.rank, output_dims);
  }
  const arsenal_input input{PyArray_DATA(x), model.inputs()[0].info.dtype, fast.input_rank, dims, PyArray_STRIDES(x)};
  PyObject* result = output_array(model, out, output_rank, output_dims);
  if (result == nullptr) throw py::error_already_set();
  if (out != nullptr) {
    const auto* first = static_cast<const std::byte*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(out)));
    const Extent memory{first, first + PyArray_NBYTES(reinterpret_cast<PyArrayObject*>(out))};
    if (memory.overlaps(extent(input))) {
      Py_DECREF(result);
      value_error("out shares memory with input '" + model.inputs()[0].info.name + "'");
    }
  }
  return run_into(model, result, &input, 1, dims[0]);
}

PyObject* score_row(const Model& model, PyObject* row, PyObject* out) {
  const std::vector<Spec>& inputs = model.inputs();
  const arsenal_shape& shape = model.row_output();
  const bool wide = inputs.size() == 1 && !model.feature_names().empty();
  if (shape.rank == 0 || (!wide && !model.takes_columns())) return nullptr;
  const std::size_t n = wide ? model.feature_names().size() : inputs.size();
  static constexpr std::int64_t kOne[2] = {1, 1};
  Columns<Cell> cells(n);
  Columns<arsenal_input> tensors(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t dtype = inputs[wide ? 0 : i].info.dtype;
    PyObject* key = (wide ? model.feature_names()[i] : inputs[i].key).ptr();
    PyObject* value = PyDict_GetItemWithError(row, key);
    if (value == nullptr && PyErr_Occurred() != nullptr) throw py::error_already_set();
    try {
      if (value == nullptr || !read_cell(value, dtype, cells[i])) return nullptr;
    } catch (const BadCell&) {
      return nullptr;  // the general path says which column it is
    } catch (const WrongKind&) {
      return nullptr;
    }
    if (!wide) tensors[i] = {&cells[i], dtype, static_cast<std::int32_t>(inputs[i].info.dims.size()), kOne, nullptr};
  }
  // One wide input: the cells of a row lie side by side, 16 bytes apart.
  const std::int64_t wide_shape[2] = {1, static_cast<std::int64_t>(n)};
  const std::int64_t wide_strides[2] = {static_cast<std::int64_t>(n * sizeof(Cell)), sizeof(Cell)};
  if (wide) tensors[0] = {cells.data(), inputs[0].info.dtype, 2, wide_shape, wide_strides};
  PyObject* result = output_array(model, out, shape.rank, shape.dims);
  if (result == nullptr) throw py::error_already_set();
  return run_into(model, result, tensors.data(), inputs.size(), 1);
}

}  // namespace arsenal::python
