// Python objects as cells: those of object arrays, lists and single rows.
#include <cmath>
#include <limits>

#include "column.hpp"
#include "convert.hpp"
#include "dtype.hpp"

namespace arsenal::python {
namespace {

[[noreturn]] void bad_object(PyObject* object, arsenal_status status, const char* wanted) {
  throw BadCell{0, status, std::string("the value is a ") + Py_TYPE(object)->tp_name + ", wanted " + wanted};
}

/// pandas' NA, if pandas has been imported; a borrowed reference or null.
PyObject* pandas_na() {
  static PyObject* na = nullptr;
  if (na == nullptr) {
    PyObject* modules = PyImport_GetModuleDict();
    PyObject* pandas = PyDict_GetItemString(modules, "pandas");
    if (pandas == nullptr) return nullptr;
    na = PyObject_GetAttrString(pandas, "NA");
    if (na == nullptr) PyErr_Clear();
  }
  return na;
}

/// Writes a NumPy scalar or a 0-d array as it would be written from an array: exactly or not at all.
void array_scalar(PyObject* object, std::int32_t dtype, std::byte* out) {
  const py::object array = py::reinterpret_steal<py::object>(
      PyArray_FromAny(object, nullptr, 0, 0, NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED, nullptr));
  if (!array) throw py::error_already_set();
  auto* values = reinterpret_cast<PyArrayObject*>(array.ptr());
  const PyArray_Descr* descr = PyArray_DESCR(values);
  const std::int32_t from = dtype_of_numpy(descr->kind, static_cast<std::size_t>(PyArray_ITEMSIZE(values)));
  if (from == ARSENAL_UNDEFINED) bad_object(object, ARSENAL_DTYPE_MISMATCH, "a number");
  exact_number(static_cast<const std::byte*>(PyArray_DATA(values)), from, dtype, out);
}

void python_integer(PyObject* object, std::int32_t dtype, std::byte* out) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow == 0) {
    const std::int64_t number = value;
    exact_number(reinterpret_cast<const std::byte*>(&number), ARSENAL_INT64, dtype, out);
    return;
  }
  const std::uint64_t number = overflow > 0 ? PyLong_AsUnsignedLongLong(object) : 0;
  if (overflow < 0 || PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw BadCell{0, ARSENAL_INVALID_VALUE, "the integer has more than 64 bits"};
  }
  exact_number(reinterpret_cast<const std::byte*>(&number), ARSENAL_UINT64, dtype, out);
}

void python_float(double value, std::int32_t dtype, std::byte* out) {
  if (dtype == ARSENAL_FLOAT) {
    const auto narrow = static_cast<float>(value);
    if (std::isinf(narrow) && !std::isinf(value)) {
      throw BadCell{0, ARSENAL_INVALID_VALUE,
                    number_text(reinterpret_cast<const std::byte*>(&value), ARSENAL_DOUBLE) + " is beyond float32"};
    }
    exact_number(reinterpret_cast<const std::byte*>(&narrow), ARSENAL_FLOAT, dtype, out);
  } else {
    exact_number(reinterpret_cast<const std::byte*>(&value), ARSENAL_DOUBLE, dtype, out);
  }
}

class Objects : public Part {
 public:
  Objects(std::int64_t rows, const std::byte* objects, std::int64_t stride)
      : Part(rows), objects_(objects), stride_(stride) {}

  std::string type() const override { return "Python objects"; }
  bool needs_gil() const override { return true; }

  void numbers(std::int64_t begin, std::int64_t n, std::int32_t dtype, std::byte* out,
               std::int64_t out_stride) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      at_row(begin + i, [&](PyObject* object) { object_number(object, dtype, out + i * out_stride); });
    }
  }

  void text(std::int64_t begin, std::int64_t n, arsenal_string* out, std::int64_t out_stride,
            TextKeeper& keeper) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      at_row(begin + i, [&](PyObject* object) {
        out[i * out_stride] = object_text(object);
        keeper.hold(object);
      });
    }
  }

 private:
  template <typename Read>
  void at_row(std::int64_t row, Read read) const {
    PyObject* object = *reinterpret_cast<PyObject* const*>(objects_ + row * stride_);
    // NumPy reads an empty slot of an object array as None.
    const py::object kept = py::reinterpret_borrow<py::object>(object != nullptr ? object : Py_None);
    try {
      read(kept.ptr());
    } catch (const BadCell& cell) {
      throw BadCell{row, cell.status, cell.message};
    }
  }

  const std::byte* objects_;
  std::int64_t stride_;
};

}  // namespace

bool is_missing(PyObject* object) {
  if (object == Py_None) return true;
  if (PyFloat_Check(object)) return std::isnan(PyFloat_AS_DOUBLE(object));
  if (PyUnicode_Check(object) || PyLong_Check(object)) return false;
  if (PyArray_IsScalar(object, Floating)) {
    const double value = PyFloat_AsDouble(object);
    if (value == -1 && PyErr_Occurred() != nullptr) PyErr_Clear();
    return std::isnan(value);
  }
  return object == pandas_na();
}

void object_number(PyObject* object, std::int32_t dtype, std::byte* out) {
  // The common cells first: a row of Python numbers is what a service scores.
  if (PyFloat_CheckExact(object)) {
    const double value = PyFloat_AS_DOUBLE(object);
    if (!std::isnan(value) || is_floating(dtype)) return python_float(value, dtype, out);
  } else if (PyBool_Check(object)) {
    const auto value = static_cast<std::byte>(object == Py_True);
    return exact_number(&value, ARSENAL_BOOL, dtype, out);
  } else if (PyLong_Check(object)) {
    return python_integer(object, dtype, out);
  }
  if (is_missing(object)) {
    missing_number(dtype, out);
  } else if (PyArray_CheckScalar(object)) {
    array_scalar(object, dtype, out);
  } else {
    bad_object(object, ARSENAL_DTYPE_MISMATCH, "a number");
  }
}

arsenal_string object_text(PyObject* object) {
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == nullptr) {
      PyErr_Clear();
      throw BadCell{0, ARSENAL_INVALID_VALUE, "the string has a lone surrogate, which UTF-8 cannot hold"};
    }
    return {text, static_cast<std::size_t>(size)};
  }
  if (is_missing(object)) return {nullptr, 0};
  bad_object(object, ARSENAL_DTYPE_MISMATCH, "a str");
}

std::unique_ptr<Part> object_part(std::int64_t rows, const std::byte* objects, std::int64_t stride) {
  return std::make_unique<Objects>(rows, objects, stride);
}

}  // namespace arsenal::python
