// What one call feeds to the model: a reader per input, which gives any range of rows as a tensor.
#ifndef ARSENAL_PYTHON_FEED_HPP_
#define ARSENAL_PYTHON_FEED_HPP_

#include <memory>
#include <string>
#include <vector>

#include "column.hpp"
#include "model.hpp"

namespace arsenal::python {

/// Gives an input's rows as a tensor, from the caller's memory where it is laid out so, else from a block of its own.
class Reader {
 public:
  virtual ~Reader() = default;

  /// The shape of all rows together.
  virtual arsenal_shape shape() const = 0;

  /// Whether read() touches Python objects.
  virtual bool needs_gil() const = 0;

  /// Rows [begin, end), valid until the next read() or the reader's end.
  virtual arsenal_input read(std::int64_t begin, std::int64_t end) = 0;

  /// Forgets references to Python objects that the last read() took. Needs the GIL.
  virtual void forget() {}
};

/// Everything that a call reads. Made and destroyed with the GIL.
struct Feed {
  std::vector<std::unique_ptr<Reader>> readers;
  /// What the readers point to.
  std::vector<std::shared_ptr<const void>> owners;
  /// Whether rows may be scored block by block: it is a table, and every reader has the same rows.
  bool by_blocks = false;
  std::int64_t rows = 0;

  /// Keeps a Python object for as long as the feed.
  void keep(py::object object) { owners.push_back(std::make_shared<py::object>(std::move(object))); }
};

// --- arrays.cpp

/// The array itself if it is aligned and in the machine's byte order, else such a copy. Masked arrays are refused.
py::object behaved(PyArrayObject* array, const std::string& name);

/// The rows of a 1-D array, or of the one column of a 2-D array. `feed` keeps what the part points to.
std::unique_ptr<Part> array_part(const std::string& name, PyArrayObject* array, Feed& feed);

/// Reads an array of any rank as the input `spec`.
std::unique_ptr<Reader> array_reader(const Spec& spec, PyArrayObject* array, Feed& feed);

/// A new C-contiguous array, or null with a Python error.
PyObject* new_array(std::int32_t dtype, int rank, const npy_intp* dims);

/// Checks that `out` is an array that scores of this dtype and shape can be written to.
void check_out(PyObject* out, std::int32_t dtype, int rank, const npy_intp* dims);

/// The bytes between the first and the last element of a tensor, both included.
struct Extent {
  const std::byte* begin;
  const std::byte* end;
  bool overlaps(const Extent& other) const { return begin < other.end && other.begin < end; }
};
Extent extent(const arsenal_input& tensor);

// --- table.cpp

/// The feed of `session(X)`: an array, a CSR matrix, a table or a dict of columns.
Feed feed_of(const Model& model, py::handle x);

/// The feed of `run`: tensors by input name.
Feed feed_of_tensors(const Model& model, const py::dict& tensors);

/// Reads a SciPy CSR matrix as the input `spec`; sparse.cpp.
std::unique_ptr<Reader> csr_reader(const Spec& spec, py::handle matrix, Feed& feed);

/// Reads columns as the input `spec`, side by side; columns.cpp.
std::unique_ptr<Reader> column_reader(const Spec& spec, std::vector<Column> columns);

/// The column that a value stands for: an array, a list, a scalar, a pandas or Arrow column; columns.cpp.
Column column_of(const std::string& name, py::handle value, Feed& feed);

/// Columns whose missing values lie outside the values; what pandas' nullable types are handed over as.
struct MaskedColumn {
  py::object values;
  py::object mask;
};

/// Codes into categories, −1 for missing; what pandas' categories are handed over as.
struct CategoricalColumn {
  py::object codes;
  py::object categories;
};

}  // namespace arsenal::python

#endif  // ARSENAL_PYTHON_FEED_HPP_
