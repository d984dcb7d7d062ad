// Runs a model on what a call feeds, and gives back NumPy arrays.
#ifndef ARSENAL_PYTHON_SCORE_HPP_
#define ARSENAL_PYTHON_SCORE_HPP_

#include <vector>

#include "feed.hpp"

namespace arsenal::python {

/// Rows of a table that are read and scored at a time: what is read stays in the cache until it is scored.
inline constexpr std::int64_t kBlockRows = 4096;

/// Runs the model on all rows of `feed` and returns the outputs asked for. `out`, if not null, receives the only one.
std::vector<py::object> score(const Model& model, Feed& feed, const std::vector<std::size_t>& outputs, PyObject* out);

/// `session(X)` for one array whose memory is the model's input already. Returns a new reference; null without a Python
/// error if the call has to take the general path, null with one if it failed.
PyObject* score_array(const Model& model, PyArrayObject* x, PyObject* out);

/// `session({...})` for a dict with a scalar for every column: one row. Returns as score_array does.
PyObject* score_row(const Model& model, PyObject* row, PyObject* out);

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_SCORE_HPP_
