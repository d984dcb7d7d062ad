// The extension module arsenal._cpp: Arsenal's inference runtime for Python.
#include <pybind11/pybind11.h>

PYBIND11_MODULE(_cpp, module) {
  module.doc() = "Arsenal's inference runtime.";
  module.attr("__version__") = ARSENAL_VERSION;
}
