// The C interface: checks its arguments, keeps every exception inside.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "arsenal/runtime.h"
#include "failure.h"
#include "isa.h"
#include "onnx/inline.h"
#include "onnx/model.h"
#include "plan/plan.h"
#include "plan/registry.h"
#include "plan/run.h"
#include "pool.h"

using arsenal::runtime::Failure;
using arsenal::runtime::Issue;
using arsenal::runtime::record_error;

// Everything that outlives the load; the file's bytes do not.
struct arsenal_session {
  explicit arsenal_session(std::size_t n_threads) : pool(n_threads) {}

  arsenal::runtime::Plan plan;
  mutable arsenal::runtime::Pool pool;
  arsenal::runtime::Isa isa = arsenal::runtime::Isa::kScalar;
  std::uint64_t max_workspace_bytes = 0;
  std::uint64_t model_bytes = 0;
  std::int64_t ir_version = 0;
  std::int64_t model_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  std::string graph_name;
  std::string doc_string;
  std::vector<std::pair<std::string, std::int64_t>> opsets;
  std::vector<std::pair<std::string, std::string>> metadata;
};

namespace {

constexpr std::uint64_t kDefaultMaxBytes = std::uint64_t{2} << 30;
constexpr std::uint64_t kDefaultMaxGraphNodes = 100000;
constexpr std::uint64_t kDefaultMaxTreeNodes = 100000000;
constexpr std::uint32_t kDefaultMaxTreeDepth = 4096;
constexpr std::uint64_t kDefaultMaxWorkspaceBytes = std::uint64_t{4} << 30;

// Runs `body`, which returns a status, and turns what it throws into one.
template <typename Body>
arsenal_status guarded(const Body& body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    return record_error(failure.status(), failure.what());
  } catch (const std::bad_alloc&) {
    return record_error(ARSENAL_OUT_OF_MEMORY, "memory ran out");
  } catch (const std::exception& error) {
    return record_error(ARSENAL_INTERNAL_ERROR, error.what());
  } catch (...) {
    return record_error(ARSENAL_INTERNAL_ERROR, "an unknown error");
  }
}

// The options with every default filled in.
arsenal_options resolved(const arsenal_options* given) {
  arsenal_options options = ARSENAL_OPTIONS_INIT;
  if (given != nullptr) {
    if (given->struct_size < sizeof(given->struct_size) + sizeof(given->n_threads)) {
      arsenal::runtime::fail(ARSENAL_INVALID_ARGUMENT, "options.struct_size is %zu: use ARSENAL_OPTIONS_INIT",
                             given->struct_size);
    }
    // An older caller's struct is shorter; a newer caller's longer one is fine as long as it asks for nothing new.
    const std::size_t known = std::min(given->struct_size, sizeof(options));
    std::memcpy(&options, given, known);
    const char* rest = reinterpret_cast<const char*>(given) + known;
    for (std::size_t i = 0; i < given->struct_size - known; ++i) {
      if (rest[i] != 0) {
        arsenal::runtime::fail(ARSENAL_INVALID_ARGUMENT, "options set a field that this version does not have");
      }
    }
  }
  if (options.n_threads < -1) {
    arsenal::runtime::fail(ARSENAL_INVALID_ARGUMENT, "options.n_threads is %d, wanted -1 or more", options.n_threads);
  }
  if (options.compat != ARSENAL_COMPAT_ONNXRUNTIME && options.compat != ARSENAL_COMPAT_SPEC) {
    arsenal::runtime::fail(ARSENAL_INVALID_ARGUMENT, "options.compat is %d, wanted 0 (onnxruntime) or 1 (spec)",
                           options.compat);
  }
  if (options.reserved != 0) {
    arsenal::runtime::fail(ARSENAL_INVALID_ARGUMENT, "options.reserved is %d, wanted 0", options.reserved);
  }
  if (options.max_bytes == 0) options.max_bytes = kDefaultMaxBytes;
  if (options.max_graph_nodes == 0) options.max_graph_nodes = kDefaultMaxGraphNodes;
  if (options.max_tree_nodes == 0) options.max_tree_nodes = kDefaultMaxTreeNodes;
  if (options.max_tree_depth == 0) options.max_tree_depth = kDefaultMaxTreeDepth;
  if (options.max_workspace_bytes == 0) options.max_workspace_bytes = kDefaultMaxWorkspaceBytes;
  return options;
}

