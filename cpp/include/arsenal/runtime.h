/**
 * @file runtime.h
 * @brief The C interface of Arsenal's inference runtime: load an ONNX model, ask what it takes and gives, run it.
 *
 * Rules that hold for every function:
 *  - A session is immutable. Any number of threads may use one session at the same time, without a lock of their own.
 *  - Functions that can fail return an ::arsenal_status; ::arsenal_last_error then says what, got and wanted.
 *    No exception leaves the library.
 *  - Strings are UTF-8. `const char *` strings end with a zero byte; tensor elements of dtype ::ARSENAL_STRING are
 *    ::arsenal_string and need not.
 *  - Pointers handed out by a session stay valid until ::arsenal_session_free.
 *  - Indices count from 0, in the order of the model file.
 *
 * A row is scored like this:
 * @code{.c}
 * arsenal_session *session = NULL;
 * if (arsenal_session_load("model.onnx", NULL, &session) != ARSENAL_OK) {
 *   fprintf(stderr, "%s\n", arsenal_last_error());
 *   return 1;
 * }
 * float row[1][4] = {{5.1f, 3.5f, 1.4f, 0.2f}};
 * float probabilities[1][2];
 * const int64_t row_shape[2] = {1, 4};
 * const int64_t probabilities_shape[2] = {1, 2};
 * const arsenal_input input = {row, ARSENAL_FLOAT, 2, row_shape, NULL};
 * const arsenal_output output = {probabilities, ARSENAL_FLOAT, 2, probabilities_shape, NULL};
 * const size_t which = 1;  // outputs are `label` and `probabilities`
 * if (arsenal_session_run(session, &input, 1, &which, &output, 1, NULL, 0) != ARSENAL_OK) {
 *   fprintf(stderr, "%s\n", arsenal_last_error());
 * }
 * arsenal_session_free(session);
 * @endcode
 */
#ifndef ARSENAL_RUNTIME_H_
#define ARSENAL_RUNTIME_H_

#include <stddef.h>
#include <stdint.h>

/** Version of this interface. It grows with each incompatible change; additions leave it as it is. */
#define ARSENAL_ABI_VERSION 1

/** The highest tensor rank. */
#define ARSENAL_MAX_RANK 8

#if defined(ARSENAL_SHARED) && defined(_WIN32)
#if defined(ARSENAL_BUILDING)
#define ARSENAL_API __declspec(dllexport)
#else
#define ARSENAL_API __declspec(dllimport)
#endif
#elif defined(ARSENAL_SHARED)
#define ARSENAL_API __attribute__((visibility("default")))
#else
#define ARSENAL_API
#endif

