// Python's and NumPy's C interfaces, included the same way by every file of the binding.
#ifndef ARSENAL_PYTHON_PYTHON_HPP_
#define ARSENAL_PYTHON_PYTHON_HPP_

#include <pybind11/pybind11.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL arsenal_numpy_api
// module.cpp alone holds the table of functions; the others use it.
#ifndef ARSENAL_HOLDS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace arsenal::python {

namespace py = pybind11;

/// Imports NumPy if that has not happened yet: not with this module, so that `import arsenal` stays light. Whatever
/// makes the first object that works on arrays calls it.
void import_numpy();

static_assert(sizeof(npy_intp) == sizeof(std::int64_t), "shapes and strides are handed to the runtime as they are");

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_PYTHON_HPP_
