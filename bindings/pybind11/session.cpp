// arsenal._cpp.Session: a plain CPython type, because a call through its vectorcall slot costs a tenth of a microsecond
// where pybind11's dispatcher costs several.
#include "session.hpp"

#include <structmember.h>

#include <algorithm>
#include <array>
#include <memory>

#include "dtype.hpp"
#include "model.hpp"
#include "score.hpp"

namespace arsenal::python {
namespace {

struct SessionObject {
  PyObject_HEAD vectorcallfunc call;
  Model* model;
};

const Model& model_of(PyObject* self) { return *reinterpret_cast<SessionObject*>(self)->model; }

/// Any `session(X, out=None)` that has no short path.
PyObject* score_anything(const Model& model, PyObject* x, PyObject* out) {
  Feed feed = feed_of(model, x);
  return score(model, feed, {model.score_output()}, out)[0].release().ptr();
}

/// Finds a call's arguments by place and by name; false with a Python error if they are not these.
template <std::size_t n>
bool parse_call(const char* signature, const std::array<const char*, n>& parameters, PyObject* const* args,
                Py_ssize_t n_positional, PyObject* keywords, PyObject** values) {
  if (n_positional > static_cast<Py_ssize_t>(n)) {
    PyErr_Format(PyExc_TypeError, "%s takes %zu arguments, got %zd", signature, n, n_positional);
    return false;
  }
  std::copy(args, args + n_positional, values);
  for (Py_ssize_t i = 0; keywords != nullptr && i < PyTuple_GET_SIZE(keywords); ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    const auto known = std::find_if(parameters.begin(), parameters.end(), [name](const char* parameter) {
      return PyUnicode_CompareWithASCIIString(name, parameter) == 0;
    });
    PyObject** value = values + (known - parameters.begin());
    if (known == parameters.end() || *value != nullptr) {
      PyErr_Format(PyExc_TypeError, "%s got %s argument %R", signature,
                   known == parameters.end() ? "an unexpected" : "twice the", name);
      return false;
    }
    *value = args[n_positional + i];
  }
  return true;
}

PyObject* session_call(PyObject* self, PyObject* const* args, std::size_t n_args_flagged, PyObject* names) {
  const Py_ssize_t n_positional = PyVectorcall_NARGS(n_args_flagged);
  PyObject* values[2] = {n_positional == 1 ? args[0] : nullptr, nullptr};
  if (n_positional != 1 || names != nullptr) {
    const char* signature = "session(X, out=None)";
    if (!parse_call<2>(signature, {"X", "out"}, args, n_positional, names, values)) return nullptr;
    if (values[0] == nullptr) return PyErr_Format(PyExc_TypeError, "%s got no X", signature);
  }
  PyObject* x = values[0];
  PyObject* out = values[1] == Py_None ? nullptr : values[1];
  return guarded([&]() -> PyObject* {
    const Model& model = model_of(self);
    PyObject* scores = nullptr;
    if (PyArray_CheckExact(x)) {
      scores = score_array(model, reinterpret_cast<PyArrayObject*>(x), out);
    } else if (PyDict_CheckExact(x)) {
      scores = score_row(model, x, out);
    }
    return scores != nullptr ? scores : score_anything(model, x, out);
  });
}

PyObject* session_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"model", "n_threads", "source", "compat", nullptr};
  PyObject* bytes = nullptr;
  int n_threads = 1;
  const char* source = "the model";
  const char* compat = "onnxruntime";
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "S|iss", const_cast<char**>(names), &bytes, &n_threads, &source,
                                   &compat)) {
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    import_numpy();
    auto model = std::make_unique<Model>(py::reinterpret_borrow<py::bytes>(bytes), n_threads, source, compat);
    PyObject* self = type->tp_alloc(type, 0);
    if (self == nullptr) throw py::error_already_set();
    reinterpret_cast<SessionObject*>(self)->call = session_call;
    reinterpret_cast<SessionObject*>(self)->model = model.release();
    return self;
  });
}

void session_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<SessionObject*>(self)->model;
  type->tp_free(self);
  Py_DECREF(type);
}

