// x W + b with W and b known at load: what linear models and the layers of small nets are made of.
#ifndef ARSENAL_SRC_ENGINES_LINEAR_MAP_H_
#define ARSENAL_SRC_ENGINES_LINEAR_MAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/gemm.h"
#include "plan/shape.h"

namespace arsenal::runtime {

// Bytes of a packed matrix; a number beyond all limits if they cannot be counted.
template <typename T>
std::size_t packed_bytes(std::int64_t depth, std::int64_t n_columns) noexcept {
  const std::size_t lines = gemm_panels<T>(static_cast<std::size_t>(n_columns));
  std::size_t bytes;
  if (__builtin_mul_overflow(lines * sizeof(GemmLine<T>), static_cast<std::size_t>(depth), &bytes)) return SIZE_MAX;
  return bytes;
}

// Whether the matrices of a constant are packed when the model is loaded. Columns are filled up to whole panels, which
// must not make much of a large constant of one column.
template <typename T>
bool fits_packed(const Shape& shape) noexcept {
  constexpr std::int64_t kMostBytes = std::int64_t{256} << 20;
  const std::int64_t columns = shape.rank > 1 ? shape.dims[shape.rank - 1] : 1;
  const std::int64_t rows = columns == 0 ? 0 : element_count(shape) / columns;
  return packed_bytes<T>(rows, columns) <= kMostBytes;
}

// The bits of a row's result do not depend on instruction set, on the other rows or on their number: kernels/gemm.h has
// the order of the sums, and the bias is added last.
template <typename T>
class LinearMap {
 public:
  // W[k][j], depth × n_columns, is weights[k * k_stride + j * j_stride]; `bias` has n_columns elements or is nullptr.
  // Both are copied. O(depth × n_columns) memory, columns filled up to whole panels.
  LinearMap(const T* weights, std::size_t depth, std::size_t n_columns, std::int64_t k_stride, std::int64_t j_stride,
            const T* bias = nullptr)
      : depth_(depth),
        n_columns_(n_columns),
        panels_(gemm_panels<T>(n_columns) * depth),
        kernel_(gemm_kernel<T>(choose_isa())) {
    pack_panels(weights, depth, n_columns, k_stride, j_stride, panels_.data());
    if (bias != nullptr) set_bias(bias, 1);
  }

  // Sets b[j] to bias[j * stride].
  void set_bias(const T* bias, std::int64_t stride) {
    bias_.resize(gemm_panels<T>(n_columns_));
    pack_panels(bias, 1, n_columns_, 0, stride, bias_.data());
  }

  std::size_t depth() const noexcept { return depth_; }
  std::size_t n_columns() const noexcept { return n_columns_; }

  // Rows of depth() elements to rows of n_columns(), both C-contiguous, apart from each other in memory.
  void run(const T* rows, std::size_t n_rows, T* result) const noexcept { run(rows, n_rows, result, n_columns_); }

  // The same, with the results' rows `stride` elements apart.
  void run(const T* rows, std::size_t n_rows, T* result, std::size_t stride) const noexcept {
    kernel_({rows, static_cast<std::int64_t>(depth_), n_rows, panels_.data(), depth_, n_columns_,
             bias_.empty() ? nullptr : bias_.data(), result, static_cast<std::int64_t>(stride)});
  }

 private:
  std::size_t depth_;
  std::size_t n_columns_;
  std::vector<GemmLine<T>> panels_;
  std::vector<GemmLine<T>> bias_;
  Gemm<T> kernel_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_LINEAR_MAP_H_
