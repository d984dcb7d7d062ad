// The general path: any feed, any outputs, in blocks of rows where the feed is a table.
#include "score.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>

#include "dtype.hpp"

namespace arsenal::python {
namespace {

/// Scratch memory for the runs of one call.
class Workspace {
 public:
  explicit Workspace(std::size_t size) : size_((size + 63) / 64 * 64) {
    // The runtime has some kilobytes on its stack itself.
    if (size_ <= std::size_t{1} << 14) size_ = 0;
    if (size_ > 0) data_.reset(std::aligned_alloc(64, size_));
    if (size_ > 0 && !data_) throw std::bad_alloc();
  }

  void* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* data) const { std::free(data); }
  };
  std::size_t size_;
  std::unique_ptr<void, Free> data_;
};

/// An output array being filled. Strings pass through elements that the runtime writes, and become Python strings.
class Target {
 public:
  Target(const Spec& spec, const arsenal_shape& shape, PyObject* out) : dtype_(spec.info.dtype), shape_(shape) {
    npy_intp dims[ARSENAL_MAX_RANK];
    std::copy(shape.dims, shape.dims + shape.rank, dims);
    if (out != nullptr) {
      check_out(out, dtype_, shape.rank, dims);
      array_ = py::reinterpret_borrow<py::object>(out);
    } else {
      array_ = py::reinterpret_steal<py::object>(new_array(dtype_, shape.rank, dims));
      if (!array_) throw py::error_already_set();
    }
    row_elements_ = 1;
    for (std::int32_t axis = 1; axis < shape.rank; ++axis) row_elements_ *= shape.dims[axis];
  }

  const py::object& array() const { return array_; }

  bool grows_with(std::int64_t rows) const { return shape_.rank > 0 && shape_.dims[0] == rows; }

  Extent memory() const {
    auto* array = reinterpret_cast<PyArrayObject*>(array_.ptr());
    const auto* first = static_cast<const std::byte*>(PyArray_DATA(array));
    return {first, first + PyArray_NBYTES(array)};
  }

  /// Where the runtime writes everything.
  arsenal_output whole() { return tensor(0, shape_.rank > 0 ? shape_.dims[0] : 1); }

  /// Where the runtime writes rows [begin, end).
  arsenal_output rows(std::int64_t begin, std::int64_t end) {
    if (shape_.rank > 0) shape_.dims[0] = end - begin;
    return tensor(begin, end - begin);
  }

  /// Makes Python strings of what the runtime wrote to the tensor given last.
  void finish() {
    if (dtype_ != ARSENAL_STRING) return;
    auto** slots = static_cast<PyObject**>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array_.ptr()))) + first_;
    for (const arsenal_string& element : elements_) {
      const char* text = element.size == 0 ? "" : element.data;
      PyObject* string = PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(element.size), nullptr);
      if (string == nullptr) throw py::error_already_set();
      PyObject* previous = *slots;
      *slots++ = string;
      Py_XDECREF(previous);
    }
  }

 private:
  arsenal_output tensor(std::int64_t begin, std::int64_t n) {
    first_ = begin * row_elements_;
    if (dtype_ == ARSENAL_STRING) {
      elements_.assign(static_cast<std::size_t>(n * row_elements_), arsenal_string{nullptr, 0});
      return {elements_.data(), dtype_, shape_.rank, shape_.dims, nullptr};
    }
    auto* data = static_cast<std::byte*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(array_.ptr())));
    return {data + first_ * static_cast<std::int64_t>(arsenal_dtype_size(dtype_)), dtype_, shape_.rank, shape_.dims,
            nullptr};
  }

  std::int32_t dtype_;
  arsenal_shape shape_;
  std::int64_t row_elements_ = 1;
  std::int64_t first_ = 0;
  py::object array_;
  std::vector<arsenal_string> elements_;
};

