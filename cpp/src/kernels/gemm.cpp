// The portable kernel, which every dtype has, and the choice of one.
#include "kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace arsenal::runtime {

namespace {

// Integers wrap around, which signed arithmetic may not.
template <typename T>
struct ArithmeticOf {
  using Type = T;
};
template <>
struct ArithmeticOf<std::int32_t> {
  using Type = std::uint32_t;
};
template <>
struct ArithmeticOf<std::int64_t> {
  using Type = std::uint64_t;
};

template <typename T>
T product(T a, T b) noexcept {
  using U = typename ArithmeticOf<T>::Type;
  return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
}

template <typename T>
T sum(T a, T b) noexcept {
  using U = typename ArithmeticOf<T>::Type;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}

// a × b + c, rounded once: std::fma is exact where the CPU has no such instruction too.
template <typename T>
T multiply_add(T a, T b, T c) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fma(a, b, c);
  } else {
    return sum(product(a, b), c);
  }
}

// One row with one panel.
template <typename T>
GemmLine<T> row_sums(const T* row, const GemmLine<T>* panel, std::size_t depth) noexcept {
  GemmLine<T> total{};
  for (std::size_t first = 0; first < depth; first += kGemmBlock) {
    const std::size_t end = std::min(first + kGemmBlock, depth);
    GemmLine<T> block;
    for (std::size_t j = 0; j < kGemmColumns<T>; ++j) block.columns[j] = product(row[first], panel[first].columns[j]);
    for (std::size_t k = first + 1; k < end; ++k) {
      for (std::size_t j = 0; j < kGemmColumns<T>; ++j) {
        block.columns[j] = multiply_add(row[k], panel[k].columns[j], block.columns[j]);
      }
    }
    for (std::size_t j = 0; j < kGemmColumns<T>; ++j) {
      total.columns[j] = first == 0 ? block.columns[j] : sum(total.columns[j], block.columns[j]);
    }
  }
  return total;
}

template <typename T>
void gemm(const GemmTask<T>& task) {
  for (std::size_t p = 0; p < gemm_panels<T>(task.n_columns); ++p) {
    const std::size_t first = p * kGemmColumns<T>;
    const std::size_t count = std::min(kGemmColumns<T>, task.n_columns - first);
    for (std::size_t i = 0; i < task.n_rows; ++i) {
      const T* row = task.rows + static_cast<std::int64_t>(i) * task.row_stride;
      T* result = task.result + static_cast<std::int64_t>(i) * task.result_stride + first;
      const GemmLine<T> total = row_sums(row, task.panels + p * task.depth, task.depth);
      for (std::size_t j = 0; j < count; ++j) {
        result[j] = task.bias == nullptr ? total.columns[j] : sum(total.columns[j], task.bias[p].columns[j]);
      }
    }
  }
}

}  // namespace

template <typename T>
void pack_panels(const T* from, std::size_t depth, std::size_t n_columns, std::int64_t k_stride, std::int64_t j_stride,
                 GemmLine<T>* panels) noexcept {
  for (std::size_t first = 0; first < n_columns; first += kGemmColumns<T>) {
    const std::size_t count = std::min(kGemmColumns<T>, n_columns - first);
    for (std::size_t k = 0; k < depth; ++k, ++panels) {
      const T* line = from + static_cast<std::int64_t>(k) * k_stride + static_cast<std::int64_t>(first) * j_stride;
      for (std::size_t j = 0; j < kGemmColumns<T>; ++j) {
        panels->columns[j] = j < count ? line[static_cast<std::int64_t>(j) * j_stride] : T{0};
      }
    }
  }
}

template void pack_panels(const float*, std::size_t, std::size_t, std::int64_t, std::int64_t,
                          GemmLine<float>*) noexcept;
template void pack_panels(const double*, std::size_t, std::size_t, std::int64_t, std::int64_t,
                          GemmLine<double>*) noexcept;
template void pack_panels(const std::int32_t*, std::size_t, std::size_t, std::int64_t, std::int64_t,
                          GemmLine<std::int32_t>*) noexcept;
template void pack_panels(const std::int64_t*, std::size_t, std::size_t, std::int64_t, std::int64_t,
                          GemmLine<std::int64_t>*) noexcept;

template <>
Gemm<float> gemm_kernel(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return gemm_avx512_float;
  if (isa == Isa::kAvx2) return gemm_avx2_float;
#endif
  (void)isa;
  return gemm<float>;
}

template <>
Gemm<double> gemm_kernel(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return gemm_avx512_double;
  if (isa == Isa::kAvx2) return gemm_avx2_double;
#endif
  (void)isa;
  return gemm<double>;
}

template <>
Gemm<std::int32_t> gemm_kernel(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return gemm_avx512_int32;
  if (isa == Isa::kAvx2) return gemm_avx2_int32;
#endif
  (void)isa;
  return gemm<std::int32_t>;
}

// Too rare for kernels of its own.
template <>
Gemm<std::int64_t> gemm_kernel(Isa) noexcept {
  return gemm<std::int64_t>;
}

}  // namespace arsenal::runtime
