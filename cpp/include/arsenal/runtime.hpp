/**
 * @file runtime.hpp
 * @brief Arsenal's inference runtime for C++17: RAII and exceptions over runtime.h, nothing more.
 *
 * @code{.cpp}
 * const arsenal::Session session("model.onnx");
 * const std::vector<float> x = {5.1f, 3.5f, 1.4f, 0.2f};
 * std::vector<float> probabilities(2);
 * session.run({arsenal::input(x.data(), {1, 4})}, {1}, {arsenal::output(probabilities.data(), {1, 2})});
 * @endcode
 */
#ifndef ARSENAL_RUNTIME_HPP_
#define ARSENAL_RUNTIME_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arsenal/runtime.h"

namespace arsenal {

/** A failed call: the message of ::arsenal_last_error and its code. */
class Error : public std::runtime_error {
 public:
  Error(arsenal_status status, const std::string& message) : std::runtime_error(message), status_(status) {}

  /** What kind of failure it was. */
  arsenal_status status() const noexcept { return status_; }

 private:
  arsenal_status status_;
};

/** Throws an Error unless `status` is ::ARSENAL_OK. */
inline void check(arsenal_status status) {
  if (status != ARSENAL_OK) throw Error(status, arsenal_last_error());
}

/** The ::arsenal_dtype of a C++ element type. */
template <typename T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr arsenal_dtype value = ARSENAL_FLOAT;
};
template <>
struct DtypeOf<double> {
  static constexpr arsenal_dtype value = ARSENAL_DOUBLE;
};
template <>
struct DtypeOf<std::uint8_t> {
  static constexpr arsenal_dtype value = ARSENAL_UINT8;
};
template <>
struct DtypeOf<std::int8_t> {
  static constexpr arsenal_dtype value = ARSENAL_INT8;
};
template <>
struct DtypeOf<std::uint16_t> {
  static constexpr arsenal_dtype value = ARSENAL_UINT16;
};
template <>
struct DtypeOf<std::int16_t> {
  static constexpr arsenal_dtype value = ARSENAL_INT16;
};
template <>
struct DtypeOf<std::uint32_t> {
  static constexpr arsenal_dtype value = ARSENAL_UINT32;
};
template <>
struct DtypeOf<std::int32_t> {
  static constexpr arsenal_dtype value = ARSENAL_INT32;
};
template <>
struct DtypeOf<std::uint64_t> {
  static constexpr arsenal_dtype value = ARSENAL_UINT64;
};
template <>
struct DtypeOf<std::int64_t> {
  static constexpr arsenal_dtype value = ARSENAL_INT64;
};
template <>
struct DtypeOf<bool> {
  static constexpr arsenal_dtype value = ARSENAL_BOOL;
};
template <>
struct DtypeOf<arsenal_string> {
  static constexpr arsenal_dtype value = ARSENAL_STRING;
};

/** A shape, or strides in bytes: up to ::ARSENAL_MAX_RANK numbers without an allocation. */
class Extents {
 public:
  Extents() = default;
  Extents(std::initializer_list<std::int64_t> values) : Extents(values.begin(), values.size()) {}
  Extents(const std::int64_t* values, std::size_t rank) : rank_(rank) {
    if (rank > ARSENAL_MAX_RANK) throw std::invalid_argument("a tensor has at most 8 dimensions");
    for (std::size_t i = 0; i < rank; ++i) values_[i] = values[i];
  }

  std::int32_t rank() const noexcept { return static_cast<std::int32_t>(rank_); }
  const std::int64_t* data() const noexcept { return values_.data(); }
  std::size_t size() const noexcept { return rank_; }
  std::int64_t operator[](std::size_t i) const { return values_.at(i); }

 private:
  std::array<std::int64_t, ARSENAL_MAX_RANK> values_{};
  std::size_t rank_ = 0;
};

/** A view of memory that a run reads (`Element` const) or writes. Made by input() and output(). */
template <typename Pointer>
struct Tensor {
  Pointer data;
  arsenal_dtype dtype;
  Extents shape;
  /** In bytes; no entries: C-contiguous. */
  Extents strides;
};

/** A C-contiguous input, or one with the given strides in bytes. */
template <typename T>
Tensor<const void*> input(const T* data, Extents shape, Extents strides = {}) {
  return {data, DtypeOf<T>::value, shape, strides};
}

