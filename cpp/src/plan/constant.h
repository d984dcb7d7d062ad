// Tensors whose values are known when the model is loaded.
#ifndef ARSENAL_SRC_PLAN_CONSTANT_H_
#define ARSENAL_SRC_PLAN_CONSTANT_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "arsenal/runtime.h"
#include "onnx/model.h"
#include "plan/shape.h"

namespace arsenal::runtime {

// An owned, C-contiguous tensor. String elements point into its own text. Moving keeps all pointers valid.
class Constant {
 public:
  // A tensor of `shape`, zero-initialised. Throws Failure if its size is beyond 2^62 elements.
  Constant(std::int32_t dtype, const Shape& shape);

  // A tensor of strings, which are copied.
  static Constant of_strings(const std::vector<std::string_view>& values, const Shape& shape);

  // The tensor that `proto` holds. Throws Failure if dtype, dims and data do not fit.
  static Constant of_proto(const onnx::TensorProto& proto);

  std::int32_t dtype() const noexcept { return dtype_; }
  const Shape& shape() const noexcept { return shape_; }
  std::int64_t size() const noexcept { return size_; }

  template <typename T>
  const T* as() const noexcept {
    return static_cast<const T*>(static_cast<const void*>(storage_.get()));
  }
  template <typename T>
  T* mutable_as() noexcept {
    return static_cast<T*>(static_cast<void*>(storage_.get()));
  }

  // The tensor as an operand; operators do not write to operands.
  Tensor tensor() const noexcept { return {storage_.get(), shape_}; }

 private:
  std::int32_t dtype_;
  Shape shape_;
  std::int64_t size_;
  std::unique_ptr<std::uint64_t[]> storage_;
  std::unique_ptr<char[]> text_;
};

// Bytes of one element; 0 if `dtype` is no dtype of ours.
std::size_t dtype_size(std::int32_t dtype) noexcept;

// ONNX's name of a dtype, such as "float"; "?" if `dtype` is no dtype of ours.
const char* dtype_name(std::int32_t dtype) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_CONSTANT_H_
