// How the binding says that something is wrong.
#ifndef ARSENAL_PYTHON_ERROR_HPP_
#define ARSENAL_PYTHON_ERROR_HPP_

#include <string>

#include "arsenal/runtime.hpp"
#include "python.hpp"

namespace arsenal::python {

/// A value, shape or name is wrong. Needs no GIL.
[[noreturn]] void value_error(const std::string& message);

/// A dtype or a type is wrong. Needs no GIL.
[[noreturn]] void type_error(const std::string& message);

/// Turns the exception that is being handled into a Python exception. Call it inside `catch` only, with the GIL.
void set_python_error() noexcept;

/// Runs `work`, which returns a new reference; a C++ exception becomes a Python exception and a null pointer.
template <typename Work>
PyObject* guarded(Work&& work) noexcept {
  try {
    return work();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_ERROR_HPP_
