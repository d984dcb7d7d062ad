// Own exponential, logarithm and what follows from them, against long double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/math.h"

namespace arsenal::runtime {
namespace {

// Distance in units of the last place of the wanted value's type.
template <typename T>
double ulps(T got, long double wanted) {
  int exponent = 0;
  std::frexp(static_cast<T>(wanted), &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs((static_cast<long double>(got) - wanted) / unit));
}

TEST(Math, WithinTheErrorsThatTheHeaderStates) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> wide(-745, 709.7), narrow(-1, 1), middle(-40, 40), positive(1e-3, 1e3);
  for (int i = 0; i < 200000; ++i) {
    const double x = i % 2 == 0 ? wide(random) : narrow(random);
    const auto f = static_cast<float>(i % 2 == 0 ? x / 8.1 : x);
    EXPECT_LE(ulps(exp(x), std::exp(static_cast<long double>(x))), 0.95) << x;
    EXPECT_LE(ulps(exp(f), std::exp(static_cast<long double>(f))), 0.52) << f;
    const double p = i % 2 == 0 ? positive(random) : 1 + 0.5 * narrow(random);
    EXPECT_LE(ulps(log(p), std::log(static_cast<long double>(p))), 0.9) << p;
    const double s = middle(random);
    EXPECT_LE(ulps(logistic(s), 1 / (1 + std::exp(-static_cast<long double>(s)))), 2.6) << s;
    const auto sf = static_cast<float>(s);
    EXPECT_LE(ulps(logistic(sf), 1 / (1 + std::exp(-static_cast<long double>(sf)))), 0.51) << sf;
  }
}

TEST(Math, PowerWithinTheErrorsThatTheHeaderStates) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> logarithm(-700, 700), near(-1e-3, 1e-3), base(0.1, 10), small(-30, 30);
  for (int i = 0; i < 200000; ++i) {
    // Bases of every size with any power that is finite, bases near 1 with large exponents, and everyday ones.
    double x, y;
    if (i % 3 == 0) {
      x = std::exp(logarithm(random));
      y = logarithm(random) / std::log(x);
    } else if (i % 3 == 1) {
      x = 1 + near(random);
      y = logarithm(random) / std::log(x);
    } else {
      x = base(random);
      y = small(random);
    }
    EXPECT_LE(ulps(pow(x, y), std::pow(static_cast<long double>(x), static_cast<long double>(y))), 1.45)
        << x << " " << y;
    const auto xf = static_cast<float>(base(random));
    const auto yf = static_cast<float>(small(random));
    EXPECT_LE(ulps(pow(xf, yf), std::pow(static_cast<long double>(xf), static_cast<long double>(yf))), 0.51)
        << xf << " " << yf;
    EXPECT_LE(ulps(log(xf), std::log(static_cast<long double>(xf))), 0.51) << xf;
  }
}

// The special cases are those of C, which libm has right.
TEST(Math, PowerOfEdges) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> edges = {0.0,
                                     -0.0,
                                     1.0,
                                     -1.0,
                                     2.0,
                                     -2.0,
                                     3.0,
                                     -3.0,
                                     0.5,
                                     -0.5,
                                     1.5,
                                     kInfinity,
                                     -kInfinity,
                                     std::nan(""),
                                     1e300,
                                     -1e300,
                                     1e-300,
                                     5e-324,
                                     0x1p53,
                                     0x1p53 + 2,
                                     -0x1p52 - 1,
                                     0x1p51 + 0.5,
                                     -7.0,
                                     0.3,
                                     std::nextafter(1.0, 2.0),
                                     std::nextafter(1.0, 0.0),
                                     -1e-310};
  for (const double x : edges) {
    for (const double y : edges) {
      const double got = pow(x, y), wanted = std::pow(x, y);
      if (std::isnan(wanted)) {
        EXPECT_TRUE(std::isnan(got)) << x << " " << y << " " << got;
      } else if (wanted == 0 || std::isinf(wanted)) {
        EXPECT_EQ(got, wanted) << x << " " << y;
        EXPECT_EQ(std::signbit(got), std::signbit(wanted)) << x << " " << y;
      } else {
        EXPECT_LE(ulps(got, wanted), 2) << x << " " << y;
      }
      const auto xf = static_cast<float>(x), yf = static_cast<float>(y);
      const float got_f = pow(xf, yf), wanted_f = std::pow(xf, yf);
      if (std::isnan(wanted_f)) {
        EXPECT_TRUE(std::isnan(got_f)) << xf << " " << yf << " " << got_f;
      } else if (std::isinf(wanted_f)) {
        EXPECT_EQ(got_f, wanted_f) << xf << " " << yf;
      } else {
        EXPECT_LE(ulps(got_f, wanted_f), 1) << xf << " " << yf;
        EXPECT_EQ(std::signbit(got_f), std::signbit(wanted_f)) << xf << " " << yf;
      }
    }
  }
  EXPECT_EQ(pow(3.0, 2.0), 9.0);
  EXPECT_EQ(pow(1e-200, 2.0), 0.0);
}

