// The type arsenal._cpp.Session.
#ifndef ARSENAL_PYTHON_SESSION_HPP_
#define ARSENAL_PYTHON_SESSION_HPP_

#include "python.hpp"

namespace arsenal::python {

/// Makes the type and adds it to the module.
void add_session_type(py::module_& module);

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_SESSION_HPP_
