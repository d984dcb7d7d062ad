#include "kernels/math.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>

namespace arsenal::runtime {

namespace {

// ln 2 in two parts; the first has 21 trailing zero bits, so its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;
// Adding and subtracting it rounds to an integer.
constexpr double kRound = 0x1.8p52;

double from_bits(std::uint64_t bits) noexcept {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// 2^k for -1022 <= k <= 1023.
double power_of_two(std::int64_t k) noexcept { return from_bits(static_cast<std::uint64_t>(k + 1023) << 52); }

}  // namespace

// exp(x) = 2^k exp(r), |r| <= ln(2)/2; Taylor to degree 13, of which the remainder is below 2^-57.
double exp(double x) noexcept {
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.1332191019412) return 0.0;
  if (x != x) return x;
  const double k = (x * kLog2E + kRound) - kRound;
  const double high = x - k * kLn2High;
  const double low = k * kLn2Low;
  const double r = high - low;
  const double r2 = r * r;
  const double r4 = r2 * r2;
  const double r8 = r4 * r4;
  // q = (exp(r) - 1 - r) / r^2, in pairs so that the multiplications overlap.
  const double q0 = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const double q4 = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const double q8 = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800.0));
  const double q = (q0 + r4 * q4) + r8 * q8;
  const double y = 1.0 + (high + (r2 * q - low));
  const auto exponent = static_cast<std::int64_t>(k);
  // In two steps: results may be subnormal, and 2^1024 alone is infinite.
  const std::int64_t half = exponent / 2;
  return y * power_of_two(half) * power_of_two(exponent - half);
}

float exp(float x) noexcept {
  if (x > 88.72284f) return std::numeric_limits<float>::infinity();
  if (x < -103.97208f) return 0.0f;
  if (x != x) return x;
  const double wide = x;
  const double k = (wide * kLog2E + kRound) - kRound;
  const double r = wide - k * (kLn2High + kLn2Low);
  const double r2 = r * r;
  const double r4 = r2 * r2;
  const double p0 = (1.0 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
  const double p4 = (1.0 / 24 + r * (1.0 / 120)) + r2 * ((1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320));
  return static_cast<float>((p0 + r4 * p4) * power_of_two(static_cast<std::int64_t>(k)));
}

// log(x) = k ln 2 + log(m), sqrt(1/2) <= m < sqrt(2); with s = (m-1)/(m+1), log(m) = 2 (s + s^3/3 + s^5/5 + …).
double log(double x) noexcept {
  if (x != x || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (x > std::numeric_limits<double>::max()) return x;
  double k = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    k = -54;
  }
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  // Subtracting the bits of sqrt(1/2) puts the mantissa's carry into the exponent where m would be too large.
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdULL;
  const auto exponent = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
  const double m = from_bits(bits - (static_cast<std::uint64_t>(exponent) << 52));
  k += static_cast<double>(exponent);
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 2.0 / 23;
  for (const double divisor : {21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0})
    series = series * z + 2.0 / divisor;
  // log(m) = f - (f²/2 - s (f²/2 + z series)): the leading term f is exact.
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + z * series) + k * kLn2Low;
  return k * kLn2High - ((half_square - tail) - f);
}

double logistic(double x) noexcept { return 1.0 / (1.0 + exp(-x)); }

float logistic(float x) noexcept { return static_cast<float>(1.0 / (1.0 + exp(-static_cast<double>(x)))); }

}  // namespace arsenal::runtime
