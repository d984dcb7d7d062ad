// Tables of bytes, looked up 64 bytes at a time with AVX-512.
#ifndef ARSENAL_SRC_KERNELS_BYTES_AVX512_H_
#define ARSENAL_SRC_KERNELS_BYTES_AVX512_H_

#include <immintrin.h>

#include "kernels/leaves.h"

namespace arsenal::runtime::avx512 {

// The bytes of up to 64 columns fit one register, those of 128 two.
template <bool kTwo>
struct ColumnTable {
  explicit ColumnTable(const std::int8_t* bytes)
      : low(_mm512_loadu_si512(bytes)), high(_mm512_loadu_si512(bytes + 64)) {}

  __m512i look_up(__m512i column) const {
    return kTwo ? _mm512_permutex2var_epi8(low, column, high) : _mm512_permutexvar_epi8(column, low);
  }

  __m512i low;
  __m512i high;
};

// table[index] for a table of 64, 128 or 256 bytes.
inline __m512i look_up(const std::uint8_t* table, std::uint32_t size, __m512i index) {
  const __m512i first = _mm512_loadu_si512(table);
  if (size <= 64) return _mm512_permutexvar_epi8(index, first);
  const __m512i lower = _mm512_permutex2var_epi8(first, index, _mm512_loadu_si512(table + 64));
  if (size <= 128) return lower;
  const __m512i upper =
      _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index, _mm512_loadu_si512(table + 192));
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), lower, upper);
}

// Vectors of values, and how many of them 64 leaves take.
struct Floats {
  using T = float;
  using Vector = __m512;
  static constexpr int kVectors = 4;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static void store(float* values, Vector vector) { _mm512_storeu_ps(values, vector); }

  // Values of 64 leaves, in order.
  static void values_of(const LeafTable<float>& table, __m512i leaf, Vector* values) {
    // What is interleaved below takes four bytes of each quarter in turn.
    const __m512i fours = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    leaf = _mm512_permutexvar_epi32(fours, leaf);
    __m512i bytes[4];
    for (int b = 0; b < 4; ++b) bytes[b] = look_up(table.bytes + b * table.stride, table.stride, leaf);
    const __m512i low[2] = {_mm512_unpacklo_epi8(bytes[0], bytes[1]), _mm512_unpackhi_epi8(bytes[0], bytes[1])};
    const __m512i high[2] = {_mm512_unpacklo_epi8(bytes[2], bytes[3]), _mm512_unpackhi_epi8(bytes[2], bytes[3])};
    for (int half = 0; half < 2; ++half) {
      values[2 * half] = _mm512_castsi512_ps(_mm512_unpacklo_epi16(low[half], high[half]));
      values[2 * half + 1] = _mm512_castsi512_ps(_mm512_unpackhi_epi16(low[half], high[half]));
    }
  }
};

struct Doubles {
  using T = double;
  using Vector = __m512d;
  static constexpr int kVectors = 8;

  static Vector zero() { return _mm512_setzero_pd(); }
  static Vector add(Vector a, Vector b) { return _mm512_add_pd(a, b); }
  static void store(double* values, Vector vector) { _mm512_storeu_pd(values, vector); }

  static void values_of(const LeafTable<double>& table, __m512i leaf, Vector* values) {
    // What is interleaved below takes two bytes of each quarter in turn: pair 4 k + j is pair k of quarter j.
    std::uint16_t pairs[32];
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 8; ++k) pairs[8 * j + k] = static_cast<std::uint16_t>(4 * k + j);
    }
    leaf = _mm512_permutexvar_epi16(_mm512_loadu_si512(pairs), leaf);
    __m512i bytes[8];
    for (int b = 0; b < 8; ++b) bytes[b] = look_up(table.bytes + b * table.stride, table.stride, leaf);
    // Two bytes of each value side by side, then four, then all eight.
    __m512i two[4][2];
    for (int k = 0; k < 4; ++k) {
      two[k][0] = _mm512_unpacklo_epi8(bytes[2 * k], bytes[2 * k + 1]);
      two[k][1] = _mm512_unpackhi_epi8(bytes[2 * k], bytes[2 * k + 1]);
    }
    for (int half = 0; half < 2; ++half) {
      const __m512i low[2] = {_mm512_unpacklo_epi16(two[0][half], two[1][half]),
                              _mm512_unpackhi_epi16(two[0][half], two[1][half])};
      const __m512i high[2] = {_mm512_unpacklo_epi16(two[2][half], two[3][half]),
                               _mm512_unpackhi_epi16(two[2][half], two[3][half])};
      for (int quarter = 0; quarter < 2; ++quarter) {
        Vector* const to = values + 4 * half + 2 * quarter;
        to[0] = _mm512_castsi512_pd(_mm512_unpacklo_epi32(low[quarter], high[quarter]));
        to[1] = _mm512_castsi512_pd(_mm512_unpackhi_epi32(low[quarter], high[quarter]));
      }
    }
  }
};

}  // namespace arsenal::runtime::avx512

#endif  // ARSENAL_SRC_KERNELS_BYTES_AVX512_H_
