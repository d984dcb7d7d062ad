// Columns from whatever holds one, and columns side by side as an input.
#include <cstring>

#include "arrow.hpp"
#include "dtype.hpp"
#include "feed.hpp"

namespace arsenal::python {
namespace {

/// Reads one column as an input of one value per row, in place where its memory allows.
class OneColumnReader : public Reader {
 public:
  OneColumnReader(const Spec& spec, Column column)
      : column_(std::move(column)), dtype_(spec.info.dtype), rank_(static_cast<std::int32_t>(spec.info.dims.size())) {}

  arsenal_shape shape() const override { return {rank_, {column_.rows(), 1}}; }
  bool needs_gil() const override { return column_.needs_gil(); }
  void forget() override { keeper_.clear(); }

  arsenal_input read(std::int64_t begin, std::int64_t end) override {
    shape_[0] = end - begin;
    std::int64_t stride = 0;
    if (const std::byte* values = column_.in_place(dtype_, begin, end, &stride)) {
      strides_[0] = stride;
      strides_[1] = stride;
      return {values, dtype_, rank_, shape_, strides_};
    }
    const std::size_t item = arsenal_dtype_size(dtype_);
    block_.resize((static_cast<std::size_t>(end - begin) * item + 7) / 8);
    column_.read(begin, end, dtype_, reinterpret_cast<std::byte*>(block_.data()), static_cast<std::int64_t>(item),
                 keeper_);
    return {block_.data(), dtype_, rank_, shape_, nullptr};
  }

 private:
  Column column_;
  std::int32_t dtype_;
  std::int32_t rank_;
  std::int64_t shape_[2] = {0, 1};
  std::int64_t strides_[2] = {};
  std::vector<std::uint64_t> block_;
  TextKeeper keeper_;
};

/// Reads columns as the columns of a row-major block.
class SideBySideReader : public Reader {
 public:
  SideBySideReader(const Spec& spec, std::vector<Column> columns)
      : columns_(std::move(columns)), dtype_(spec.info.dtype) {
    for (const Column& column : columns_) needs_gil_ = needs_gil_ || column.needs_gil();
    shape_[1] = static_cast<std::int64_t>(columns_.size());
  }

  arsenal_shape shape() const override { return {2, {columns_.empty() ? 0 : columns_[0].rows(), shape_[1]}}; }
  bool needs_gil() const override { return needs_gil_; }
  void forget() override { keeper_.clear(); }

  arsenal_input read(std::int64_t begin, std::int64_t end) override {
    const auto item = static_cast<std::int64_t>(arsenal_dtype_size(dtype_));
    const std::int64_t row_bytes = shape_[1] * item;
    shape_[0] = end - begin;
    block_.resize(static_cast<std::size_t>(shape_[0] * row_bytes + 7) / 8);
    auto* out = reinterpret_cast<std::byte*>(block_.data());
    for (const Column& column : columns_) {
      column.read(begin, end, dtype_, out, row_bytes, keeper_);
      out += item;
    }
    return {block_.data(), dtype_, 2, shape_, nullptr};
  }