void check_size(std::uint64_t size, const arsenal_options& options) {
  if (size > options.max_bytes) {
    arsenal::runtime::fail(ARSENAL_LIMIT_EXCEEDED, "the model has %llu bytes, max_bytes is %llu",
                           static_cast<unsigned long long>(size), static_cast<unsigned long long>(options.max_bytes));
  }
}

std::unique_ptr<arsenal_session> load(std::string_view bytes, const arsenal_options& options) {
  check_size(bytes.size(), options);
  arsenal::runtime::onnx::Model model = arsenal::runtime::onnx::parse_model(bytes, options.max_graph_nodes);
  arsenal::runtime::onnx::inline_functions(model, options.max_graph_nodes);
  auto session = std::make_unique<arsenal_session>(arsenal::runtime::resolve_threads(options.n_threads));
  session->isa = arsenal::runtime::choose_isa();
  session->plan =
      arsenal::runtime::build_plan(model, {options.max_tree_nodes, options.max_tree_depth},
                                   options.compat == ARSENAL_COMPAT_SPEC ? arsenal::runtime::Compat::kSpecification
                                                                         : arsenal::runtime::Compat::kOnnxruntime);
  session->max_workspace_bytes = options.max_workspace_bytes;
  session->model_bytes = bytes.size();
  session->ir_version = model.ir_version;
  session->model_version = model.model_version;
  session->producer_name = std::string(model.producer_name);
  session->producer_version = std::string(model.producer_version);
  session->domain = std::string(model.domain);
  session->graph_name = std::string(model.graph.name);
  session->doc_string = std::string(model.doc_string);
  for (const arsenal::runtime::onnx::Opset& opset : model.opsets) {
    session->opsets.emplace_back(arsenal::runtime::domain_name(opset.domain), opset.version);
  }
  for (const auto& [key, value] : model.metadata) session->metadata.emplace_back(key, value);
  return session;
}

// The whole file. Memory grows with what is really there, not with what the file system claims.
std::string read_file(const char* path, const arsenal_options& options) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "rb"), std::fclose);
  const auto fail_io = [&](const char* what) {
    arsenal::runtime::fail(ARSENAL_IO_ERROR, "cannot %s %s: %s", what, arsenal::runtime::quoted(path).c_str(),
                           std::strerror(errno));
  };
  if (file == nullptr) fail_io("open");
  std::string bytes;
  std::size_t used = 0;
  for (std::size_t room = std::size_t{1} << 20;; room *= 2) {
    bytes.resize(used + room);
    used += std::fread(&bytes[used], 1, room, file.get());
    if (std::ferror(file.get()) != 0) fail_io("read");
    check_size(used, options);
    if (used < bytes.size()) break;
  }
  bytes.resize(used);
  return bytes;
}

arsenal_status missing(const char* what) noexcept {
  char text[64];
  std::snprintf(text, sizeof(text), "%s is NULL", what);
  return record_error(ARSENAL_INVALID_ARGUMENT, text);
}

arsenal_status out_of_range(const char* what, std::size_t index, std::size_t count) noexcept {
  char text[128];
  std::snprintf(text, sizeof(text), "%s index %zu is out of range, there are %zu", what, index, count);
  return record_error(ARSENAL_INVALID_ARGUMENT, text);
}

arsenal_status describe(const std::vector<arsenal::runtime::Port>& ports, const char* what, std::size_t index,
                        arsenal_value_info* info) noexcept {
  if (info == nullptr) return missing("info");
  if (index >= ports.size()) return out_of_range(what, index, ports.size());
  const arsenal::runtime::Port& port = ports[index];
  const bool has_dims = port.shape.rank > 0;
  *info = {port.name.c_str(), port.dtype, port.shape.rank, has_dims ? port.shape.dims : nullptr,
           has_dims ? port.dim_name_pointers.data() : nullptr};
  return ARSENAL_OK;
}

}  // namespace

uint32_t arsenal_abi_version(void) noexcept { return ARSENAL_ABI_VERSION; }

const char* arsenal_version(void) noexcept { return ARSENAL_VERSION; }

