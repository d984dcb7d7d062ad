#include "kernels/math.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
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

// x + tail = k ln 2 + r, |r| <= ln(2)/2. r is kept as high - low.
struct Reduced {
  Reduced(double x, double tail) noexcept
      : k((x * kLog2E + kRound) - kRound), high(x - k * kLn2High), low(k * kLn2Low - tail) {}

  // exp(r) - 1: Taylor to degree 13, of which the remainder is below 2^-57.
  double expm1() const noexcept {
    const double r = high - low;
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double r8 = r4 * r4;
    // q = (exp(r) - 1 - r) / r^2, in pairs so that the multiplications overlap.
    const double q0 = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    const double q4 = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    const double q8 = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800.0));
    const double q = (q0 + r4 * q4) + r8 * q8;
    return high + (r2 * q - low);
  }

  double k;
  double high;
  double low;
};

// exp(x + tail) = 2^k exp(r).
inline double exp_of_sum(double x, double tail) noexcept {
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.1332191019412) return 0.0;
  if (x != x) return x;
  const Reduced reduced(x, tail);
  const double y = 1.0 + reduced.expm1();
  const auto exponent = static_cast<std::int64_t>(reduced.k);
  // In two steps: results may be subnormal, and 2^1024 alone is infinite.
  const std::int64_t half = exponent / 2;
  return y * power_of_two(half) * power_of_two(exponent - half);
}

// Where |x| is at most this, x²/2 and all that follows it is lost in the rounding of x.
constexpr double kTiny = 0x1p-54;

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

// exp(x) - 1 = 2^k (exp(r) - 1) + (2^k - 1). The last is exact up to |k| = 53, and beyond that its error is not seen.
double expm1(double x) noexcept {
  if (!(std::fabs(x) > kTiny)) return x;
  // From here on 1 is less than half a unit in the last place of exp(x), or the other way round.
  if (x > 40) return exp(x);
  if (x < -40) return -1.0;
  const Reduced reduced(x, 0.0);
  const double scale = power_of_two(static_cast<std::int64_t>(reduced.k));
  return scale * reduced.expm1() + (scale - 1.0);
}

float expm1(float x) noexcept { return static_cast<float>(expm1(static_cast<double>(x))); }

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

// k ln 2 + log(1 + f), sqrt(1/2) - 1 <= f < sqrt(2) - 1; with s = f/(2+f), log(1 + f) = 2 (s + s^3/3 + s^5/5 + …).
double log_of_parts(double k, double f) noexcept {
  const double s = f / (2.0 + f);
  const double z = s * s;
  double series = 2.0 / 23;
  for (const double divisor : {21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0})
    series = series * z + 2.0 / divisor;
  // log(1 + f) = f - (f²/2 - s (f²/2 + z series)): the leading term f is exact.
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + z * series) + k * kLn2Low;
  return k * kLn2High - ((half_square - tail) - f);
}

}  // namespace

