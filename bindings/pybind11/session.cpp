// arsenal._cpp.Session: a plain CPython type, because a call through its vectorcall slot costs a tenth of a microsecond
// where pybind11's dispatcher costs several.
#include "session.hpp"

#include <structmember.h>

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

/// Finds X and out among the arguments of a call; false with a Python error if they are not these.
bool parse_call(PyObject* const* args, Py_ssize_t n_positional, PyObject* names, PyObject*& x, PyObject*& out) {
  x = n_positional > 0 ? args[0] : nullptr;
  out = n_positional > 1 ? args[1] : nullptr;
  if (n_positional > 2) {
    PyErr_Format(PyExc_TypeError, "session(X, out=None) takes 1 or 2 arguments, got %zd", n_positional);
    return false;
  }
  for (Py_ssize_t i = 0; names != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    PyObject** target = PyUnicode_CompareWithASCIIString(name, "X") == 0     ? &x
                        : PyUnicode_CompareWithASCIIString(name, "out") == 0 ? &out
                                                                             : nullptr;
    if (target == nullptr || *target != nullptr) {
      PyErr_Format(PyExc_TypeError, "session(X, out=None) got %s argument %R",
                   target == nullptr ? "an unexpected" : "twice the", name);
      return false;
    }
    *target = args[n_positional + i];
  }
  if (x == nullptr) {
    PyErr_SetString(PyExc_TypeError, "session(X, out=None) got no X");
    return false;
  }
  if (out == Py_None) out = nullptr;
  return true;
}

PyObject* session_call(PyObject* self, PyObject* const* args, std::size_t n_args_flagged, PyObject* names) {
  const Py_ssize_t n_positional = PyVectorcall_NARGS(n_args_flagged);
  PyObject* x = nullptr;
  PyObject* out = nullptr;
  if (n_positional == 1 && names == nullptr) {
    x = args[0];
  } else if (!parse_call(args, n_positional, names, x, out)) {
    return nullptr;
  }
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
  static const char* names[] = {"model", "n_threads", "source", nullptr};
  PyObject* bytes = nullptr;
  int n_threads = 1;
  const char* source = "the model";
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "S|is", const_cast<char**>(names), &bytes, &n_threads, &source)) {
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    auto model = std::make_unique<Model>(py::reinterpret_borrow<py::bytes>(bytes), n_threads, source);
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

/// The outputs asked for by name, all for None.
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
  return indices;
}

PyObject* session_run(PyObject* self, PyObject* const* args, Py_ssize_t n_args) {
  if (n_args != 2) {
    PyErr_Format(PyExc_TypeError, "run(output_names, input_feed) takes 2 arguments, got %zd", n_args);
    return nullptr;
  }
  return guarded([&]() -> PyObject* {
    const Model& model = model_of(self);
    const std::vector<std::size_t> wanted = output_indices(model, args[0]);
    // The runtime computes an output once, however often it is asked for.
    std::vector<std::size_t> distinct;
    std::vector<std::size_t> places;
    for (const std::size_t index : wanted) {
      const auto found = std::find(distinct.begin(), distinct.end(), index);
      places.push_back(static_cast<std::size_t>(found - distinct.begin()));
      if (found == distinct.end()) distinct.push_back(index);
    }
    Feed feed = PyDict_Check(args[1]) ? feed_of_tensors(model, py::reinterpret_borrow<py::dict>(args[1]))
                                      : feed_of(model, args[1]);
    const std::vector<py::object> arrays = score(model, feed, distinct, nullptr);
    py::list results;
    for (const std::size_t place : places) results.append(arrays[place]);
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
    infos.append(py::make_tuple(spec.info.name, tensor_type(spec.info.dtype), shape));
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

PyMethodDef methods[] = {
    {"run", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(session_run)), METH_FASTCALL,
     "run($self, output_names, input_feed, /)\n--\n\nThe outputs asked for (None: all), for tensors by input name or a "
     "table."},
    {"inputs", session_inputs, METH_NOARGS, "inputs($self, /)\n--\n\nName, type and shape of every input."},
    {"outputs", session_outputs, METH_NOARGS, "outputs($self, /)\n--\n\nName, type and shape of every output."},
    {"facts", session_facts, METH_NOARGS, "facts($self, /)\n--\n\nWhat is known about the model."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"model_bytes", session_model, nullptr, "The ONNX file.", nullptr},
    {"n_threads", session_n_threads, nullptr, "Threads that one call may use; -1 for all cores.", nullptr},
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
    {Py_tp_doc, const_cast<char*>("Session(model, n_threads=1, source='the model')\n--\n\nA loaded ONNX model.")},
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