 private:
  std::vector<Column> columns_;
  std::int32_t dtype_;
  bool needs_gil_ = false;
  std::int64_t shape_[2] = {};
  std::vector<std::uint64_t> block_;
  TextKeeper keeper_;
};

std::unique_ptr<Part> masked_part(const std::string& name, const MaskedColumn& column, Feed& feed) {
  const py::object values = behaved(reinterpret_cast<PyArrayObject*>(column.values.ptr()), name);
  const py::object mask = behaved(reinterpret_cast<PyArrayObject*>(column.mask.ptr()), name);
  auto* array = reinterpret_cast<PyArrayObject*>(values.ptr());
  auto* missing = reinterpret_cast<PyArrayObject*>(mask.ptr());
  const std::int32_t dtype =
      dtype_of_numpy(PyArray_DESCR(array)->kind, static_cast<std::size_t>(PyArray_ITEMSIZE(array)));
  if (PyArray_NDIM(array) != 1 || PyArray_NDIM(missing) != 1 || PyArray_TYPE(missing) != NPY_BOOL ||
      PyArray_DIM(array, 0) != PyArray_DIM(missing, 0) || dtype == ARSENAL_UNDEFINED) {
    value_error("column '" + name + "': wanted numbers and a boolean mask of one length");
  }
  feed.keep(values);
  feed.keep(mask);
  return number_part(
      PyArray_DIM(array, 0), dtype, static_cast<const std::byte*>(PyArray_DATA(array)), PyArray_STRIDE(array, 0),
      Validity::mask(static_cast<const std::uint8_t*>(PyArray_DATA(missing)), PyArray_STRIDE(missing, 0)));
}

void add_value(Column& column, py::handle value, Feed& feed);

std::unique_ptr<Part> categorical_part(const std::string& name, const CategoricalColumn& column, Feed& feed) {
  const py::object codes = behaved(reinterpret_cast<PyArrayObject*>(column.codes.ptr()), name);
  auto* array = reinterpret_cast<PyArrayObject*>(codes.ptr());
  const std::int32_t dtype =
      dtype_of_numpy(PyArray_DESCR(array)->kind, static_cast<std::size_t>(PyArray_ITEMSIZE(array)));
  if (PyArray_NDIM(array) != 1 || dtype == ARSENAL_UNDEFINED || is_floating(dtype)) {
    value_error("column '" + name + "': wanted integer codes in one dimension");
  }
  feed.keep(codes);
  Column categories(name);
  add_value(categories, column.categories, feed);
  return dictionary_part(PyArray_DIM(array, 0), dtype, static_cast<const std::byte*>(PyArray_DATA(array)),
                         PyArray_STRIDE(array, 0), {}, true, std::move(categories).only_part());
}

void add_value(Column& column, py::handle value, Feed& feed) {
  const std::string& name = column.name();
  if (PyArray_Check(value.ptr())) {
    column.add(array_part(name, reinterpret_cast<PyArrayObject*>(value.ptr()), feed));
  } else if (PyList_Check(value.ptr()) || PyTuple_Check(value.ptr())) {
    // The tuple is a copy of a list's references, which other threads cannot take away.
    const py::object items = py::reinterpret_steal<py::object>(PySequence_Tuple(value.ptr()));
    if (!items) throw py::error_already_set();
    const auto* first = reinterpret_cast<const std::byte*>(reinterpret_cast<PyTupleObject*>(items.ptr())->ob_item);
    column.add(object_part(PyTuple_GET_SIZE(items.ptr()), first, sizeof(PyObject*)));
    feed.keep(items);
  } else if (py::isinstance<MaskedColumn>(value)) {
    column.add(masked_part(name, value.cast<const MaskedColumn&>(), feed));
  } else if (py::isinstance<CategoricalColumn>(value)) {
    column.add(categorical_part(name, value.cast<const CategoricalColumn&>(), feed));
  } else if (ArrowData::offered_by(value)) {
    auto data = std::make_shared<ArrowData>(value);
    if (data->is_table()) type_error("column '" + name + "' is a table, wanted one column");
    data->add_to(column);
    feed.owners.push_back(std::move(data));
  } else if (PyUnicode_Check(value.ptr()) || PyNumber_Check(value.ptr()) || is_missing(value.ptr())) {
    // One cell; the part points to the reference that the feed keeps.
    auto cell = std::make_shared<py::object>(py::reinterpret_borrow<py::object>(value));
    column.add(object_part(1, reinterpret_cast<const std::byte*>(&cell->ptr()), sizeof(PyObject*)));
    feed.owners.push_back(std::move(cell));
  } else {
    type_error("column '" + name + "' is a " + Py_TYPE(value.ptr())->tp_name +
               ", wanted an array, a list, a pandas or Arrow column, or a scalar");
  }
}

}  // namespace

Column column_of(const std::string& name, py::handle value, Feed& feed) {
  Column column(name);
  // Only the package's Python side knows pandas; everything else comes back as it is.
  py::object source = py::reinterpret_borrow<py::object>(value);
  if (!PyArray_Check(value.ptr()) && !PyList_Check(value.ptr()) && !PyUnicode_Check(value.ptr()) &&
      !PyFloat_Check(value.ptr()) && !PyLong_Check(value.ptr()) && value.ptr() != Py_None) {
    source = py::module_::import("arsenal.deployment.columns").attr("column_source")(value);
  }
  add_value(column, source, feed);
  return column;
}

std::unique_ptr<Reader> column_reader(const Spec& spec, std::vector<Column> columns) {
  if (spec.is_column() && columns.size() == 1) {
    return std::make_unique<OneColumnReader>(spec, std::move(columns.front()));
  }
  for (const Column& column : columns) {
    if (column.rows() != columns[0].rows()) {
      value_error("column '" + column.name() + "' has " + std::to_string(column.rows()) + " rows, column '" +
                  columns[0].name() + "' has " + std::to_string(columns[0].rows()));
    }
  }
  return std::make_unique<SideBySideReader>(spec, std::move(columns));
}

}  // namespace arsenal::python