// Arguments of all sizes up to `most`, both signs, down to subnormal numbers.
class Arguments {
 public:
  explicit Arguments(double most) : size_(-most, most) {}

  template <typename T>
  T next() {
    const double x = size_(random_);
    const std::uint64_t kind = random_() % 8;
    if (kind == 0) return static_cast<T>(x * static_cast<double>(std::numeric_limits<T>::min()));
    return static_cast<T>(kind < 4 ? x * std::exp2(scale_(random_)) : x);
  }

 private:
  std::mt19937_64 random_{3};
  std::uniform_real_distribution<double> size_, scale_{-60, 0};
};

TEST(Math, ExpLessOneAndLogOfOneMoreWithinTheErrorsThatTheHeaderStates) {
  Arguments small(2), wide(700), floats(80);
  for (int i = 0; i < 200000; ++i) {
    const double x = i % 2 == 0 ? small.next<double>() : wide.next<double>();
    EXPECT_LE(ulps(expm1(x), std::expm1(static_cast<long double>(x))), 1.85) << x;
    const auto f = floats.next<float>();
    EXPECT_LE(ulps(expm1(f), std::expm1(static_cast<long double>(f))), 0.51) << f;
    const double p = std::fabs(x) <= 1 ? x : std::fabs(x) * 1e300;
    EXPECT_LE(ulps(log1p(p), std::log1p(static_cast<long double>(p))), 1.25) << p;
    const float pf = std::fabs(f) <= 1 ? f : std::fabs(f);
    EXPECT_LE(ulps(log1p(pf), std::log1p(static_cast<long double>(pf))), 0.51) << pf;
  }
}

TEST(Math, TanhAndErfWithinTheErrorsThatTheHeaderStates) {
  Arguments narrow(1.5), middle(7), wide(38.5);
  for (int i = 0; i < 200000; ++i) {
    const double x = i % 2 == 0 ? narrow.next<double>() : middle.next<double>();
    EXPECT_LE(ulps(tanh(x), std::tanh(static_cast<long double>(x))), 2.6) << x;
    EXPECT_LE(ulps(erf(x), std::erf(static_cast<long double>(x))), 2.7) << x;
    const float f = i % 2 == 0 ? narrow.next<float>() : middle.next<float>();
    EXPECT_LE(ulps(tanh(f), std::tanh(static_cast<long double>(f))), 0.51) << f;
    EXPECT_LE(ulps(erf(f), std::erf(static_cast<long double>(f))), 0.51) << f;
    const double c = i % 2 == 0 ? x : wide.next<double>();
    EXPECT_LE(ulps(normal_cdf(c), std::erfc(-static_cast<long double>(c) * std::sqrt(0.5L)) / 2), 5.5) << c;
  }
}