/// What stays the same over the runs of one call.
struct Call {
  const Model& model;
  Feed& feed;
  const std::vector<std::size_t>& outputs;
  /// The caller's `out`, which no input may overlap.
  std::optional<Extent> caller_memory;
  const Workspace& workspace;
};

/// One run on rows [begin, end) of a table, or on everything that other feeds hold.
void run(const Call& call, std::int64_t begin, std::int64_t end, const std::vector<arsenal_output>& targets) {
  std::vector<arsenal_input> tensors(call.feed.readers.size());
  const auto read = [&](std::size_t i) {
    Reader& reader = *call.feed.readers[i];
    tensors[i] = call.feed.by_blocks ? reader.read(begin, end) : reader.read(0, reader.shape().dims[0]);
    if (call.caller_memory && call.caller_memory->overlaps(extent(tensors[i]))) {
      value_error("out shares memory with input '" + call.model.inputs()[i].info.name + "'");
    }
  };
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (call.feed.readers[i]->needs_gil()) read(i);
  }
  std::optional<py::gil_scoped_release> release;
  if (end - begin > call.model.rows_with_gil()) release.emplace();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!call.feed.readers[i]->needs_gil()) read(i);
  }
  check(arsenal_session_run(call.model.get(), tensors.data(), tensors.size(), call.outputs.data(), targets.data(),
                            targets.size(), call.workspace.data(), call.workspace.size()));
}

/// The rows of a feed: those of its table, or the most that any of its tensors has.
std::int64_t rows_of(const Feed& feed) {
  if (feed.by_blocks) return feed.rows;
  std::int64_t rows = 1;
  for (const auto& reader : feed.readers) {
    const arsenal_shape shape = reader->shape();
    if (shape.rank > 0) rows = std::max(rows, shape.dims[0]);
  }
  return rows;
}

/// The shapes of the inputs for `rows` rows of a table, or for everything that other feeds hold.
std::vector<arsenal_shape> shapes_of(const Feed& feed, std::int64_t rows) {
  std::vector<arsenal_shape> shapes;
  for (const auto& reader : feed.readers) {
    shapes.push_back(reader->shape());
    if (feed.by_blocks) shapes.back().dims[0] = rows;
  }
  return shapes;
}

}  // namespace

std::vector<py::object> score(const Model& model, Feed& feed, const std::vector<std::size_t>& outputs, PyObject* out) {
  const std::int64_t rows = rows_of(feed);
  std::vector<arsenal_shape> shapes;
  std::size_t workspace_bytes = model.bind(shapes_of(feed, rows), outputs, shapes);
  std::vector<Target> targets;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    targets.emplace_back(model.outputs()[outputs[i]], shapes[i], out);
  }
  const bool in_blocks = feed.by_blocks && rows > kBlockRows;
  if (in_blocks) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (targets[i].grows_with(rows)) continue;
      value_error("output '" + model.outputs()[outputs[i]].info.name + "' does not have one row for each of the " +
                  std::to_string(rows) + " rows of the table: give tensors to run() instead");
    }
    workspace_bytes = model.bind(shapes_of(feed, kBlockRows), outputs, shapes);
  }
  const Workspace workspace(workspace_bytes);
  Call call{model, feed, outputs, {}, workspace};
  if (out != nullptr) call.caller_memory = targets[0].memory();
  const std::int64_t step = in_blocks ? kBlockRows : std::max<std::int64_t>(rows, 1);
  std::vector<arsenal_output> tensors(outputs.size());
  std::int64_t begin = 0;
  do {
    const std::int64_t end = std::min(begin + step, rows);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      tensors[i] = in_blocks ? targets[i].rows(begin, end) : targets[i].whole();
    }
    run(call, begin, end, tensors);
    for (Target& target : targets) target.finish();
    for (const auto& reader : feed.readers) reader->forget();
    begin = end;
  } while (begin < rows);
  std::vector<py::object> arrays;
  for (const Target& target : targets) arrays.push_back(target.array());
  return arrays;
}

}  // namespace arsenal::python