/** A C-contiguous output, or one with the given strides in bytes. */
template <typename T>
Tensor<void*> output(T* data, Extents shape, Extents strides = {}) {
  return {data, DtypeOf<T>::value, shape, strides};
}

/** A string as a tensor element; it points to where `text` points. */
inline arsenal_string string_element(std::string_view text) noexcept { return {text.data(), text.size()}; }

/** What a string element points to. */
inline std::string_view view(const arsenal_string& element) noexcept { return {element.data, element.size}; }

/** An input or output of a model. */
struct ValueInfo {
  std::string name;
  arsenal_dtype dtype;
  /** False if the model does not tell the rank. */
  bool has_rank;
  /** -1 where the extent is known at run time only. */
  std::vector<std::int64_t> dims;
  /** Names of symbolic extents; "" where there is none. */
  std::vector<std::string> dim_names;
};

/** How to load a model; the fields of ::arsenal_options. */
struct Options {
  std::int32_t n_threads = 0;
  std::uint32_t max_tree_depth = 0;
  std::uint64_t max_bytes = 0;
  std::uint64_t max_graph_nodes = 0;
  std::uint64_t max_tree_nodes = 0;
  std::uint64_t max_workspace_bytes = 0;
  arsenal_compat compat = ARSENAL_COMPAT_ONNXRUNTIME;
};

/** A loaded model. Immutable; copies share it; any number of threads may run it at the same time. */
class Session {
 public:
  /** Loads a model from a file. */
  explicit Session(const std::string& path, const Options& options = {}) {
    const arsenal_options raw = raw_options(options);
    arsenal_session* session = nullptr;
    check(arsenal_session_load(path.c_str(), &raw, &session));
    adopt(session);
  }

  /** Loads a model from memory, which may be released afterwards. */
  Session(const void* data, std::size_t size, const Options& options = {}) {
    const arsenal_options raw = raw_options(options);
    arsenal_session* session = nullptr;
    check(arsenal_session_load_from_memory(data, size, &raw, &session));
    adopt(session);
  }

  /** The session as the C interface knows it; it stays owned by this object. */
  const arsenal_session* get() const noexcept { return session_.get(); }

  /** What the model takes. */
  std::vector<ValueInfo> inputs() const {
    std::vector<ValueInfo> values;
    for (std::size_t i = 0; i < arsenal_session_input_count(get()); ++i) {
      arsenal_value_info info;
      check(arsenal_session_input_info(get(), i, &info));
      values.push_back(value_info(info));
    }
    return values;
  }

  /** What the model gives. */
  std::vector<ValueInfo> outputs() const {
    std::vector<ValueInfo> values;
    for (std::size_t i = 0; i < arsenal_session_output_count(get()); ++i) {
      arsenal_value_info info;
      check(arsenal_session_output_info(get(), i, &info));
      values.push_back(value_info(info));
    }
    return values;
  }

  /** Facts about the model. */
  arsenal_model_info info() const {
    arsenal_model_info info{};
    info.struct_size = sizeof(info);
    check(arsenal_session_model_info(get(), &info));
    return info;
  }

  /** The operator sets that the model imports. */
  std::vector<arsenal_opset> opsets() const {
    std::vector<arsenal_opset> values(arsenal_session_opset_count(get()));
    for (std::size_t i = 0; i < values.size(); ++i) check(arsenal_session_opset(get(), i, &values[i]));
    return values;
  }

  /** The keys of an output that is a map from classes to scores; both are empty if it is a tensor like others. */
  struct Keys {
    std::vector<std::int64_t> integers;
    std::vector<std::string> strings;
  };

  /** What the columns of output `index` stand for, if it is a map as ZipMap makes it. */
  Keys output_keys(std::size_t index) const {
    std::size_t count = 0;
    std::int32_t dtype = ARSENAL_UNDEFINED;
    const void* found = nullptr;
    check(arsenal_session_output_keys(get(), index, &count, &dtype, &found));
    Keys keys;
    for (std::size_t i = 0; i < count; ++i) {
      if (dtype == ARSENAL_STRING) {
        keys.strings.emplace_back(view(static_cast<const arsenal_string*>(found)[i]));
      } else {
        keys.integers.push_back(static_cast<const std::int64_t*>(found)[i]);
      }
    }
    return keys;
  }

