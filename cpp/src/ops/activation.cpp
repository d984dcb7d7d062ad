// The activation functions of neural nets.
//
// What is + − × ÷ alone is computed in the dtype of the tensor, everything else in double and rounded once.
#include <cmath>

#include "kernels/math.h"
#include "ops/unary.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Within [0, 1]; NaN stays.
template <typename T>
T clamped(T x) noexcept {
  return x < 0 ? T{0} : x > 1 ? T{1} : x;
}

double softplus(double x) noexcept { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

struct Relu {
  template <typename T>
  static T apply(T x) noexcept {
    return x < 0 ? T{0} : x;
  }
};

// A function with one parameter.
struct WithAlpha {
  WithAlpha(OpBuilder& builder, float fallback) : alpha(builder.real("alpha", fallback)) {}

  float alpha;
};

struct LeakyRelu : WithAlpha {
  explicit LeakyRelu(OpBuilder& builder) : WithAlpha(builder, 0.01f) {}

  template <typename T>
  T apply(T x) const noexcept {
    return x < 0 ? static_cast<T>(alpha) * x : x;
  }
};

struct ThresholdedRelu : WithAlpha {
  explicit ThresholdedRelu(OpBuilder& builder) : WithAlpha(builder, 1) {}

  template <typename T>
  T apply(T x) const noexcept {
    return x > static_cast<T>(alpha) ? x : T{0};
  }
};

struct Elu : WithAlpha {
  explicit Elu(OpBuilder& builder) : WithAlpha(builder, 1) {}

  double apply(double x) const noexcept { return x < 0 ? alpha * expm1(x) : x; }
};

struct Celu : WithAlpha {
  explicit Celu(OpBuilder& builder) : WithAlpha(builder, 1) {}

  double apply(double x) const noexcept { return x < 0 ? alpha * expm1(x / alpha) : x; }
};

struct Selu : WithAlpha {
  explicit Selu(OpBuilder& builder)
      : WithAlpha(builder, 1.67326319217681884765625f), gamma(builder.real("gamma", 1.05070102214813232421875f)) {}

  double apply(double x) const noexcept { return gamma * (x < 0 ? alpha * expm1(x) : x); }

  float gamma;
};

struct Softplus {
  static double apply(double x) noexcept { return softplus(x); }
};

struct Softsign {
  template <typename T>
  static T apply(T x) noexcept {
    return x / (1 + std::abs(x));
  }
};

struct HardSigmoid : WithAlpha {
  explicit HardSigmoid(OpBuilder& builder) : WithAlpha(builder, 0.2f), beta(builder.real("beta", 0.5f)) {}

  template <typename T>
  T apply(T x) const noexcept {
    return clamped(static_cast<T>(alpha) * x + static_cast<T>(beta));
  }

  float beta;
};

// x times HardSigmoid of it, of which alpha is 1/6 as attributes are, in float.
struct HardSwish {
  template <typename T>
  static T apply(T x) noexcept {
    return x * clamped(static_cast<T>(1.0f / 6) * x + T{0.5});
  }
};

struct Mish {
  static double apply(double x) noexcept { return x * tanh(softplus(x)); }
};

struct Swish : WithAlpha {
  explicit Swish(OpBuilder& builder) : WithAlpha(builder, 1) {}

  double apply(double x) const noexcept { return x * logistic(alpha * x); }
};

struct Gelu {
  static double apply(double x) noexcept { return x * normal_cdf(x); }
};

// (1 + tanh(y)) / 2 = logistic(2 y), which loses nothing where tanh is near -1.
struct GeluByTanh {
  static double apply(double x) noexcept {
    constexpr double kRootOf8ByPi = 0x1.9884533d43651p+0;
    return x * logistic(kRootOf8ByPi * (x + 0.044715 * x * x * x));
  }
};

std::unique_ptr<Op> make_gelu(OpBuilder& builder) {
  const std::string_view form = builder.string("approximate", "none");
  if (form == "none") return make_unary<Gelu, Reals>(builder);
  if (form == "tanh") return make_unary<GeluByTanh, Reals>(builder);
  fail(ARSENAL_INVALID_MODEL, "attribute 'approximate' is %s, wanted 'none' or 'tanh'", quoted(form).c_str());
}

constexpr OpEntry kEntries[] = {
    {"", "Relu", 6, make_unary<Relu, Reals>},
    {"", "Relu", 13, make_unary<Relu, Reals>},
    {"", "Relu", 14, make_unary<Relu, Numbers>},
    {"", "LeakyRelu", 6, make_unary<LeakyRelu, Reals>},
    {"", "LeakyRelu", 16, make_unary<LeakyRelu, Reals>},
    {"", "ThresholdedRelu", 10, make_unary<ThresholdedRelu, Reals>},
    {"", "ThresholdedRelu", 22, make_unary<ThresholdedRelu, Reals>},
    {"", "Elu", 6, make_unary<Elu, Reals>},
    {"", "Elu", 22, make_unary<Elu, Reals>},
    {"", "Celu", 12, make_unary<Celu, Dtypes<float>>},
    {"", "Celu", 28, make_unary<Celu, Reals>},
    {"", "Selu", 6, make_unary<Selu, Reals>},
    {"", "Selu", 22, make_unary<Selu, Reals>},
    {"", "Softplus", 1, make_unary<Softplus, Reals>},
    {"", "Softplus", 22, make_unary<Softplus, Reals>},
    {"", "Softsign", 1, make_unary<Softsign, Reals>},
    {"", "Softsign", 22, make_unary<Softsign, Reals>},
    {"", "HardSigmoid", 6, make_unary<HardSigmoid, Reals>},
    {"", "HardSigmoid", 22, make_unary<HardSigmoid, Reals>},
    {"", "HardSwish", 14, make_unary<HardSwish, Reals>},
    {"", "HardSwish", 22, make_unary<HardSwish, Reals>},
    {"", "Mish", 18, make_unary<Mish, Reals>},
    {"", "Mish", 22, make_unary<Mish, Reals>},
    {"", "Swish", 24, make_unary<Swish, Reals>},
    {"", "Gelu", 20, make_gelu},
};

}  // namespace

OpTable activation_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
