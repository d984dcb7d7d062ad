// The only place where a status of the runtime becomes a Python exception.
#include "error.hpp"

#include <new>

namespace arsenal::python {
namespace {

py::object arsenal_exception(const char* name) { return py::module_::import("arsenal.exceptions").attr(name); }

py::object exception_for(arsenal_status status) {
  switch (status) {
    case ARSENAL_INVALID_ARGUMENT:
    case ARSENAL_INVALID_MODEL:
    case ARSENAL_LIMIT_EXCEEDED:
    case ARSENAL_SHAPE_MISMATCH:
    case ARSENAL_INVALID_VALUE:
      return arsenal_exception("ArsenalValueError");
    case ARSENAL_UNSUPPORTED:
      return arsenal_exception("UnsupportedModelError");
    case ARSENAL_DTYPE_MISMATCH:
      return arsenal_exception("ArsenalTypeError");
    case ARSENAL_IO_ERROR:
      return py::reinterpret_borrow<py::object>(PyExc_OSError);
    case ARSENAL_OUT_OF_MEMORY:
      return py::reinterpret_borrow<py::object>(PyExc_MemoryError);
    case ARSENAL_OK:
    case ARSENAL_INTERNAL_ERROR:
      break;
  }
  return arsenal_exception("ArsenalError");
}

}  // namespace

void value_error(const std::string& message) { throw Error(ARSENAL_INVALID_VALUE, message); }

void type_error(const std::string& message) { throw Error(ARSENAL_DTYPE_MISMATCH, message); }

void set_python_error() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      PyErr_SetObject(exception_for(error.status()).ptr(), py::str(error.what()).ptr());
    }
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

}  // namespace arsenal::python
