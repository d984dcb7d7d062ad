// Tables of bytes, looked up 32 bytes at a time with AVX2.
#ifndef ARSENAL_SRC_KERNELS_BYTES_AVX2_H_
#define ARSENAL_SRC_KERNELS_BYTES_AVX2_H_

#include <immintrin.h>

#include "kernels/leaves.h"

namespace arsenal::runtime::avx2 {

inline __m256i load(const void* bytes) { return _mm256_loadu_si256(static_cast<const __m256i*>(bytes)); }

inline void store(void* bytes, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(bytes), value); }

inline __m256i load_part(const void* bytes) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(bytes)));
}

// Indices into the 16 bytes of a table from `part` on. Adding 0x70 with saturation sets the top bit of all indices but
// those of this part, and a shuffle gives 0 for these.
inline __m256i within_part(__m256i index, std::uint32_t part) {
  return _mm256_adds_epu8(_mm256_xor_si256(index, _mm256_set1_epi8(static_cast<char>(part))), _mm256_set1_epi8(0x70));
}

// table[index] for a table of `size` bytes, read up to the next multiple of 16.
inline __m256i look_up(const void* table, std::size_t size, __m256i index) {
  __m256i found = _mm256_setzero_si256();
  for (std::size_t part = 0; part < size; part += 16) {
    const __m256i here = within_part(index, static_cast<std::uint32_t>(part));
    found = _mm256_or_si256(found, _mm256_shuffle_epi8(load_part(static_cast<const char*>(table) + part), here));
  }
  return found;
}

// Byte b of the values of 32 leaves, for each of their bytes.
template <typename T>
void look_up_bytes(const LeafTable<T>& table, __m256i leaf, __m256i* found) {
  constexpr int kBytes = static_cast<int>(sizeof(T));
  const __m256i first = within_part(leaf, 0);
  for (int b = 0; b < kBytes; ++b) found[b] = _mm256_shuffle_epi8(load_part(table.bytes + b * table.stride), first);
  for (std::uint32_t part = 16; part < table.stride; part += 16) {
    const __m256i here = within_part(leaf, part);
    for (int b = 0; b < kBytes; ++b) {
      const __m256i bytes = load_part(table.bytes + b * table.stride + part);
      found[b] = _mm256_or_si256(found[b], _mm256_shuffle_epi8(bytes, here));
    }
  }
}

// Vectors of values, and how many of them 32 leaves take.
struct Floats {
  using T = float;
  using Vector = __m256;
  static constexpr int kVectors = 4;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector load(const float* values) { return _mm256_loadu_ps(values); }
  static void store(float* values, Vector vector) { _mm256_storeu_ps(values, vector); }

  // Values of 32 leaves, in order.
  static void values_of(const LeafTable<float>& table, __m256i leaf, Vector* values) {
    // What is interleaved below takes four bytes of each half in turn.
    leaf = _mm256_permutevar8x32_epi32(leaf, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
    __m256i bytes[4];
    look_up_bytes(table, leaf, bytes);
    const __m256i low[2] = {_mm256_unpacklo_epi8(bytes[0], bytes[1]), _mm256_unpackhi_epi8(bytes[0], bytes[1])};
    const __m256i high[2] = {_mm256_unpacklo_epi8(bytes[2], bytes[3]), _mm256_unpackhi_epi8(bytes[2], bytes[3])};
    for (int half = 0; half < 2; ++half) {
      values[2 * half] = _mm256_castsi256_ps(_mm256_unpacklo_epi16(low[half], high[half]));
      values[2 * half + 1] = _mm256_castsi256_ps(_mm256_unpackhi_epi16(low[half], high[half]));
    }
  }
};

struct Doubles {
  using T = double;
  using Vector = __m256d;
  static constexpr int kVectors = 8;

  static Vector zero() { return _mm256_setzero_pd(); }
  static Vector add(Vector a, Vector b) { return _mm256_add_pd(a, b); }
  static Vector load(const double* values) { return _mm256_loadu_pd(values); }
  static void store(double* values, Vector vector) { _mm256_storeu_pd(values, vector); }

  static void values_of(const LeafTable<double>& table, __m256i leaf, Vector* values) {
    // What is interleaved below takes two bytes of each half in turn.
    const __m256i pairs = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9, 12,
                                           13, 2, 3, 6, 7, 10, 11, 14, 15);
    leaf = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(leaf, pairs), _MM_SHUFFLE(3, 1, 2, 0));
    __m256i bytes[8];
    look_up_bytes(table, leaf, bytes);
    // Two bytes of each value side by side, then four, then all eight.
    __m256i two[4][2];
    for (int k = 0; k < 4; ++k) {
      two[k][0] = _mm256_unpacklo_epi8(bytes[2 * k], bytes[2 * k + 1]);
      two[k][1] = _mm256_unpackhi_epi8(bytes[2 * k], bytes[2 * k + 1]);
    }
    for (int half = 0; half < 2; ++half) {
      const __m256i low[2] = {_mm256_unpacklo_epi16(two[0][half], two[1][half]),
                              _mm256_unpackhi_epi16(two[0][half], two[1][half])};
      const __m256i high[2] = {_mm256_unpacklo_epi16(two[2][half], two[3][half]),
                               _mm256_unpackhi_epi16(two[2][half], two[3][half])};
      for (int quarter = 0; quarter < 2; ++quarter) {
        Vector* const to = values + 4 * half + 2 * quarter;
        to[0] = _mm256_castsi256_pd(_mm256_unpacklo_epi32(low[quarter], high[quarter]));
        to[1] = _mm256_castsi256_pd(_mm256_unpackhi_epi32(low[quarter], high[quarter]));
      }
    }
  }
};

}  // namespace arsenal::runtime::avx2

#endif  // ARSENAL_SRC_KERNELS_BYTES_AVX2_H_
