// Products of rows with a matrix: one kernel per instruction set, all with the same results.
//
// The order of a sum is one, whatever the shape: the products of a row with a column are cut into blocks of kGemmBlock
// in the order of k; a block is summed from its first product on; the blocks' sums are added in order. Every further
// product of a block is added by one fused multiply-add, which rounds once and means the same everywhere: an
// instruction with AVX2 and AVX-512, std::fma without them. Registers hold neighbouring columns, so nothing is ever
// summed across a register, and a short chain of additions per block lets several blocks of a single row run at a time.
//
// The files that implement this for an instruction set are compiled with its flags and use nothing from the standard
// library, as kernels/ranked.h explains.
#ifndef ARSENAL_SRC_KERNELS_GEMM_H_
#define ARSENAL_SRC_KERNELS_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace arsenal::runtime {

constexpr std::size_t kGemmBlock = 16;

// Columns of a panel.
template <typename T>
constexpr std::size_t kGemmColumns = 64 / sizeof(T);

// One k of a panel, or a panel's share of a bias.
template <typename T>
struct alignas(64) GemmLine {
  T columns[kGemmColumns<T>];
};

template <typename T>
constexpr std::size_t gemm_panels(std::size_t n_columns) noexcept {
  return (n_columns + kGemmColumns<T> - 1) / kGemmColumns<T>;
}

// result[i][j] = sum over k of rows[i][k] × matrix[k][j], + bias[j].
template <typename T>
struct GemmTask {
  // n_rows × depth; the elements of a row lie side by side, rows row_stride elements apart.
  const T* rows;
  std::int64_t row_stride;
  std::size_t n_rows;
  // The matrix, depth × n_columns, as pack_panels() lays it out.
  const GemmLine<T>* panels;
  std::size_t depth;
  std::size_t n_columns;
  // One line per panel, or nullptr.
  const GemmLine<T>* bias;
  // n_rows × n_columns, laid out as `rows` are; shares no memory with them.
  T* result;
  std::int64_t result_stride;
};

template <typename T>
using Gemm = void (*)(const GemmTask<T>& task);

// Lays out a matrix whose element [k][j] is at from[k * k_stride + j * j_stride]: panel by panel, each with `depth`
// lines, filled up with zeros. There are gemm_panels(n_columns) × depth lines.
template <typename T>
void pack_panels(const T* from, std::size_t depth, std::size_t n_columns, std::int64_t k_stride, std::int64_t j_stride,
                 GemmLine<T>* panels) noexcept;

// The kernel for float, double, int32 or int64. Integers wrap around.
template <typename T>
Gemm<T> gemm_kernel(Isa isa) noexcept;

void gemm_avx2_float(const GemmTask<float>&);
void gemm_avx2_double(const GemmTask<double>&);
void gemm_avx2_int32(const GemmTask<std::int32_t>&);
void gemm_avx512_float(const GemmTask<float>&);
void gemm_avx512_double(const GemmTask<double>&);
void gemm_avx512_int32(const GemmTask<std::int32_t>&);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_GEMM_H_
