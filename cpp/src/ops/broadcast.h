// Walks operands under ONNX (NumPy) broadcasting.
#ifndef ARSENAL_SRC_OPS_BROADCAST_H_
#define ARSENAL_SRC_OPS_BROADCAST_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "plan/op.h"
#include "plan/shape.h"

namespace arsenal::runtime {

// The loop over the elements of a result of which kOperands operands are broadcast. Axes along which every operand
// goes on at the same pace are merged, so that most cases are one flat loop.
template <std::size_t kOperands>
class Broadcast {
 public:
  Broadcast(const Shape& result, const std::array<const Shape*, kOperands>& operands) noexcept {
    std::array<std::int64_t, kOperands> pace;
    pace.fill(1);
    for (std::int32_t d = result.rank - 1; d >= 0; --d) {
      std::array<std::int64_t, kOperands> strides;
      for (std::size_t k = 0; k < kOperands; ++k) {
        const std::int32_t own = d - (result.rank - operands[k]->rank);
        const std::int64_t dim = own < 0 ? 1 : operands[k]->dims[own];
        strides[k] = dim == 1 ? 0 : pace[k];
        pace[k] *= dim;
      }
      push_axis(result.dims[d], strides);
    }
  }

  // Calls line(count, position, offsets, strides) for each innermost line: `count` results from `position` on; operand
  // k has elements offsets[k] + i * strides[k], and strides[k] is 0 or 1. Stops when `line` returns false.
  template <typename Line>
  bool for_each_line(const Line& line) const noexcept {
    for (std::int32_t d = 0; d < rank_; ++d) {
      if (dims_[d] == 0) return true;
    }
    const std::int64_t count = rank_ == 0 ? 1 : dims_[0];
    std::array<std::int64_t, kOperands> inner{};
    if (rank_ > 0) inner = strides_[0];
    std::array<std::int64_t, kOperands> offsets{};
    std::array<std::int64_t, ARSENAL_MAX_RANK> index{};
    for (std::int64_t position = 0;; position += count) {
      if (!line(count, position, offsets, inner)) return false;
      std::int32_t d = 1;
      for (; d < rank_; ++d) {
        const auto axis = static_cast<std::size_t>(d);
        for (std::size_t k = 0; k < kOperands; ++k) offsets[k] += strides_[axis][k];
        if (++index[axis] < dims_[axis]) break;
        for (std::size_t k = 0; k < kOperands; ++k) offsets[k] -= strides_[axis][k] * dims_[axis];
        index[axis] = 0;
      }
      if (d >= rank_) return true;
    }
  }

 private:
  // Axes come from the innermost outwards.
  void push_axis(std::int64_t dim, const std::array<std::int64_t, kOperands>& strides) noexcept {
    if (dim == 1) return;
    if (rank_ > 0) {
      const auto last = static_cast<std::size_t>(rank_ - 1);
      bool merges = true;
      for (std::size_t k = 0; k < kOperands; ++k) merges = merges && strides[k] == strides_[last][k] * dims_[last];
      if (merges) {
        dims_[last] *= dim;
        return;
      }
    }
    const auto axis = static_cast<std::size_t>(rank_++);
    dims_[axis] = dim;
    strides_[axis] = strides;
  }

  std::int32_t rank_ = 0;
  std::array<std::int64_t, ARSENAL_MAX_RANK> dims_{};
  std::array<std::array<std::int64_t, kOperands>, ARSENAL_MAX_RANK> strides_{};
};

// Op::keeps_rows of an element-wise operator with broadcasting: rows line up if every operand with rows has the rank of
// the result, and no other operand has an extent along axis 0.
bool broadcast_keeps_rows(const std::vector<Operand>& inputs);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_BROADCAST_H_