const char* arsenal_status_name(arsenal_status status) noexcept {
  switch (status) {
    case ARSENAL_OK:
      return "OK";
    case ARSENAL_INVALID_ARGUMENT:
      return "INVALID_ARGUMENT";
    case ARSENAL_IO_ERROR:
      return "IO_ERROR";
    case ARSENAL_INVALID_MODEL:
      return "INVALID_MODEL";
    case ARSENAL_UNSUPPORTED:
      return "UNSUPPORTED";
    case ARSENAL_LIMIT_EXCEEDED:
      return "LIMIT_EXCEEDED";
    case ARSENAL_SHAPE_MISMATCH:
      return "SHAPE_MISMATCH";
    case ARSENAL_DTYPE_MISMATCH:
      return "DTYPE_MISMATCH";
    case ARSENAL_INVALID_VALUE:
      return "INVALID_VALUE";
    case ARSENAL_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case ARSENAL_INTERNAL_ERROR:
      return "INTERNAL_ERROR";
  }
  return "UNKNOWN";
}

const char* arsenal_last_error(void) noexcept { return arsenal::runtime::recorded_error(); }

size_t arsenal_dtype_size(int32_t dtype) noexcept { return arsenal::runtime::dtype_size(dtype); }

arsenal_status arsenal_session_load(const char* path, const arsenal_options* options,
                                    arsenal_session** session) noexcept {
  if (session == nullptr) return missing("session");
  *session = nullptr;
  if (path == nullptr) return missing("path");
  return guarded([&] {
    const arsenal_options wanted = resolved(options);
    const std::string bytes = read_file(path, wanted);
    *session = load(bytes, wanted).release();
    return ARSENAL_OK;
  });
}

arsenal_status arsenal_session_load_from_memory(const void* data, size_t size, const arsenal_options* options,
                                                arsenal_session** session) noexcept {
  if (session == nullptr) return missing("session");
  *session = nullptr;
  if (data == nullptr && size > 0) return missing("data");
  return guarded([&] {
    *session = load({static_cast<const char*>(data), size}, resolved(options)).release();
    return ARSENAL_OK;
  });
}

void arsenal_session_free(arsenal_session* session) noexcept { delete session; }

size_t arsenal_session_input_count(const arsenal_session* session) noexcept {
  return session == nullptr ? 0 : session->plan.inputs.size();
}

size_t arsenal_session_output_count(const arsenal_session* session) noexcept {
  return session == nullptr ? 0 : session->plan.outputs.size();
}

arsenal_status arsenal_session_input_info(const arsenal_session* session, size_t index,
                                          arsenal_value_info* info) noexcept {
  return session == nullptr ? missing("session") : describe(session->plan.inputs, "input", index, info);
}

arsenal_status arsenal_session_output_info(const arsenal_session* session, size_t index,
                                           arsenal_value_info* info) noexcept {
  return session == nullptr ? missing("session") : describe(session->plan.outputs, "output", index, info);
}

arsenal_status arsenal_session_output_keys(const arsenal_session* session, size_t index, size_t* count, int32_t* dtype,
                                           const void** keys) noexcept {
  if (session == nullptr) return missing("session");
  if (count == nullptr || dtype == nullptr || keys == nullptr) return missing("count, dtype or keys");
  const auto& outputs = session->plan.outputs;
  if (index >= outputs.size()) return out_of_range("output", index, outputs.size());
  const arsenal::runtime::Constant* found = outputs[index].keys;
  *count = found == nullptr ? 0 : static_cast<std::size_t>(found->size());
  *dtype = found == nullptr ? static_cast<std::int32_t>(ARSENAL_UNDEFINED) : found->dtype();
  *keys = found == nullptr ? nullptr : found->as<char>();
  return ARSENAL_OK;
}

