// Finds in a table what the model takes: by name where names are known, else by position.
#include <functional>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "arrow.hpp"
#include "dtype.hpp"
#include "feed.hpp"

namespace arsenal::python {
namespace {

/// A table's column names, and a way to get a column.
struct Table {
  std::vector<std::string> names;
  std::function<Column(const std::string& name, std::size_t index)> column;
};

std::string quoted(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) text += (i ? ", '" : "'") + names[i] + "'";
  if (names.size() > kShown) text += ", … (" + std::to_string(names.size()) + " in all)";
  return text.empty() ? "none" : text;
}

/// Where the wanted names are in the table; those that it lacks go to `missing`.
std::vector<std::size_t> find(const Table& table, const std::vector<std::string>& wanted,
                              std::vector<std::string>& missing) {
  std::unordered_multimap<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < table.names.size(); ++i) places.emplace(table.names[i], i);
  std::vector<std::size_t> found;
  for (const std::string& name : wanted) {
    const auto [first, last] = places.equal_range(name);
    if (first == last) {
      missing.push_back(name);
    } else if (std::next(first) != last) {
      value_error("the table has two columns named '" + name + "'");
    } else {
      found.push_back(first->second);
    }
  }
  return found;
}

[[noreturn]] void lacks(const Table& table, const std::vector<std::string>& wanted,
                        const std::vector<std::string>& missing) {
  value_error("the table lacks " + std::to_string(missing.size()) + " of the model's " + std::to_string(wanted.size()) +
              " columns: " + quoted(missing) + "; it has " + quoted(table.names));
}

/// The columns of the one wide input, in its order.
std::vector<std::size_t> wide_columns(const Model& model, const Table& table) {
  const Spec& spec = model.inputs()[0];
  std::vector<std::string> wanted;
  for (const py::object& name : model.feature_names()) wanted.push_back(name.cast<std::string>());
  if (!wanted.empty()) {
    std::vector<std::string> missing;
    std::vector<std::size_t> found = find(table, wanted, missing);
    if (missing.empty()) return found;
    // A table that knows some of the names was meant to know all; without any it goes by position.
    if (!found.empty()) lacks(table, wanted, missing);
  }
  if (spec.width() >= 0 && static_cast<std::int64_t>(table.names.size()) != spec.width()) {
    value_error("the table has " + std::to_string(table.names.size()) + " columns, input '" + spec.info.name +
                "' takes " + std::to_string(spec.width()));
  }
  std::vector<std::size_t> all(table.names.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

void check_rows(const Model& model, Feed& feed) {
  feed.by_blocks = true;
  feed.rows = feed.readers.empty() ? 0 : feed.readers[0]->shape().dims[0];
  for (std::size_t i = 1; i < feed.readers.size(); ++i) {
    const std::int64_t rows = feed.readers[i]->shape().dims[0];
    if (rows != feed.rows) {
      value_error("column '" + model.inputs()[i].info.name + "' has " + std::to_string(rows) + " rows, column '" +
                  model.inputs()[0].info.name + "' has " + std::to_string(feed.rows));
    }
  }
}

void read_table(const Model& model, const Table& table, Feed& feed) {
  const std::vector<Spec>& inputs = model.inputs();
  std::vector<std::string> wanted;
  for (const Spec& spec : inputs) wanted.push_back(spec.info.name);
  std::vector<std::string> missing;
  const auto named = model.takes_columns() ? find(table, wanted, missing) : std::vector<std::size_t>{};
  if (model.takes_columns() && (missing.empty() || inputs.size() > 1)) {
    if (!missing.empty()) lacks(table, wanted, missing);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Column> one;
      one.push_back(table.column(wanted[i], named[i]));
      feed.readers.push_back(column_reader(inputs[i], std::move(one)));
    }
  } else if (inputs.size() == 1) {
    std::vector<Column> columns;
    for (const std::size_t index : wide_columns(model, table)) {
      columns.push_back(table.column(table.names[index], index));
    }
    feed.readers.push_back(column_reader(inputs[0], std::move(columns)));
  } else {
    value_error("the model's inputs are " + quoted(wanted) +
                ", not all of which are single columns: give a dict with an array for each");
  }
  check_rows(model, feed);
}

Table dict_table(const py::dict& dict, Feed& feed) {
  Table table;
  std::vector<py::object> values;
  for (const auto& [key, value] : dict) {
    table.names.push_back(py::str(key));
    values.push_back(py::reinterpret_borrow<py::object>(value));
  }
  table.column = [values = std::move(values), &feed](const std::string& name, std::size_t index) {
    return column_of(name, values[index], feed);
  };
  return table;
}

Table arrow_table(py::handle x, Feed& feed) {
  auto data = std::make_shared<ArrowData>(x);
  if (!data->is_table()) type_error("X is a single Arrow column, wanted a table");
  feed.owners.push_back(data);
  Table table;
  for (std::size_t i = 0; i < data->width(); ++i) table.names.push_back(data->name(i));
  table.column = [data](const std::string& name, std::size_t index) {
    Column column(name);
    data->add_to(column, index);
    return column;
  };
  return table;
}

Table pandas_table(py::handle frame, Feed& feed) {
  Table table;
  const py::object labels = frame.attr("columns");
  for (const py::handle label : labels) table.names.push_back(py::str(label));
  // By label takes pandas half as long as by position, but finds a table where a label is there twice.
  const bool by_label = labels.attr("is_unique").cast<bool>();
  const py::object source = by_label ? py::reinterpret_borrow<py::object>(frame) : py::object(frame.attr("iloc"));
  table.column = [labels, source, by_label, &feed](const std::string& name, std::size_t index) {
    const py::object all_rows = py::slice(py::none(), py::none(), py::none());
    const py::object key = by_label ? py::object(labels[py::int_(index)]) : py::make_tuple(all_rows, index);
    const py::object series = source[key];
    return column_of(name, series, feed);
  };
  return table;
}

const Spec& only_input(const Model& model, const char* what) {
  if (model.inputs().size() != 1) {
    value_error("the model has " + std::to_string(model.inputs().size()) + " inputs, X is one " + what +
                ": give a table or a dict with a column for each");
  }
  return model.inputs()[0];
}

std::unique_ptr<Reader> tensor_reader(const Spec& spec, py::handle value, Feed& feed) {
  if (PyArray_Check(value.ptr())) {
    auto* array = reinterpret_cast<PyArrayObject*>(value.ptr());
    const bool fits = !spec.is_column() || PyArray_NDIM(array) == static_cast<int>(spec.info.dims.size());
    if (fits) return array_reader(spec, array, feed);
  }
  if (py::hasattr(value, "indptr")) return csr_reader(spec, value, feed);
  if (spec.is_column()) {
    std::vector<Column> one;
    one.push_back(column_of(spec.info.name, value, feed));
    return column_reader(spec, std::move(one));
  }
  if (PyObject_CheckBuffer(value.ptr()) && !PyBytes_Check(value.ptr())) {
    const py::object array = py::reinterpret_steal<py::object>(PyArray_FROM_O(value.ptr()));
    if (!array) throw py::error_already_set();
    return array_reader(spec, reinterpret_cast<PyArrayObject*>(array.ptr()), feed);
  }
  type_error("input '" + spec.info.name + "' is a " + Py_TYPE(value.ptr())->tp_name + ", wanted a NumPy array of " +
             tensor_type(spec.info.dtype));
}

void read_dict(const Model& model, const py::dict& dict, Feed& feed) {
  bool all_named = true;
  for (const Spec& spec : model.inputs()) all_named = all_named && dict.contains(spec.key);
  if (all_named && !model.takes_columns()) {
    for (const Spec& spec : model.inputs()) {
      feed.readers.push_back(tensor_reader(spec, dict[spec.key], feed));
    }
    return;
  }
  read_table(model, dict_table(dict, feed), feed);
}

}  // namespace