  /** The operators of the graph and how often each is used. */
  std::vector<arsenal_operator_count> operators() const {
    std::vector<arsenal_operator_count> values(arsenal_session_operator_count(get()));
    for (std::size_t i = 0; i < values.size(); ++i) check(arsenal_session_operator(get(), i, &values[i]));
    return values;
  }

  /** The model's `metadata_props`, in the order of the file. */
  std::vector<std::pair<std::string, std::string>> metadata() const {
    std::vector<std::pair<std::string, std::string>> values;
    for (std::size_t i = 0; i < arsenal_session_metadata_count(get()); ++i) {
      arsenal_metadata entry;
      check(arsenal_session_metadata(get(), i, &entry));
      values.emplace_back(entry.key, std::string(entry.value, entry.value_size));
    }
    return values;
  }

  /** Shapes of the requested outputs for the given input shapes, and the size of a workspace that avoids allocations.
   */
  struct Binding {
    std::vector<Extents> output_shapes;
    std::size_t workspace_bytes;
  };

  /** Binds input shapes, one per input. */
  Binding bind(const std::vector<Extents>& input_shapes, const std::vector<std::size_t>& output_indices) const {
    std::vector<arsenal_shape> in(input_shapes.size());
    for (std::size_t i = 0; i < in.size(); ++i) {
      in[i].rank = input_shapes[i].rank();
      for (std::size_t d = 0; d < input_shapes[i].size(); ++d) in[i].dims[d] = input_shapes[i][d];
    }
    std::vector<arsenal_shape> out(output_indices.size());
    Binding binding{{}, 0};
    check(arsenal_session_bind(get(), in.data(), in.size(), output_indices.data(), out.data(), out.size(),
                               &binding.workspace_bytes));
    for (const arsenal_shape& shape : out) {
      binding.output_shapes.emplace_back(shape.dims, static_cast<std::size_t>(shape.rank));
    }
    return binding;
  }

  /**
   * Runs the model: `outputs[i]` receives the output with index `output_indices[i]`.
   *
   * This form copies the tensor headers into vectors. Where an allocation matters, call ::arsenal_session_run.
   */
  void run(const std::vector<Tensor<const void*>>& inputs, const std::vector<std::size_t>& output_indices,
           const std::vector<Tensor<void*>>& outputs) const {
    if (output_indices.size() != outputs.size()) {
      throw Error(ARSENAL_INVALID_ARGUMENT, "as many outputs as output indices are needed");
    }
    std::vector<arsenal_input> in;
    in.reserve(inputs.size());
    for (const auto& tensor : inputs) {
      in.push_back({tensor.data, tensor.dtype, tensor.shape.rank(), tensor.shape.data(), strides_of(tensor)});
    }
    std::vector<arsenal_output> out;
    out.reserve(outputs.size());
    for (const auto& tensor : outputs) {
      out.push_back({tensor.data, tensor.dtype, tensor.shape.rank(), tensor.shape.data(), strides_of(tensor)});
    }
    check(arsenal_session_run(get(), in.data(), in.size(), output_indices.data(), out.data(), out.size(), nullptr, 0));
  }

 private:
  void adopt(arsenal_session* session) { session_ = {session, arsenal_session_free}; }

  static arsenal_options raw_options(const Options& options) noexcept {
    return {sizeof(arsenal_options),     options.n_threads,       options.max_tree_depth,
            options.max_bytes,           options.max_graph_nodes, options.max_tree_nodes,
            options.max_workspace_bytes, options.compat,          0};
  }

  template <typename Pointer>
  static const std::int64_t* strides_of(const Tensor<Pointer>& tensor) {
    if (tensor.strides.size() == 0) return nullptr;
    if (tensor.strides.size() != tensor.shape.size()) {
      throw Error(ARSENAL_INVALID_ARGUMENT, "a tensor needs as many strides as dimensions");
    }
    return tensor.strides.data();
  }

  static ValueInfo value_info(const arsenal_value_info& info) {
    ValueInfo value{info.name, static_cast<arsenal_dtype>(info.dtype), info.rank >= 0, {}, {}};
    for (std::int32_t d = 0; d < info.rank; ++d) {
      value.dims.push_back(info.dims[d]);
      value.dim_names.emplace_back(info.dim_names[d]);
    }
    return value;
  }

  std::shared_ptr<arsenal_session> session_;
};

}  // namespace arsenal

#endif  // ARSENAL_RUNTIME_HPP_
