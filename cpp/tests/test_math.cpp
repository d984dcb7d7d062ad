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
