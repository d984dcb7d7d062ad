#include "model.hpp"

#include <algorithm>
#include <cctype>

#include "dtype.hpp"

namespace arsenal::python {
namespace {

arsenal_compat compat_of(const std::string& name) {
  if (name == "onnxruntime") return ARSENAL_COMPAT_ONNXRUNTIME;
  if (name == "spec") return ARSENAL_COMPAT_SPEC;
  value_error("compat is '" + name + "', wanted 'onnxruntime' or 'spec'");
}

Session load(const py::bytes& bytes, int n_threads, const std::string& source, const std::string& compat) {
  if (n_threads != -1 && n_threads < 1) {
    value_error("n_threads is " + std::to_string(n_threads) + ", wanted a positive number, or -1 for all cores");
  }
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw py::error_already_set();
  Options options;
  options.n_threads = n_threads;
  options.compat = compat_of(compat);
  const py::gil_scoped_release release;
  try {
    return Session(data, static_cast<std::size_t>(size), options);
  } catch (const Error& error) {
    throw Error(error.status(), source + ": " + error.what());
  }
}

std::vector<Spec> with_keys(const std::vector<ValueInfo>& infos) {
  std::vector<Spec> specs;
  for (const ValueInfo& info : infos) {
    specs.push_back({info, py::reinterpret_steal<py::object>(PyUnicode_InternFromString(info.name.c_str()))});
    if (!specs.back().key) throw py::error_already_set();
  }
  return specs;
}

template <typename T>
py::tuple tuple_of(const std::vector<T>& values) {
  py::tuple tuple(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) tuple[i] = py::cast(values[i]);
  return tuple;
}

py::object keys_of(const Session::Keys& keys) {
  if (!keys.strings.empty()) return tuple_of(keys.strings);
  if (!keys.integers.empty()) return tuple_of(keys.integers);
  return py::none();
}

/// Whether every input holds one value for each of the same rows; an input of parameters has rows of its own.
bool are_columns(const std::vector<Spec>& inputs) {
  return std::all_of(inputs.begin(), inputs.end(), [&inputs](const Spec& spec) {
    return spec.is_column() && inputs[0].is_column() && spec.info.dims[0] == inputs[0].info.dims[0] &&
           spec.info.dim_names[0] == inputs[0].info.dim_names[0];
  });
}

}  // namespace

Model::Model(py::bytes bytes, int n_threads, const std::string& source, const std::string& compat)
    : session_(load(bytes, n_threads, source, compat)),
      bytes_(std::move(bytes)),
      n_threads_(n_threads),
      compat_(compat) {
  inputs_ = with_keys(session_.inputs());
  outputs_ = with_keys(session_.outputs());
  for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i].map_keys = keys_of(session_.output_keys(i));
  if (outputs_.empty()) value_error(source + ": the model has no output");
  if (const std::size_t n_trees = session_.info().n_trees; n_trees > 0) {
    rows_with_gil_ = std::min<std::int64_t>(rows_with_gil_, static_cast<std::int64_t>(1024 / n_trees));
  }
  takes_columns_ = are_columns(inputs_);
  choose_score_output();
  read_feature_names();
  plan_fast_path();
  plan_row();
}

std::size_t Model::bind(const std::vector<arsenal_shape>& inputs, const std::vector<std::size_t>& outputs,
                        std::vector<arsenal_shape>& shapes) const {
  std::size_t workspace_bytes = 0;
  shapes.resize(outputs.size());
  check(arsenal_session_bind(get(), inputs.data(), inputs.size(), outputs.data(), shapes.data(), shapes.size(),
                             &workspace_bytes));
  return workspace_bytes;
}

void Model::choose_score_output() {
  score_output_ = outputs_.size() - 1;
  bool floating = false;
  for (std::size_t i = outputs_.size(); i-- > 0;) {
    if (!is_floating(outputs_[i].info.dtype)) continue;
    std::string name = outputs_[i].info.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const bool probabilities = name.find("prob") != std::string::npos;
    if (!floating || probabilities) score_output_ = i;
    floating = true;
  }
}

void Model::read_feature_names() {
  if (inputs_.size() != 1) return;
  for (const auto& [key, value] : session_.metadata()) {
    if (key != "arsenal.feature_names") continue;
    const py::object names = py::module_::import("json").attr("loads")(py::str(value));
    const std::int64_t width = inputs_[0].width();
    const bool listed = py::isinstance<py::list>(names);
    if (!listed || (width >= 0 && static_cast<std::int64_t>(py::len(names)) != width)) {
      value_error("metadata arsenal.feature_names is " + value +
                  ", wanted a JSON list with one name per column of input '" + inputs_[0].info.name + "'");
    }
    for (const py::handle name : names) {
      if (!py::isinstance<py::str>(name)) value_error("metadata arsenal.feature_names holds a value that is no string");
      feature_names_.push_back(py::reinterpret_borrow<py::object>(name));
    }
  }
}

void Model::plan_fast_path() {
  if (inputs_.size() != 1) return;
  const ValueInfo& input = inputs_[0].info;
  const ValueInfo& output = outputs_[score_output_].info;
  const bool numeric = input.dtype != ARSENAL_STRING && output.dtype != ARSENAL_STRING;
  fast_.input_type = numpy_type(input.dtype);
  fast_.output_type = numpy_type(output.dtype);
  fast_.input_rank = static_cast<int>(input.dims.size());
  fast_.possible = numeric && fast_.input_type >= 0 && fast_.output_type >= 0 && input.has_rank && fast_.input_rank > 0;
  if (!fast_.possible || std::any_of(input.dims.begin() + 1, input.dims.end(), [](auto dim) { return dim < 0; }))
    return;
  // Whether the output has as many rows as the input is learned from three batch sizes. Should it be otherwise for
  // another one, the runtime refuses the output's shape and the call takes the general path.
  std::vector<arsenal_shape> shapes;
  for (const std::int64_t rows : {1, 2, 5}) {
    arsenal_shape shape{fast_.input_rank, {rows}};
    std::copy(input.dims.begin() + 1, input.dims.end(), shape.dims + 1);
    const std::size_t which = score_output_;
    arsenal_shape bound{};
    if (arsenal_session_bind(get(), &shape, 1, &which, &bound, 1, nullptr) != ARSENAL_OK) return;
    if (bound.rank < 1 || bound.dims[0] != rows) return;
    shapes.push_back(bound);
    if (bound.rank != shapes[0].rank || !std::equal(bound.dims + 1, bound.dims + bound.rank, shapes[0].dims + 1))
      return;
  }
  fast_.output_rank = shapes[0].rank;
  std::copy(shapes[0].dims, shapes[0].dims + shapes[0].rank, fast_.output_dims);
}

void Model::plan_row() {
  std::vector<arsenal_shape> shapes;
  for (const Spec& spec : inputs_) {
    const std::int64_t names = static_cast<std::int64_t>(feature_names_.size());
    const std::int64_t width = spec.width() < 0 && names > 0 ? names : spec.width();
    if (width < 0) return;
    shapes.push_back({static_cast<std::int32_t>(spec.info.dims.size()), {1, width}});
  }
  const std::size_t which = score_output_;
  arsenal_shape bound{};
  if (outputs_[which].info.dtype == ARSENAL_STRING) return;
  if (arsenal_session_bind(get(), shapes.data(), shapes.size(), &which, &bound, 1, nullptr) == ARSENAL_OK) {
    row_output_ = bound;
  }
}

}  // namespace arsenal::python
