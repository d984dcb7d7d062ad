// The products of kernels/gemm.h with AVX2: two registers per line, tiles of six rows and one panel.
#include <immintrin.h>

#include "kernels/gemm_tiles.h"

namespace arsenal::runtime {

namespace {

struct Tile {
  static constexpr std::size_t kPerLine = 2;
  static constexpr std::size_t kRows = 6;
  static constexpr std::size_t kPanels = 1;
};

struct Floats : Tile {
  using T = float;
  using Register = __m256;
  static Register zero() { return _mm256_setzero_ps(); }
  static Register load(const T* from) { return _mm256_loadu_ps(from); }
  static Register broadcast(const T* from) { return _mm256_set1_ps(*from); }
  static Register multiply(Register a, Register b) { return _mm256_mul_ps(a, b); }
  static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(T* to, Register a) { _mm256_storeu_ps(to, a); }
};

struct Doubles : Tile {
  using T = double;
  using Register = __m256d;
  static Register zero() { return _mm256_setzero_pd(); }
  static Register load(const T* from) { return _mm256_loadu_pd(from); }
  static Register broadcast(const T* from) { return _mm256_set1_pd(*from); }
  static Register multiply(Register a, Register b) { return _mm256_mul_pd(a, b); }
  static Register add(Register a, Register b) { return _mm256_add_pd(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return _mm256_fmadd_pd(a, b, c); }
  static void store(T* to, Register a) { _mm256_storeu_pd(to, a); }
};

struct Int32s : Tile {
  using T = std::int32_t;
  using Register = __m256i;
  static Register zero() { return _mm256_setzero_si256(); }
  static Register load(const T* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
  static Register broadcast(const T* from) { return _mm256_set1_epi32(*from); }
  static Register multiply(Register a, Register b) { return _mm256_mullo_epi32(a, b); }
  static Register add(Register a, Register b) { return _mm256_add_epi32(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return add(multiply(a, b), c); }
  static void store(T* to, Register a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
};

}  // namespace

void gemm_avx2_float(const GemmTask<float>& task) { gemm_by_tiles<Floats>(task); }
void gemm_avx2_double(const GemmTask<double>& task) { gemm_by_tiles<Doubles>(task); }
void gemm_avx2_int32(const GemmTask<std::int32_t>& task) { gemm_by_tiles<Int32s>(task); }

}  // namespace arsenal::runtime