double log(double x) noexcept {
  if (x != x || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -kInfinity;
  if (x > std::numeric_limits<double>::max()) return x;
  const Parts parts(x);
  return log_of_parts(parts.k, parts.m - 1.0);
}

float log(float x) noexcept { return static_cast<float>(log(static_cast<double>(x))); }

double log1p(double x) noexcept {
  if (!(std::fabs(x) > kTiny)) return x;
  if (x > -0.29 && x < 0.41) return log_of_parts(0.0, x);
  const double sum = 1.0 + x;
  if (!(sum > 0) || sum > std::numeric_limits<double>::max()) return log(sum);
  // What rounding took from the sum, to first order.
  const double lost = x > 1 ? 1.0 - (sum - x) : x - (sum - 1.0);
  return log(sum) + lost / sum;
}

float log1p(float x) noexcept { return static_cast<float>(log1p(static_cast<double>(x))); }

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

// With t = exp(-2 |x|) - 1, tanh(|x|) = -t / (t + 2).
double tanh(double x) noexcept {
  const double size = std::fabs(x);
  if (!(size > 0x1p-28)) return x;
  const double t = expm1(-2.0 * size);
  return std::copysign(t / (t + 2.0), x);
}

float tanh(float x) noexcept { return static_cast<float>(tanh(static_cast<double>(x))); }

namespace {

constexpr double kRootOfHalf = 0x1.6a09e667f3bcdp-1;
// Below it erf has a short Taylor series, from it on 1 - erf is small enough to be taken from 1.
constexpr double kSmall = 0.5;

// erf(x) for |x| < 1/2: 2/sqrt(pi) (x - x^3/3 + x^5/(2! 5) - x^7/(3! 7) + …), of which the remainder is below 2^-60.
double erf_of_small(double x) noexcept {
  constexpr double kTwoBySqrtPi = 0x1.20dd750429b6dp+0;
  constexpr double kTwoBySqrtPiLow = 0x1.1ae3a914fed8p-56;
  const double z = x * x;
  double series = 0;
  for (const double divisor : {479001600.0 * 25, -39916800.0 * 23, 3628800.0 * 21, -362880.0 * 19, 40320.0 * 17,
                               -5040.0 * 15, 720.0 * 13, -120.0 * 11, 24.0 * 9, -6.0 * 7, 2.0 * 5, -3.0})
    series = (series + 1.0 / divisor) * z;
  return kTwoBySqrtPi * x + x * (kTwoBySqrtPi * series + kTwoBySqrtPiLow);
}

// exp(x²) (1 - erf(x)) for 1/2 <= x <= 28: a polynomial in t = (x - 2)/(x + 2), divided by x + 2. Interpolation at the
// Chebyshev points of degree 23, of which the error is below 2^-54.
double scaled_erfc(double x) noexcept {
  static constexpr double kCoefficients[] = {
      1.021582705242023,      -0.6871606844138106,    0.2794720925560548,      -0.03644223150688015,
      -0.021510661889498253,  0.006479185067809018,   0.003090612059803064,    -0.0008372960643759353,
      -0.000663073518077609,  3.437146491482e-05,     0.00014447088609185322,  3.414861671232789e-05,
      -2.169706122147482e-05, -1.611907944869029e-05, -1.1225863438049203e-06, 3.6356219656026876e-06,
      1.996382044592452e-06,  2.6119176720426172e-08, -5.692135105100146e-07,  -3.694904687558545e-07,
      1.0068562557459623e-08, 1.5963858292802334e-07, 3.0376624516245214e-08,  -3.573047003261421e-08};
  const double t = (x - 2.0) / (x + 2.0);
  double sum = 0;
  for (std::size_t k = std::size(kCoefficients); k > 0; --k) sum = sum * t + kCoefficients[k - 1];
  return sum / (x + 2.0);
}

}  // namespace

double erf(double x) noexcept {
  const double size = std::fabs(x);
  if (size < kSmall) return erf_of_small(x);
  // From 6 on 1 - erf is below 2^-55.
  if (!(size < 6)) return x != x ? x : std::copysign(1.0, x);
  return std::copysign(1.0 - exp(-size * size) * scaled_erfc(size), x);
}

float erf(float x) noexcept { return static_cast<float>(erf(static_cast<double>(x))); }

double normal_cdf(double x) noexcept {
  const double size = std::fabs(x);
  if (size * kRootOfHalf < kSmall) return 0.5 + 0.5 * erf_of_small(x * kRootOfHalf);
  // Beyond 39 the smaller side is below all numbers.
  if (!(size < 39)) return x != x ? x : x > 0 ? 1.0 : 0.0;
  const Twofold square = product(size, 0.5 * size);
  const double tail = 0.5 * exp_of_sum(-square.high, -square.low) * scaled_erfc(size * kRootOfHalf);
  return x < 0 ? tail : 1.0 - tail;
}

}  // namespace arsenal::runtime
