// The deep engine's kernel with AVX-512 (F, DQ, VL): sixteen walks per register, eight in double.
#include <immintrin.h>

#include "kernels/deep.h"

namespace arsenal::runtime {

namespace {

// Appends the walks of `keep`, given as places and numbers, to `to`; writes whole registers. Returns how many they are.
unsigned append(__m256i places, __m256i numbers, unsigned keep, DeepWalk* to) {
  const __m512i walks =
      _mm512_or_si512(_mm512_cvtepu32_epi64(places), _mm512_slli_epi64(_mm512_cvtepu32_epi64(numbers), 32));
  const auto mask = static_cast<__mmask8>(keep);
  // SAFETY: the caller has room for a register here.
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi64(mask, walks));
  return static_cast<unsigned>(_mm_popcnt_u32(keep));
}

}  // namespace

// SAFETY (both): nodes, rows and offsets are read only at places that the walks lead to, in the lanes that hold a walk.
// At most as many walks were kept as read, so a register stored to `walks` ends before those that are still to be read.
// Behind the last of `walks` and `ends` there are kWalkPadding elements.
void walk_deep_avx512_float(const DeepNode<float>* nodes, DeepLinks links, const float* rows,
                            const std::uint32_t* offsets, DeepWalk* walks, std::size_t n_walks, DeepWalk* ends) {
  const __m512i column_mask = _mm512_set1_epi32(static_cast<int>(links.column_mask()));
  const __m512i jump_mask = _mm512_set1_epi32(static_cast<int>(links.jump_mask()));
  const __m128i column_bits = _mm_cvtsi32_si128(static_cast<int>(links.column_bits));
  const __m512i near_leaf = _mm512_set1_epi32(static_cast<int>(DeepLinks::kNearLeaf));
  const __m512i far_leaf = _mm512_set1_epi32(static_cast<int>(DeepLinks::kFarLeaf));
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_add_epi32(evens, one);
  const __m512i zero = _mm512_setzero_si512();
  while (n_walks > 0) {
    std::size_t n_left = 0;
    for (std::size_t i = 0; i < n_walks; i += 16) {
      const std::size_t count = n_walks - i < 16 ? n_walks - i : 16;
      const auto lanes = static_cast<__mmask16>((1U << count) - 1);
      const auto low_lanes = static_cast<__mmask8>(lanes);
      const auto high_lanes = static_cast<__mmask8>(lanes >> 8);
      const __m512i low = _mm512_maskz_loadu_epi64(low_lanes, walks + i);
      const __m512i high = _mm512_maskz_loadu_epi64(high_lanes, walks + i + 8);
      const __m512i at = _mm512_permutex2var_epi32(low, evens, high);
      const __m512i number = _mm512_permutex2var_epi32(low, odds, high);
      const __m512i offset = _mm512_mask_i32gather_epi32(zero, lanes, number, offsets, 4);
      const __m512i low_nodes = _mm512_mask_i32gather_epi64(zero, low_lanes, _mm512_castsi512_si256(at), nodes, 8);
      const __m512i high_nodes =
          _mm512_mask_i32gather_epi64(zero, high_lanes, _mm512_extracti64x4_epi64(at, 1), nodes, 8);
      const __m512 threshold = _mm512_castsi512_ps(_mm512_permutex2var_epi32(low_nodes, evens, high_nodes));
      const __m512i link = _mm512_permutex2var_epi32(low_nodes, odds, high_nodes);
      const __m512i place = _mm512_add_epi32(offset, _mm512_and_si512(link, column_mask));
      const __m512 x = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, place, rows, 4);
      const __mmask16 yes = _mm512_cmp_ps_mask(x, threshold, _CMP_LE_OQ);
      const auto far = static_cast<__mmask16>(yes ^ _mm512_movepi32_mask(link));
      const __m512i jump = _mm512_and_si512(_mm512_srl_epi32(link, column_bits), jump_mask);
      const __m512i behind = _mm512_add_epi32(at, one);
      const __m512i next = _mm512_mask_add_epi32(behind, far, behind, jump);
      const __m512i end = _mm512_mask_add_epi32(_mm512_add_epi32(at, at), far, _mm512_add_epi32(at, at), one);
      const unsigned leaf = ((far & _mm512_test_epi32_mask(link, far_leaf)) |
                             (~static_cast<unsigned>(far) & _mm512_test_epi32_mask(link, near_leaf))) &
                            lanes;
      const unsigned inner = ~leaf & lanes;
      const __m256i low_number = _mm512_castsi512_si256(number);
      const __m256i high_number = _mm512_extracti64x4_epi64(number, 1);
      n_left += append(_mm512_castsi512_si256(next), low_number, inner & 255, walks + n_left);
      n_left += append(_mm512_extracti64x4_epi64(next, 1), high_number, inner >> 8, walks + n_left);
      if (leaf == 0) continue;
      ends += append(_mm512_castsi512_si256(end), low_number, leaf & 255, ends);
      ends += append(_mm512_extracti64x4_epi64(end, 1), high_number, leaf >> 8, ends);
    }
    n_walks = n_left;
  }
}