Feed feed_of(const Model& model, py::handle x) {
  Feed feed;
  if (PyArray_Check(x.ptr())) {
    const Spec& spec = only_input(model, "array");
    feed.readers.push_back(array_reader(spec, reinterpret_cast<PyArrayObject*>(x.ptr()), feed));
  } else if (PyDict_Check(x.ptr())) {
    read_dict(model, py::reinterpret_borrow<py::dict>(x), feed);
  } else if (py::hasattr(x, "indptr") && py::hasattr(x, "format")) {
    feed.readers.push_back(csr_reader(only_input(model, "sparse matrix"), x, feed));
    check_rows(model, feed);
  } else if (py::module_::import("arsenal.deployment.columns").attr("is_frame")(x).cast<bool>()) {
    read_table(model, pandas_table(x, feed), feed);
  } else if (ArrowData::offered_by(x)) {
    read_table(model, arrow_table(x, feed), feed);
  } else if (PyObject_CheckBuffer(x.ptr()) && !PyBytes_Check(x.ptr())) {
    feed.readers.push_back(tensor_reader(only_input(model, "buffer"), x, feed));
  } else {
    type_error(std::string("X is a ") + Py_TYPE(x.ptr())->tp_name +
               ", wanted a NumPy array, a SciPy CSR matrix, a pandas, polars or Arrow table, or a dict of columns");
  }
  return feed;
}

Feed feed_of_tensors(const Model& model, const py::dict& tensors) {
  std::vector<std::string> missing;
  std::vector<std::string> names;
  std::vector<std::string> unknown;
  for (const Spec& spec : model.inputs()) {
    names.push_back(spec.info.name);
    if (!tensors.contains(spec.key)) missing.push_back(spec.info.name);
  }
  if (!missing.empty() || tensors.size() != names.size()) {
    for (const auto& [key, value] : tensors) {
      const std::string name = py::str(key);
      bool known = false;
      for (const std::string& input : names) known = known || input == name;
      if (!known) unknown.push_back(name);
    }
    value_error("the feed " + (missing.empty() ? "has " + quoted(unknown) : "lacks " + quoted(missing)) +
                "; the model's inputs are " + quoted(names));
  }
  Feed feed;
  for (const Spec& spec : model.inputs()) {
    feed.readers.push_back(tensor_reader(spec, tensors[spec.key], feed));
  }
  return feed;
}

}  // namespace arsenal::python
