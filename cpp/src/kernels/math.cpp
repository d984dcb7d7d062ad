#include "kernels/math.h"

#include <cmath>
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

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// exp(x + tail) = 2^k exp(r), |r| <= ln(2)/2; Taylor to degree 13, of which the remainder is below 2^-57.
inline double exp_of_sum(double x, double tail) noexcept {
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.1332191019412) return 0.0;
  if (x != x) return x;
  const double k = (x * kLog2E + kRound) - kRound;
  const double high = x - k * kLn2High;
  const double low = k * kLn2Low - tail;
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

}  // namespace

double exp(double x) noexcept { return exp_of_sum(x, 0.0); }

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

namespace {

// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for finite x > 0.
struct Parts {
  explicit Parts(double x) noexcept {
    if (x < std::numeric_limits<double>::min()) {
      x *= 0x1p54;
      k = -54;
    }
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    // Subtracting the bits of sqrt(1/2) puts the mantissa's carry into the exponent where m would be too large.
    constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdULL;
    const auto exponent = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
    m = from_bits(bits - (static_cast<std::uint64_t>(exponent) << 52));
    k += static_cast<double>(exponent);
  }

  double k = 0;
  double m;
};

}  // namespace

// log(x) = k ln 2 + log(m); with s = (m-1)/(m+1), log(m) = 2 (s + s^3/3 + s^5/5 + …).
double log(double x) noexcept {
  if (x != x || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -kInfinity;
  if (x > std::numeric_limits<double>::max()) return x;
  const Parts parts(x);
  const double f = parts.m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 2.0 / 23;
  for (const double divisor : {21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0})
    series = series * z + 2.0 / divisor;
  // log(m) = f - (f²/2 - s (f²/2 + z series)): the leading term f is exact.
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + z * series) + parts.k * kLn2Low;
  return parts.k * kLn2High - ((half_square - tail) - f);
}

float log(float x) noexcept { return static_cast<float>(log(static_cast<double>(x))); }

namespace {

// An unevaluated sum, |low| at most half a unit in the last place of `high`: about 106 bits.
struct Twofold {
  double high;
  double low;
};

// a + b where |a| >= |b|, or a is 0 (Dekker).
Twofold fast_sum(double a, double b) noexcept {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a × b without fused multiply-add (Dekker, Veltkamp); exact unless it over- or underflows.
Twofold product(double a, double b) noexcept {
  constexpr double kSplit = 0x1p27 + 1;
  const double a_high = a * kSplit - (a * kSplit - a);
  const double b_high = b * kSplit - (b * kSplit - b);
  const double a_low = a - a_high, b_low = b - b_high;
  const double high = a * b;
  return {high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

// log(x) to about 2^-66 of itself, for finite x > 0: the first two terms of the series of log() as twofold numbers.
Twofold log_twofold(double x) noexcept {
  const Parts parts(x);
  const double f = parts.m - 1.0;
  const Twofold denominator = fast_sum(2.0, f);
  const double s = f / denominator.high;
  const Twofold back = product(s, denominator.high);
  const double s_low = (((f - back.high) - back.low) - s * denominator.low) / denominator.high;
  // s² and then s³ = s² s, each with what its rounding lost.
  const Twofold square = product(s, s);
  const double square_low = square.low + 2.0 * s * s_low;
  const Twofold cube = product(square.high, s);
  const double cube_low = cube.low + square.high * s_low + square_low * s;
  // 2/3 s³
  constexpr double kThird = 2.0 / 3;
  constexpr double kThirdLow = 0x1.5555555555555p-55;
  const Twofold third = product(cube.high, kThird);
  const double third_low = third.low + cube_low * kThird + cube.high * kThirdLow;
  double series = 2.0 / 25;
  for (const double divisor : {23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0})
    series = series * square.high + 2.0 / divisor;
  const double rest = cube.high * square.high * series;
  const Twofold small = fast_sum(2.0 * s, third.high);
  const double low = parts.k * kLn2Low + (small.low + (2.0 * s_low + third_low) + rest);
  // |k ln 2| is larger than |log(m)|, or it is 0.
  const Twofold sum = fast_sum(parts.k * kLn2High, small.high);
  return fast_sum(sum.high, sum.low + low);
}

bool is_integer(double y) noexcept { return std::floor(y) == y; }

// Whether an integer is odd. From 2^53 on all are even.
bool is_odd(double y) noexcept { return is_integer(y) && !is_integer(0.5 * y); }

// pow() for arguments that need no logarithm; false for all others.
bool special_power(double x, double y, double& result) noexcept {
  const bool negative_odd = is_odd(y) && (x < 0 || (x == 0 && 1.0 / x < 0));
  const double sign = negative_odd ? -1.0 : 1.0;
  if (y == 0 || x == 1) {
    result = 1;
  } else if (x != x || y != y) {
    result = x + y;
  } else if (y > std::numeric_limits<double>::max() || y < -std::numeric_limits<double>::max()) {
    const double size = x < 0 ? -x : x;
    result = size == 1 ? 1 : (size > 1) == (y > 0) ? kInfinity : 0;
  } else if (x == 0) {
    result = sign * (y > 0 ? 0 : kInfinity);
  } else if (x > std::numeric_limits<double>::max() || x < -std::numeric_limits<double>::max()) {
    result = sign * (y > 0 ? kInfinity : 0);
  } else if (x < 0 && !is_integer(y)) {
    result = std::numeric_limits<double>::quiet_NaN();
  } else if (y == 1) {
    result = x;
  } else if (y == 2) {
    result = x * x;
  } else if (y == 0.5) {
    result = std::sqrt(x);
  } else {
    return false;
  }
  return true;
}

}  // namespace

double pow(double x, double y) noexcept {
  double result;
  if (special_power(x, y, result)) return result;
  const double sign = x < 0 && is_odd(y) ? -1.0 : 1.0;
  const Twofold logarithm = log_twofold(x < 0 ? -x : x);
  // Beyond this the power is 0, 1 or infinite whatever the low parts are, and their product would overflow.
  if (y > 0x1p70 || y < -0x1p70) return sign * exp(logarithm.high * y);
  const Twofold scaled = product(logarithm.high, y);
  return sign * exp_of_sum(scaled.high, scaled.low + logarithm.low * y);
}

float pow(float x, float y) noexcept {
  double result;
  if (special_power(x, y, result)) return static_cast<float>(result);
  const double size = x < 0 ? -static_cast<double>(x) : static_cast<double>(x);
  const auto power = static_cast<float>(exp(log(size) * static_cast<double>(y)));
  return x < 0 && is_odd(y) ? -power : power;
}

double logistic(double x) noexcept { return 1.0 / (1.0 + exp(-x)); }

float logistic(float x) noexcept { return static_cast<float>(1.0 / (1.0 + exp(-static_cast<double>(x)))); }

}  // namespace arsenal::runtime