arsenal_status arsenal_session_model_info(const arsenal_session* session, arsenal_model_info* info) noexcept {
  if (session == nullptr) return missing("session");
  if (info == nullptr) return missing("info");
  if (info->struct_size < sizeof(info->struct_size)) {
    return record_error(ARSENAL_INVALID_ARGUMENT, "info.struct_size is not set");
  }
  const arsenal::runtime::TreeFacts& trees = session->plan.trees;
  arsenal_model_info full = {};
  full.struct_size = info->struct_size;
  full.ir_version = session->ir_version;
  full.model_version = session->model_version;
  full.producer_name = session->producer_name.c_str();
  full.producer_version = session->producer_version.c_str();
  full.domain = session->domain.c_str();
  full.graph_name = session->graph_name.c_str();
  full.doc_string = session->doc_string.c_str();
  full.engine = trees.engine;
  full.isa = arsenal::runtime::isa_name(session->isa);
  full.model_bytes = session->model_bytes;
  full.n_trees = trees.n_trees;
  full.n_tree_nodes = trees.n_nodes;
  full.n_tree_leaves = trees.n_leaves;
  full.max_tree_depth = trees.max_depth;
  full.n_threads = static_cast<int32_t>(session->pool.size());
  std::memcpy(info, &full, std::min(info->struct_size, sizeof(full)));
  return ARSENAL_OK;
}

size_t arsenal_session_opset_count(const arsenal_session* session) noexcept {
  return session == nullptr ? 0 : session->opsets.size();
}

arsenal_status arsenal_session_opset(const arsenal_session* session, size_t index, arsenal_opset* opset) noexcept {
  if (session == nullptr) return missing("session");
  if (opset == nullptr) return missing("opset");
  if (index >= session->opsets.size()) return out_of_range("opset", index, session->opsets.size());
  *opset = {session->opsets[index].first.c_str(), session->opsets[index].second};
  return ARSENAL_OK;
}

size_t arsenal_session_metadata_count(const arsenal_session* session) noexcept {
  return session == nullptr ? 0 : session->metadata.size();
}

arsenal_status arsenal_session_metadata(const arsenal_session* session, size_t index,
                                        arsenal_metadata* metadata) noexcept {
  if (session == nullptr) return missing("session");
  if (metadata == nullptr) return missing("metadata");
  if (index >= session->metadata.size()) return out_of_range("metadata", index, session->metadata.size());
  const auto& [key, value] = session->metadata[index];
  *metadata = {key.c_str(), value.c_str(), value.size()};
  return ARSENAL_OK;
}

size_t arsenal_session_operator_count(const arsenal_session* session) noexcept {
  return session == nullptr ? 0 : session->plan.operators.size();
}

arsenal_status arsenal_session_operator(const arsenal_session* session, size_t index,
                                        arsenal_operator_count* op) noexcept {
  if (session == nullptr) return missing("session");
  if (op == nullptr) return missing("op");
  if (index >= session->plan.operators.size()) {
    return out_of_range("operator", index, session->plan.operators.size());
  }
  const arsenal::runtime::OperatorCount& found = session->plan.operators[index];
  *op = {found.domain.c_str(), found.op_type.c_str(), found.version, found.count};
  return ARSENAL_OK;
}

arsenal_status arsenal_session_bind(const arsenal_session* session, const arsenal_shape* input_shapes, size_t n_inputs,
                                    const size_t* output_indices, arsenal_shape* output_shapes, size_t n_outputs,
                                    size_t* workspace_bytes) noexcept {
  if (session == nullptr) return missing("session");
  if (input_shapes == nullptr && n_inputs > 0) return missing("input_shapes");
  Issue issue;
  const arsenal::runtime::Runtime runtime{session->plan, session->pool, session->max_workspace_bytes};
  if (bind(runtime, {input_shapes, n_inputs, output_indices, output_shapes, n_outputs, workspace_bytes}, issue)) {
    return ARSENAL_OK;
  }
  return record_error(issue.status, issue.text);
}

arsenal_status arsenal_session_run(const arsenal_session* session, const arsenal_input* inputs, size_t n_inputs,
                                   const size_t* output_indices, const arsenal_output* outputs, size_t n_outputs,
                                   void* workspace, size_t workspace_bytes) noexcept {
  if (session == nullptr) return missing("session");
  if (inputs == nullptr && n_inputs > 0) return missing("inputs");
  if (outputs == nullptr && n_outputs > 0) return missing("outputs");
  Issue issue;
  const arsenal::runtime::Runtime runtime{session->plan, session->pool, session->max_workspace_bytes};
  if (run(runtime, {inputs, n_inputs, output_indices, outputs, n_outputs, workspace, workspace_bytes}, issue)) {
    return ARSENAL_OK;
  }
  return record_error(issue.status, issue.text);
}