/// onnxruntime's name of the type of a list of maps.
std::string map_type(const py::object& keys) {
  const bool has_strings = py::isinstance<py::str>(keys[py::int_(0)]);
  return std::string("seq(map(") + (has_strings ? "string" : "int64") + ",tensor(float)))";
}

/// One dict per row of the scores.
py::list maps_of(const py::object& keys, const py::object& scores) {
  const auto zip = py::module_::import("builtins").attr("zip");
  py::list maps;
  for (const py::handle row : scores.attr("tolist")()) maps.append(py::dict(zip(keys, row)));
  return maps;
}

/// The outputs asked for by name, all for None or no name.
std::vector<std::size_t> output_indices(const Model& model, PyObject* names) {
  std::vector<std::size_t> indices;
  if (names == Py_None) {
    for (std::size_t i = 0; i < model.outputs().size(); ++i) indices.push_back(i);
    return indices;
  }
  if (PyUnicode_Check(names)) type_error("output_names is a str, wanted a list of names or None");
  for (const py::handle name : py::reinterpret_borrow<py::iterable>(names)) {
    std::size_t index = 0;
    while (index < model.outputs().size() && !model.outputs()[index].key.equal(name)) ++index;
    if (index == model.outputs().size()) {
      std::string known;
      for (const Spec& spec : model.outputs()) known += (known.empty() ? "'" : ", '") + spec.info.name + "'";
      value_error("the model has no output '" + std::string(py::str(name)) + "'; its outputs are " + known);
    }
    indices.push_back(index);
  }
  return indices.empty() ? output_indices(model, Py_None) : indices;
}

PyObject* session_run(PyObject* self, PyObject* const* args, Py_ssize_t n_positional, PyObject* keywords) {
  PyObject* values[3] = {nullptr, nullptr, nullptr};
  const char* signature = "run(output_names, input_feed, run_options=None)";
  if (!parse_call<3>(signature, {"output_names", "input_feed", "run_options"}, args, n_positional, keywords, values)) {
    return nullptr;
  }
  if (values[0] == nullptr || values[1] == nullptr) {
    return PyErr_Format(PyExc_TypeError, "%s got no %s", signature,
                        values[0] == nullptr ? "output_names" : "input_feed");
  }
  return guarded([&]() -> PyObject* {
    if (values[2] != nullptr && values[2] != Py_None) {
      type_error("run_options is a " + std::string(Py_TYPE(values[2])->tp_name) +
                 ", wanted None: there are no options");
    }
    const Model& model = model_of(self);
    const std::vector<std::size_t> wanted = output_indices(model, values[0]);
    // The runtime computes an output once, however often it is asked for.
    std::vector<std::size_t> distinct;
    std::vector<std::size_t> places;
    for (const std::size_t index : wanted) {
      const auto found = std::find(distinct.begin(), distinct.end(), index);
      places.push_back(static_cast<std::size_t>(found - distinct.begin()));
      if (found == distinct.end()) distinct.push_back(index);
    }
    Feed feed = PyDict_Check(values[1]) ? feed_of_tensors(model, py::reinterpret_borrow<py::dict>(values[1]))
                                        : feed_of(model, values[1]);
    const std::vector<py::object> arrays = score(model, feed, distinct, nullptr);
    py::list results;
    for (const std::size_t place : places) {
      const py::object& keys = model.outputs()[distinct[place]].map_keys;
      results.append(keys.is_none() ? arrays[place] : py::object(maps_of(keys, arrays[place])));
    }
    return results.release().ptr();
  });
}

py::list value_infos(const std::vector<Spec>& specs) {
  py::list infos;
  for (const Spec& spec : specs) {
    py::list shape;
    for (std::size_t axis = 0; axis < spec.info.dims.size(); ++axis) {
      if (spec.info.dims[axis] >= 0) {
        shape.append(spec.info.dims[axis]);
      } else if (!spec.info.dim_names[axis].empty()) {
        shape.append(spec.info.dim_names[axis]);
      } else {
        shape.append(py::none());
      }
    }
    if (spec.map_keys.is_none()) {
      infos.append(py::make_tuple(spec.info.name, tensor_type(spec.info.dtype), shape));
    } else {
      infos.append(py::make_tuple(spec.info.name, map_type(spec.map_keys), py::list()));
    }
  }
  return infos;
}