void walk_deep_avx512_double(const DeepNode<double>* nodes, DeepLinks links, const double* rows,
                             const std::uint32_t* offsets, DeepWalk* walks, std::size_t n_walks, DeepWalk* ends) {
  const __m256i column_mask = _mm256_set1_epi32(static_cast<int>(links.column_mask()));
  const __m256i jump_mask = _mm256_set1_epi32(static_cast<int>(links.jump_mask()));
  const __m128i column_bits = _mm_cvtsi32_si128(static_cast<int>(links.column_bits));
  const __m256i near_leaf = _mm256_set1_epi32(static_cast<int>(DeepLinks::kNearLeaf));
  const __m256i far_leaf = _mm256_set1_epi32(static_cast<int>(DeepLinks::kFarLeaf));
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i zero = _mm256_setzero_si256();
  while (n_walks > 0) {
    std::size_t n_left = 0;
    for (std::size_t i = 0; i < n_walks; i += 8) {
      const std::size_t count = n_walks - i < 8 ? n_walks - i : 8;
      const auto lanes = static_cast<__mmask8>((1U << count) - 1);
      const __m512i walk = _mm512_maskz_loadu_epi64(lanes, walks + i);
      const __m256i at = _mm512_cvtepi64_epi32(walk);
      const __m256i number = _mm512_cvtepi64_epi32(_mm512_srli_epi64(walk, 32));
      const __m256i offset = _mm256_mmask_i32gather_epi32(zero, lanes, number, offsets, 4);
      // A node has 16 bytes; a gather's index counts in 8.
      const __m256i twice = _mm256_add_epi32(at, at);
      const __m512d threshold = _mm512_mask_i32gather_pd(_mm512_setzero_pd(), lanes, twice, nodes, 8);
      const __m256i link = _mm256_mmask_i32gather_epi32(zero, lanes, twice, &nodes->link, 8);
      const __m256i place = _mm256_add_epi32(offset, _mm256_and_si256(link, column_mask));
      const __m512d x = _mm512_mask_i32gather_pd(_mm512_setzero_pd(), lanes, place, rows, 8);
      const __mmask8 yes = _mm512_cmp_pd_mask(x, threshold, _CMP_LE_OQ);
      const auto far = static_cast<__mmask8>(yes ^ _mm256_movepi32_mask(link));
      const __m256i jump = _mm256_and_si256(_mm256_srl_epi32(link, column_bits), jump_mask);
      const __m256i behind = _mm256_add_epi32(at, one);
      const __m256i next = _mm256_mask_add_epi32(behind, far, behind, jump);
      const __m256i end = _mm256_mask_add_epi32(twice, far, twice, one);
      const unsigned leaf = ((far & _mm256_test_epi32_mask(link, far_leaf)) |
                             (~static_cast<unsigned>(far) & _mm256_test_epi32_mask(link, near_leaf))) &
                            lanes;
      n_left += append(next, number, ~leaf & lanes, walks + n_left);
      ends += append(end, number, leaf, ends);
    }
    n_walks = n_left;
  }
}

}  // namespace arsenal::runtime
