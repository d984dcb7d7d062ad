#include "ops/tree_scores.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "failure.h"
#include "kernels/math.h"

namespace arsenal::runtime {

PostTransform post_transform_of(std::string_view name) {
  if (name == "NONE") return PostTransform::kNone;
  if (name == "SOFTMAX") return PostTransform::kSoftmax;
  if (name == "LOGISTIC") return PostTransform::kLogistic;
  if (name == "SOFTMAX_ZERO") return PostTransform::kSoftmaxZero;
  if (name == "PROBIT") return PostTransform::kProbit;
  fail(ARSENAL_INVALID_MODEL,
       "attribute 'post_transform' is %s, wanted NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT",
       quoted(name).c_str());
}

template <typename T>
T tree_logistic(T x) noexcept {
  const T p = T{1} / (T{1} + exp(-std::abs(x)));
  return x < 0 ? T{1} - p : p;
}

// Winitzki's approximation of the inverse error function, with a = 0.147.
template <typename T>
T tree_probit(T x) noexcept {
  constexpr T kPi = static_cast<T>(3.14159);
  constexpr T kA = static_cast<T>(0.147);
  constexpr T kSqrt2 = static_cast<T>(1.41421356);
  const T y = 2 * x - 1;
  const T logarithm = static_cast<T>(log(static_cast<double>((1 - y) * (1 + y))));
  const T half = 2 / (kPi * kA) + T{0.5} * logarithm;
  const T root = std::sqrt(-half + std::sqrt(half * half - 1 / kA * logarithm));
  return kSqrt2 * (y < 0 ? -root : root);
}

namespace {

template <typename T>
T largest_of(const T* scores, std::size_t count) noexcept {
  T largest = -std::numeric_limits<T>::max();
  for (std::size_t k = 0; k < count; ++k) {
    if (scores[k] > largest) largest = scores[k];
  }
  return largest;
}

template <typename T>
void softmax(T* scores, std::size_t count) noexcept {
  const T largest = largest_of(scores, count);
  T sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    scores[k] = exp(scores[k] - largest);
    sum += scores[k];
  }
  for (std::size_t k = 0; k < count; ++k) scores[k] /= sum;
}

// Softmax in which a score of 0 stays 0.
template <typename T>
void softmax_zero(T* scores, std::size_t count) noexcept {
  constexpr T kZero = static_cast<T>(1e-7f);
  const T largest = largest_of(scores, count);
  const T scale = exp(-largest);
  T sum = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (scores[k] > kZero || scores[k] < -kZero) {
      scores[k] = exp(scores[k] - largest);
      sum += scores[k];
    } else {
      scores[k] *= scale;
    }
  }
  for (std::size_t k = 0; k < count; ++k) scores[k] /= sum;
}

}  // namespace

template <typename T>
void transform_scores(PostTransform transform, T* scores, std::size_t count) noexcept {
  switch (transform) {
    case PostTransform::kNone:
      return;
    case PostTransform::kSoftmax:
      return softmax(scores, count);
    case PostTransform::kSoftmaxZero:
      return softmax_zero(scores, count);
    case PostTransform::kLogistic:
      for (std::size_t k = 0; k < count; ++k) scores[k] = tree_logistic(scores[k]);
      return;
    case PostTransform::kProbit:
      for (std::size_t k = 0; k < count; ++k) scores[k] = tree_probit(scores[k]);
  }
}

template float tree_logistic(float) noexcept;
template double tree_logistic(double) noexcept;
template float tree_probit(float) noexcept;
template double tree_probit(double) noexcept;
template void transform_scores(PostTransform, float*, std::size_t) noexcept;
template void transform_scores(PostTransform, double*, std::size_t) noexcept;

}  // namespace arsenal::runtime
