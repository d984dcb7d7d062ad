// The products of kernels/gemm.h with AVX-512 F: a line per register, tiles of eight rows and two panels.
#include <immintrin.h>

#include "kernels/gemm_tiles.h"

namespace arsenal::runtime {

namespace {

struct Tile {
  static constexpr std::size_t kPerLine = 1;
  static constexpr std::size_t kRows = 8;
  static constexpr std::size_t kPanels = 2;
};

struct Floats : Tile {
  using T = float;
  using Register = __m512;
  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(const T* from) { return _mm512_loadu_ps(from); }
  static Register broadcast(const T* from) { return _mm512_set1_ps(*from); }
  static Register multiply(Register a, Register b) { return _mm512_mul_ps(a, b); }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
  static void store(T* to, Register a) { _mm512_storeu_ps(to, a); }
};

struct Doubles : Tile {
  using T = double;
  using Register = __m512d;
  static Register zero() { return _mm512_setzero_pd(); }
  static Register load(const T* from) { return _mm512_loadu_pd(from); }
  static Register broadcast(const T* from) { return _mm512_set1_pd(*from); }
  static Register multiply(Register a, Register b) { return _mm512_mul_pd(a, b); }
  static Register add(Register a, Register b) { return _mm512_add_pd(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return _mm512_fmadd_pd(a, b, c); }
  static void store(T* to, Register a) { _mm512_storeu_pd(to, a); }
};

struct Int32s : Tile {
  using T = std::int32_t;
  using Register = __m512i;
  static Register zero() { return _mm512_setzero_si512(); }
  static Register load(const T* from) { return _mm512_loadu_si512(from); }
  static Register broadcast(const T* from) { return _mm512_set1_epi32(*from); }
  static Register multiply(Register a, Register b) { return _mm512_mullo_epi32(a, b); }
  static Register add(Register a, Register b) { return _mm512_add_epi32(a, b); }
  static Register multiply_add(Register a, Register b, Register c) { return add(multiply(a, b), c); }
  static void store(T* to, Register a) { _mm512_storeu_si512(to, a); }
};

}  // namespace

void gemm_avx512_float(const GemmTask<float>& task) { gemm_by_tiles<Floats>(task); }
void gemm_avx512_double(const GemmTask<double>& task) { gemm_by_tiles<Doubles>(task); }
void gemm_avx512_int32(const GemmTask<std::int32_t>& task) { gemm_by_tiles<Int32s>(task); }

}  // namespace arsenal::runtime
