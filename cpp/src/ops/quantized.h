// Rounding to 8 and 16 bit integers.
#ifndef ARSENAL_SRC_OPS_QUANTIZED_H_
#define ARSENAL_SRC_OPS_QUANTIZED_H_

#include <cstdint>
#include <limits>

namespace arsenal::runtime {

// The nearest integer, of two the even one, for |x| up to 2^22: from 2^23 on floats have no fractions.
inline float nearest_even(float x) noexcept {
  constexpr float kRound = 0x1.8p23f;
  return (x + kRound) - kRound;
}

// x rounded, plus the zero point, within the range of Q; NaN becomes the smallest number, as in onnxruntime.
template <typename Q>
Q quantized(float x, Q zero) noexcept {
  const float shift = zero;
  const float low = static_cast<float>(std::numeric_limits<Q>::min()) - shift;
  const float high = static_cast<float>(std::numeric_limits<Q>::max()) - shift;
  const float bounded = x > low ? x : low;
  return static_cast<Q>(static_cast<std::int32_t>(nearest_even(bounded < high ? bounded : high) + shift));
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_QUANTIZED_H_