#ifdef __cplusplus
extern "C" {
#define ARSENAL_NOEXCEPT noexcept
#else
#define ARSENAL_NOEXCEPT
#endif

/** How a call ended. */
typedef enum arsenal_status {
  ARSENAL_OK = 0,
  /** A null pointer, an index out of range, a wrong number of tensors, a bad option, a workspace that is too small. */
  ARSENAL_INVALID_ARGUMENT = 1,
  /** The file cannot be read. */
  ARSENAL_IO_ERROR = 2,
  /** The bytes are no valid ONNX model: the message names the field, node or attribute. */
  ARSENAL_INVALID_MODEL = 3,
  /** The model is valid as far as read, but needs something that this runtime does not have: the message names
   *  operator, domain, version and node. */
  ARSENAL_UNSUPPORTED = 4,
  /** The model exceeds one of the limits in ::arsenal_options. */
  ARSENAL_LIMIT_EXCEEDED = 5,
  /** A tensor has another shape than the model wants: the message names the input or output. */
  ARSENAL_SHAPE_MISMATCH = 6,
  /** A tensor has another dtype than the model wants: the message names the input or output. */
  ARSENAL_DTYPE_MISMATCH = 7,
  /** The values make an operation impossible, for example a Gather index out of range: the message names the node. */
  ARSENAL_INVALID_VALUE = 8,
  /** Memory ran out. */
  ARSENAL_OUT_OF_MEMORY = 9,
  /** A defect of the runtime itself. */
  ARSENAL_INTERNAL_ERROR = 10
} arsenal_status;

/** Element types; the numbers are those of ONNX `TensorProto.DataType`. */
typedef enum arsenal_dtype {
  ARSENAL_UNDEFINED = 0,
  ARSENAL_FLOAT = 1,
  ARSENAL_UINT8 = 2,
  ARSENAL_INT8 = 3,
  ARSENAL_UINT16 = 4,
  ARSENAL_INT16 = 5,
  ARSENAL_INT32 = 6,
  ARSENAL_INT64 = 7,
  /** Elements are ::arsenal_string. */
  ARSENAL_STRING = 8,
  /** One byte per element, 0 or 1. */
  ARSENAL_BOOL = 9,
  ARSENAL_FLOAT16 = 10,
  ARSENAL_DOUBLE = 11,
  ARSENAL_UINT32 = 12,
  ARSENAL_UINT64 = 13
} arsenal_dtype;

/** Whom a session follows where onnxruntime and the text of the ONNX specification disagree about an operator of
 *  ai.onnx.ml. */
typedef enum arsenal_compat { ARSENAL_COMPAT_ONNXRUNTIME = 0, ARSENAL_COMPAT_SPEC = 1 } arsenal_compat;

/** A string element: `size` bytes at `data`, which may be NULL if `size` is 0. No terminating zero is needed or
 * promised. */
typedef struct arsenal_string {
  const char* data;
  size_t size;
} arsenal_string;

/** A tensor that ::arsenal_session_run reads. */
typedef struct arsenal_input {
  /** First element (that at index 0, 0, …), at any alignment. May be NULL if there are no elements. */
  const void* data;
  /** An ::arsenal_dtype. */
  int32_t dtype;
  int32_t rank;
  /** `rank` extents. May be NULL if `rank` is 0. */
  const int64_t* shape;
  /** `rank` strides in bytes, of any sign; NULL means C-contiguous. */
  const int64_t* strides;
} arsenal_input;

/** A tensor that ::arsenal_session_run writes; the caller owns its memory. Strides must not let elements overlap. */
typedef struct arsenal_output {
  /** First element (that at index 0, 0, …), at any alignment. May be NULL if there are no elements. */
  void* data;
  /** An ::arsenal_dtype. */
  int32_t dtype;
  int32_t rank;
  /** `rank` extents. May be NULL if `rank` is 0. */
  const int64_t* shape;
  /** `rank` strides in bytes, of any sign; NULL means C-contiguous. */
  const int64_t* strides;
} arsenal_output;

/** A concrete shape. */
typedef struct arsenal_shape {
  int32_t rank;
  int64_t dims[ARSENAL_MAX_RANK];
} arsenal_shape;

/** How to load a model. Initialise it with ::ARSENAL_OPTIONS_INIT; a field of 0 means its default. */
typedef struct arsenal_options {
  /** `sizeof(arsenal_options)` as the caller knows it. */
  size_t struct_size;
  /** Threads that one call of ::arsenal_session_run may use, itself included. Default 1. -1: as many as
   *  `ARSENAL_NUM_THREADS` says, else as the process may run on (affinity and cgroup quota). Threads start with the
   *  first batch that is large enough and sleep between batches. Results do not depend on this. */
  int32_t n_threads;
  /** Deepest tree that is accepted, in edges from root to leaf. Default 4,096. */
  uint32_t max_tree_depth;
  /** Largest model in bytes. Default 2 GiB. */
  uint64_t max_bytes;
  /** Most graph nodes that are accepted. Default 100,000. */
  uint64_t max_graph_nodes;
  /** Most tree nodes, leaves included, that are accepted over all ensembles. Default 100,000,000. */
  uint64_t max_tree_nodes;
  /** Largest workspace in bytes that ::arsenal_session_bind may ask for and a run may allocate. Default 4 GiB. */
  uint64_t max_workspace_bytes;
  /** An ::arsenal_compat. Default ::ARSENAL_COMPAT_ONNXRUNTIME. */
  int32_t compat;
  /** Not in use: 0. */
  int32_t reserved;
} arsenal_options;

/** Initial value of an ::arsenal_options: every default. */
#define ARSENAL_OPTIONS_INIT {sizeof(arsenal_options), 0, 0, 0, 0, 0, 0, 0, 0}

/** A loaded model: opaque, immutable, safe to share between threads. */
typedef struct arsenal_session arsenal_session;

/** An input or output of a model. */
typedef struct arsenal_value_info {
  const char* name;
  /** An ::arsenal_dtype. */
  int32_t dtype;
  /** -1 if the model does not say. */
  int32_t rank;
  /** `rank` extents; -1 where the extent is known at run time only. NULL if `rank` < 1. */
  const int64_t* dims;
  /** `rank` names of symbolic extents such as "N"; "" where there is none. NULL if `rank` < 1. */
  const char* const* dim_names;
} arsenal_value_info;

/** An operator set that the model imports. */
typedef struct arsenal_opset {
  /** "ai.onnx" for the default domain. */
  const char* domain;
  int64_t version;
} arsenal_opset;

/** One entry of the model's `metadata_props`. Values may hold zero bytes: `size` counts all of them. */
typedef struct arsenal_metadata {
  const char* key;
  const char* value;
  size_t value_size;
} arsenal_metadata;

/** How often the graph uses an operator. */
typedef struct arsenal_operator_count {
  /** "ai.onnx" for the default domain. */
  const char* domain;
  const char* op_type;
  /** The version of the operator that the model's opset selects (its `since_version`). */
  int64_t version;
  size_t count;
} arsenal_operator_count;

/** Facts about a loaded model. Set `struct_size` before the call; fields beyond it are not written. */
typedef struct arsenal_model_info {
  size_t struct_size;
  int64_t ir_version;
  int64_t model_version;
  const char* producer_name;
  const char* producer_version;
  const char* domain;
  const char* graph_name;
  const char* doc_string;
  /** How trees are evaluated, "oblivious", "ranked", "deep" or "walk"; "none" if the model has no trees. */
  const char* engine;
  /** The instruction set in use: "scalar", "avx2" or "avx512". */
  const char* isa;
  /** Size of the model in bytes. */
  uint64_t model_bytes;
  size_t n_trees;
  /** Nodes of all trees, leaves included. */
  size_t n_tree_nodes;
  size_t n_tree_leaves;
  /** Edges from root to leaf in the deepest tree. */
  size_t max_tree_depth;
  /** Threads that a call may use. */
  int32_t n_threads;
} arsenal_model_info;

/** The ::ARSENAL_ABI_VERSION that the library was built with. Compare it before anything else. */
ARSENAL_API uint32_t arsenal_abi_version(void) ARSENAL_NOEXCEPT;

/** The library's version, such as "0.1.0". */
ARSENAL_API const char* arsenal_version(void) ARSENAL_NOEXCEPT;

/** The name of a status, such as "INVALID_MODEL". */
ARSENAL_API const char* arsenal_status_name(arsenal_status status) ARSENAL_NOEXCEPT;

/** What the last failed call on this thread has to say; "" if none has failed. Valid until the next failure on this
 * thread. */
ARSENAL_API const char* arsenal_last_error(void) ARSENAL_NOEXCEPT;

/** Size of one element of `dtype` in bytes; 0 if `dtype` is none of ::arsenal_dtype. */
ARSENAL_API size_t arsenal_dtype_size(int32_t dtype) ARSENAL_NOEXCEPT;

/**
 * Loads a model from a file.
 *
 * The model is validated as a whole here, so that ::arsenal_session_run has only shapes and dtypes left to check.
 * Time and memory are linear in the size of the file. Files with external data are refused.
 * The environment variable `ARSENAL_FORCE_ISA=scalar|avx2|avx512` makes kernels of that instruction set be used.
 *
 * @param path     where the file is
 * @param options  NULL for all defaults
 * @param session  receives the session, to be freed with ::arsenal_session_free; NULL on failure
 */
ARSENAL_API arsenal_status arsenal_session_load(const char* path, const arsenal_options* options,
                                                arsenal_session** session) ARSENAL_NOEXCEPT;

/** Loads a model from `size` bytes at `data`, which are copied as far as they are needed. Otherwise as
 * ::arsenal_session_load. */
ARSENAL_API arsenal_status arsenal_session_load_from_memory(const void* data, size_t size,
                                                            const arsenal_options* options,
                                                            arsenal_session** session) ARSENAL_NOEXCEPT;

/** Frees a session; no call on it may be running. NULL is fine. */
ARSENAL_API void arsenal_session_free(arsenal_session* session) ARSENAL_NOEXCEPT;

/** Number of inputs that the caller has to feed; initializers are not among them. */
ARSENAL_API size_t arsenal_session_input_count(const arsenal_session* session) ARSENAL_NOEXCEPT;

/** Number of outputs. */
ARSENAL_API size_t arsenal_session_output_count(const arsenal_session* session) ARSENAL_NOEXCEPT;

/** Describes an input. */
ARSENAL_API arsenal_status arsenal_session_input_info(const arsenal_session* session, size_t index,
                                                      arsenal_value_info* info) ARSENAL_NOEXCEPT;

/** Describes an output, as inferred from the graph. */
ARSENAL_API arsenal_status arsenal_session_output_info(const arsenal_session* session, size_t index,
                                                       arsenal_value_info* info) ARSENAL_NOEXCEPT;

/**
 * The keys of an output that is a map from classes to scores, as ZipMap makes it.
 *
 * Such an output is run as the tensor of scores that it is made of: one row per map, one column per key.
 *
 * @param count  receives the number of keys; 0 if the output is a tensor like others
 * @param dtype  receives ::ARSENAL_INT64 or ::ARSENAL_STRING, or ::ARSENAL_UNDEFINED
 * @param keys   receives `count` int64_t or ::arsenal_string, which live as long as the session
 */
ARSENAL_API arsenal_status arsenal_session_output_keys(const arsenal_session* session, size_t index, size_t* count,
                                                       int32_t* dtype, const void** keys) ARSENAL_NOEXCEPT;

/** Describes the model. */
ARSENAL_API arsenal_status arsenal_session_model_info(const arsenal_session* session,
                                                      arsenal_model_info* info) ARSENAL_NOEXCEPT;

/** Number of operator sets that the model imports. */
ARSENAL_API size_t arsenal_session_opset_count(const arsenal_session* session) ARSENAL_NOEXCEPT;

/** An operator set that the model imports. */
ARSENAL_API arsenal_status arsenal_session_opset(const arsenal_session* session, size_t index,
                                                 arsenal_opset* opset) ARSENAL_NOEXCEPT;

/** Number of `metadata_props`. */
ARSENAL_API size_t arsenal_session_metadata_count(const arsenal_session* session) ARSENAL_NOEXCEPT;

/** One of the `metadata_props`. */
ARSENAL_API arsenal_status arsenal_session_metadata(const arsenal_session* session, size_t index,
                                                    arsenal_metadata* metadata) ARSENAL_NOEXCEPT;

/** Number of different operators in the graph. */
ARSENAL_API size_t arsenal_session_operator_count(const arsenal_session* session) ARSENAL_NOEXCEPT;

/** An operator of the graph and how often it is used, in order of first use. */
ARSENAL_API arsenal_status arsenal_session_operator(const arsenal_session* session, size_t index,
                                                    arsenal_operator_count* op) ARSENAL_NOEXCEPT;

/**
 * Binds input shapes: tells the shapes of outputs, and how large a workspace makes ::arsenal_session_run allocate
 * nothing.
 *
 * @param input_shapes    one shape per input, `n_inputs` = ::arsenal_session_input_count
 * @param output_indices  the outputs asked for, each at most once
 * @param output_shapes   receives `n_outputs` shapes; may be NULL
 * @param workspace_bytes receives the size, enough for any strides; may be NULL
 */
ARSENAL_API arsenal_status arsenal_session_bind(const arsenal_session* session, const arsenal_shape* input_shapes,
                                                size_t n_inputs, const size_t* output_indices,
                                                arsenal_shape* output_shapes, size_t n_outputs,
                                                size_t* workspace_bytes) ARSENAL_NOEXCEPT;

/**
 * Runs the model. Only what the requested outputs need is computed.
 *
 * With a workspace of ::arsenal_session_bind's size nothing is allocated. Without one (NULL, 0) nothing is allocated
 * either as long as 16 KiB on the stack are enough, as they are for a row of a tree model; beyond that the
 * call allocates once and frees before it returns. With one thread no lock is taken.
 * Output strings point into memory of the session, to where the caller's own input strings point or, where the model
 * makes text (StringNormalizer), into memory that the calling thread owns until the end of its next run of such a
 * model, and that grows with the text, up to `max_workspace_bytes`.
 * On failure the contents of the outputs are unspecified.
 *
 * @param inputs          one tensor per input, `n_inputs` = ::arsenal_session_input_count
 * @param output_indices  the outputs asked for, each at most once
 * @param outputs         `n_outputs` tensors with the shapes that ::arsenal_session_bind tells; may not overlap inputs
 * @param workspace       scratch memory aligned to 64 bytes, for this call alone; or NULL
 * @param workspace_bytes its size
 */
ARSENAL_API arsenal_status arsenal_session_run(const arsenal_session* session, const arsenal_input* inputs,
                                               size_t n_inputs, const size_t* output_indices,
                                               const arsenal_output* outputs, size_t n_outputs, void* workspace,
                                               size_t workspace_bytes) ARSENAL_NOEXCEPT;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ARSENAL_RUNTIME_H_ */