// Beside every point where one formula takes over from another.
TEST(Math, SeamsBetweenFormulas) {
  for (const double seam : {0x1p-54, 0x1p-28, 0.29, 0.41, 0.5, 0.5 * std::sqrt(2.0), 1.0, 6.0, 39.0, 40.0, 44.0}) {
    double x = std::nextafter(std::nextafter(seam, 0.0), 0.0);
    for (int i = 0; i < 5; ++i, x = std::nextafter(x, 100.0)) {
      for (const double y : {x, -x}) {
        const long double wide = y;
        EXPECT_LE(ulps(expm1(y), std::expm1(wide)), 1.85) << y;
        EXPECT_LE(ulps(tanh(y), std::tanh(wide)), 2.6) << y;
        EXPECT_LE(ulps(erf(y), std::erf(wide)), 2.7) << y;
        EXPECT_LE(ulps(normal_cdf(y), std::erfc(-wide * std::sqrt(0.5L)) / 2), 5.5) << y;
        const double p = std::max(y, -0.75);
        EXPECT_LE(ulps(log1p(p), std::log1p(static_cast<long double>(p))), 1.25) << p;
      }
    }
  }
}

TEST(Math, Edges) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(exp(0.0), 1.0);
  EXPECT_EQ(exp(-0.0f), 1.0f);
  EXPECT_EQ(exp(kInfinity), kInfinity);
  EXPECT_EQ(exp(-kInfinity), 0.0);
  EXPECT_EQ(exp(710.0), kInfinity);
  EXPECT_EQ(exp(-746.0), 0.0);
  EXPECT_EQ(exp(-745.0), 5e-324);
  EXPECT_EQ(exp(89.0f), std::numeric_limits<float>::infinity());
  EXPECT_EQ(exp(-104.0f), 0.0f);
  EXPECT_TRUE(std::isnan(exp(std::nan(""))));
  EXPECT_TRUE(std::isnan(exp(std::nanf(""))));
  EXPECT_EQ(log(1.0), 0.0);
  EXPECT_EQ(log(0.0), -kInfinity);
  EXPECT_EQ(log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(log(-1.0)));
  EXPECT_NEAR(log(5e-324), -744.4400719213812, 1e-10);
  EXPECT_EQ(logistic(-1000.0), 0.0);
  EXPECT_EQ(logistic(1000.0f), 1.0f);
  EXPECT_EQ(expm1(kInfinity), kInfinity);
  EXPECT_EQ(expm1(-kInfinity), -1.0);
  EXPECT_EQ(expm1(710.0), kInfinity);
  EXPECT_EQ(log1p(kInfinity), kInfinity);
  EXPECT_EQ(log1p(-1.0f), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(log1p(-1.5)));
  EXPECT_TRUE(std::isnan(log1p(-kInfinity)));
  EXPECT_EQ(normal_cdf(0.0), 0.5);
  EXPECT_EQ(normal_cdf(-kInfinity), 0.0);
  EXPECT_EQ(normal_cdf(kInfinity), 1.0);
  EXPECT_TRUE(std::isnan(normal_cdf(std::nan(""))));
}

template <typename T>
class OddFunctions : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(OddFunctions, Reals);

TYPED_TEST(OddFunctions, Edges) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity(), kLeast = std::numeric_limits<T>::denorm_min();
  const auto check = [&](auto function, T limit) {
    EXPECT_EQ(function(kInfinity), limit);
    EXPECT_EQ(function(-kInfinity), -limit);
    EXPECT_TRUE(std::isnan(function(std::numeric_limits<T>::quiet_NaN())));
    EXPECT_EQ(function(kLeast), kLeast);
    EXPECT_EQ(function(-kLeast), -kLeast);
    EXPECT_FALSE(std::signbit(function(T{0})));
    EXPECT_TRUE(std::signbit(function(-T{0})));
  };
  check([](T x) { return tanh(x); }, 1);
  check([](T x) { return erf(x); }, 1);
  EXPECT_TRUE(std::signbit(expm1(-T{0})));
  EXPECT_TRUE(std::signbit(log1p(-T{0})));
  EXPECT_EQ(expm1(-kLeast), -kLeast);
  EXPECT_EQ(log1p(-kLeast), -kLeast);
}

}  // namespace
}  // namespace arsenal::runtime