PyObject* session_inputs(PyObject* self, PyObject* /*none*/) {
  return guarded([&] { return value_infos(model_of(self).inputs()).release().ptr(); });
}

PyObject* session_outputs(PyObject* self, PyObject* /*none*/) {
  return guarded([&] { return value_infos(model_of(self).outputs()).release().ptr(); });
}

PyObject* session_facts(PyObject* self, PyObject* /*none*/) {
  return guarded([&] {
    const Model& model = model_of(self);
    const arsenal_model_info info = model.session().info();
    py::dict opsets;
    for (const arsenal_opset& opset : model.session().opsets()) opsets[opset.domain] = opset.version;
    py::list operators;
    for (const arsenal_operator_count& op : model.session().operators()) {
      py::dict entry;
      entry["domain"] = op.domain;
      entry["op_type"] = op.op_type;
      entry["version"] = op.version;
      entry["count"] = op.count;
      operators.append(entry);
    }
    py::dict metadata;
    for (const auto& [key, value] : model.session().metadata()) metadata[py::str(key)] = py::str(value);
    py::dict facts;
    facts["ir_version"] = info.ir_version;
    facts["producer_name"] = info.producer_name;
    facts["producer_version"] = info.producer_version;
    facts["domain"] = info.domain;
    facts["graph_name"] = info.graph_name;
    facts["description"] = info.doc_string;
    facts["model_version"] = info.model_version;
    facts["opsets"] = opsets;
    facts["operators"] = operators;
    facts["trees"] = info.n_trees;
    facts["nodes"] = info.n_tree_nodes;
    facts["leaves"] = info.n_tree_leaves;
    facts["depth"] = info.max_tree_depth;
    facts["engine"] = info.engine;
    facts["isa"] = info.isa;
    facts["threads"] = info.n_threads;
    facts["bytes"] = info.model_bytes;
    facts["score_output"] = model.outputs()[model.score_output()].info.name;
    facts["metadata"] = metadata;
    return facts.release().ptr();
  });
}

PyObject* session_model(PyObject* self, void* /*closure*/) {
  return py::object(model_of(self).bytes()).release().ptr();
}

PyObject* session_n_threads(PyObject* self, void* /*closure*/) { return PyLong_FromLong(model_of(self).n_threads()); }

PyObject* session_compat(PyObject* self, void* /*closure*/) {
  const std::string& compat = model_of(self).compat();
  return PyUnicode_FromStringAndSize(compat.data(), static_cast<Py_ssize_t>(compat.size()));
}

PyMethodDef methods[] = {
    {"run", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(session_run)), METH_FASTCALL | METH_KEYWORDS,
     "run($self, output_names, input_feed, run_options=None)\n--\n\nThe outputs asked for (None or []: all), for "
     "tensors by input name or a table. There are no run options."},
    {"inputs", session_inputs, METH_NOARGS, "inputs($self, /)\n--\n\nName, type and shape of every input."},
    {"outputs", session_outputs, METH_NOARGS, "outputs($self, /)\n--\n\nName, type and shape of every output."},
    {"facts", session_facts, METH_NOARGS, "facts($self, /)\n--\n\nWhat is known about the model."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"model_bytes", session_model, nullptr, "The ONNX file.", nullptr},
    {"n_threads", session_n_threads, nullptr, "Threads that one call may use; -1 for all cores.", nullptr},
    {"compat", session_compat, nullptr, "Whom it follows where onnxruntime and the specification disagree.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(SessionObject, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(session_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(session_dealloc)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {Py_tp_doc, const_cast<char*>("Session(model, n_threads=1, source='the model', compat='onnxruntime')\n--\n\n"
                                  "A loaded ONNX model.")},
    {0, nullptr},
};

PyType_Spec spec = {
    "arsenal._cpp.Session",
    sizeof(SessionObject),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL,
    slots,
};

}  // namespace

void add_session_type(py::module_& module) {
  const py::object type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.attr("Session") = type;
}

}  // namespace arsenal::python
