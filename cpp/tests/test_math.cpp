// Own exponential and logarithm, against long double.
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
}

}  // namespace
}  // namespace arsenal::runtime
