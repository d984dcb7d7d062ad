// A loaded model as the binding knows it: what it takes, what it gives, and how a call can be short.
#ifndef ARSENAL_PYTHON_MODEL_HPP_
#define ARSENAL_PYTHON_MODEL_HPP_

#include <cstdint>
#include <string>
#include <vector>

#include "error.hpp"

namespace arsenal::python {

/// An input or output.
struct Spec {
  ValueInfo info;
  /// The name as a Python string, for dictionary look-ups.
  py::object key;
  /// Of an output that is a map: what its columns stand for, as a tuple of str or int; else None.
  py::object map_keys = py::none();

  /// Whether it holds one value per row.
  bool is_column() const {
    return info.has_rank && (info.dims.size() == 1 || (info.dims.size() == 2 && info.dims[1] == 1));
  }
  /// Values per row of a table-like tensor; −1 if the model does not say.
  std::int64_t width() const { return is_column() ? 1 : info.dims.size() == 2 ? info.dims[1] : -1; }
};

/// What is known before the first call about `session(X)` with one numeric array.
struct FastPath {
  bool possible = false;
  int input_type = -1;
  int input_rank = 0;
  int output_type = -1;
  /// The output has the input's rows, then these extents; unknown if `output_rank` is 0.
  int output_rank = 0;
  npy_intp output_dims[ARSENAL_MAX_RANK] = {};
};

class Model {
 public:
  /// Loads `bytes` without the GIL. `source` names the model in messages.
  Model(py::bytes bytes, int n_threads, const std::string& source, const std::string& compat);

  const arsenal_session* get() const { return session_.get(); }
  const Session& session() const { return session_; }
  const py::bytes& bytes() const { return bytes_; }
  int n_threads() const { return n_threads_; }
  const std::string& compat() const { return compat_; }

  const std::vector<Spec>& inputs() const { return inputs_; }
  const std::vector<Spec>& outputs() const { return outputs_; }

  /// The output of `session(X)`: probabilities if the model has them, else the last floating output, else the last.
  std::size_t score_output() const { return score_output_; }
  const FastPath& fast() const { return fast_; }

  /// The shape of the score output for one row of a table; rank 0 if that is not known beforehand.
  const arsenal_shape& row_output() const { return row_output_; }

  /// Batches of more rows run without the GIL. Giving it up and taking it back costs 0.06 µs alone, and up to the 5 ms
  /// of a thread switch beside busy threads; a tree and a row cost some 0.02 µs. So a call keeps it for 1,024 of these
  /// at most, and for 32 rows at most.
  std::int64_t rows_with_gil() const { return rows_with_gil_; }

  /// Whether every input is one column of the same table.
  bool takes_columns() const { return takes_columns_; }

  /// The columns of the one wide input in order, as `arsenal.feature_names` in the metadata says; else empty.
  const std::vector<py::object>& feature_names() const { return feature_names_; }

  /// Shapes of the outputs for these shapes of the inputs, and the workspace that a run needs.
  std::size_t bind(const std::vector<arsenal_shape>& inputs, const std::vector<std::size_t>& outputs,
                   std::vector<arsenal_shape>& shapes) const;

 private:
  void choose_score_output();
  void read_feature_names();
  void plan_fast_path();
  void plan_row();

  Session session_;
  py::bytes bytes_;
  int n_threads_;
  std::string compat_;
  std::vector<Spec> inputs_;
  std::vector<Spec> outputs_;
  std::size_t score_output_ = 0;
  FastPath fast_;
  arsenal_shape row_output_{};
  std::int64_t rows_with_gil_ = 32;
  bool takes_columns_ = false;
  std::vector<py::object> feature_names_;
};

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_MODEL_HPP_
