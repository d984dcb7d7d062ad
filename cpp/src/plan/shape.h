// Shapes: what the plan knows about them at load, and concrete ones at run.
#ifndef ARSENAL_SRC_PLAN_SHAPE_H_
#define ARSENAL_SRC_PLAN_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "arsenal/runtime.h"

namespace arsenal::runtime {

// Rank -1: nothing is known. An extent of -1: known at run time only.
using Shape = arsenal_shape;

inline Shape unknown_shape() noexcept { return {-1, {}}; }

inline Shape make_shape(std::initializer_list<std::int64_t> dims) noexcept {
  Shape shape{0, {}};
  for (const std::int64_t dim : dims) shape.dims[shape.rank++] = dim;
  return shape;
}

inline bool same_shape(const Shape& a, const Shape& b) noexcept {
  if (a.rank != b.rank) return false;
  for (std::int32_t d = 0; d < a.rank; ++d) {
    if (a.dims[d] != b.dims[d]) return false;
  }
  return true;
}

// Product of the extents from `first` on; -1 if one is unknown or the product exceeds 2^62.
inline std::int64_t element_count(const Shape& shape, std::int32_t first = 0) noexcept {
  std::int64_t count = 1;
  bool overflow = shape.rank < 0;
  for (std::int32_t d = first; d < shape.rank; ++d) {
    const std::int64_t dim = shape.dims[d];
    if (dim == 0) return 0;
    if (dim < 0 || count > (std::int64_t{1} << 62) / dim) {
      overflow = true;
    } else {
      count *= dim;
    }
  }
  return overflow ? -1 : count;
}

// The shape as text, such as "[?, 28]".
struct ShapeText {
  explicit ShapeText(const Shape& shape) noexcept;
  char text[208];
};

// Resolves an ONNX axis (negative counts from the back) into `axis`; false, with 0, if it is out of range.
inline bool resolve_axis(std::int64_t given, std::int32_t rank, std::int32_t& axis) noexcept {
  axis = 0;
  if (given < -std::int64_t{rank} || given >= rank) return false;
  axis = static_cast<std::int32_t>(given < 0 ? given + rank : given);
  return true;
}

// The common shape of two operands under ONNX (NumPy) broadcasting; false if there is none. Unknown extents stay
// unknown unless the other operand decides them.
bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result) noexcept;

// A tensor of a plan: C-contiguous memory and a shape. The plan knows the dtype.
struct Tensor {
  void* data = nullptr;
  Shape shape = {-1, {}};

  template <typename T>
  const T* as() const noexcept {
    return static_cast<const T*>(data);
  }
  template <typename T>
  T* mutable_as() const noexcept {
    return static_cast<T*>(data);
  }
};

// The operands of a node: entries of a frame, which holds one Tensor per value of the plan.
class Inputs {
 public:
  Inputs(const Tensor* frame, const std::uint32_t* ids) noexcept : frame_(frame), ids_(ids) {}
  const Tensor& operator[](std::size_t i) const noexcept { return frame_[ids_[i]]; }

 private:
  const Tensor* frame_;
  const std::uint32_t* ids_;
};

// The results of a node, likewise.
class Outputs {
 public:
  Outputs(Tensor* frame, const std::uint32_t* ids) noexcept : frame_(frame), ids_(ids) {}
  Tensor& operator[](std::size_t i) const noexcept { return frame_[ids_[i]]; }

 private:
  Tensor* frame_;
  const std::uint32_t* ids_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_SHAPE_H_
