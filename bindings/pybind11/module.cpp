// The extension module arsenal._cpp: Arsenal's inference runtime for Python.
#define ARSENAL_HOLDS_NUMPY
#include "error.hpp"
#include "feed.hpp"
#include "session.hpp"

namespace arsenal::python {

void import_numpy() {
  if (PyArray_ImportNumPyAPI() < 0) throw py::error_already_set();
}

namespace {

py::object as_array(const py::object& object, const char* what) {
  import_numpy();
  if (!PyArray_Check(object.ptr())) {
    type_error(std::string(what) + " is a " + Py_TYPE(object.ptr())->tp_name + ", wanted a NumPy array");
  }
  return object;
}

}  // namespace
}  // namespace arsenal::python

PYBIND11_MODULE(_cpp, module) {
  using namespace arsenal::python;
  module.doc() = "Arsenal's inference runtime.";
  module.attr("__version__") = arsenal_version();

  py::register_exception_translator([](std::exception_ptr error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const arsenal::Error&) {
      set_python_error();
    }
  });

  add_session_type(module);

  // Plain types, as their stubs say: pybind11's own metaclass is for static properties, which they have none of.
  const auto plain = py::metaclass(reinterpret_cast<PyObject*>(&PyType_Type));
  py::class_<MaskedColumn>(module, "MaskedColumn", plain, "Values of a column and where they are missing.")
      .def(py::init([](const py::object& values, const py::object& mask) {
             return MaskedColumn{as_array(values, "values"), as_array(mask, "mask")};
           }),
           py::arg("values"), py::arg("mask"));
  py::class_<CategoricalColumn>(module, "CategoricalColumn", plain,
                                "A column's codes into its categories; -1 is missing.")
      .def(py::init([](const py::object& codes, const py::object& categories) {
             return CategoricalColumn{as_array(codes, "codes"), categories};
           }),
           py::arg("codes"), py::arg("categories"));
  module.def(
      "raise_status",
      [](int status, const std::string& message) {
        throw arsenal::Error(static_cast<arsenal_status>(status), message);
      },
      py::arg("status"), py::arg("message"), "Raises what a call that ended with this arsenal_status raises.");
}
