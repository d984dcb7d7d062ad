// Identity and the functions of one element.
#include "ops/unary.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/math.h"
#include "ops/view.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

struct Neg {
  template <typename T>
  static T apply(T x) noexcept {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(0U - static_cast<std::make_unsigned_t<T>>(x));
    } else {
      return -x;
    }
  }
};

struct Exp {
  template <typename T>
  static T apply(T x) noexcept {
    return exp(x);
  }
};

struct Sigmoid {
  template <typename T>
  static T apply(T x) noexcept {
    return logistic(x);
  }
};

struct Tanh {
  template <typename T>
  static T apply(T x) noexcept {
    return tanh(x);
  }
};

// Of integers, which version 9 takes, it is 0 or one of its limits.
struct Erf {
  template <typename T>
  static T apply(T x) noexcept {
    return static_cast<T>(erf(static_cast<double>(x)));
  }
};

struct Log {
  template <typename T>
  static T apply(T x) noexcept {
    return log(x);
  }
};

struct Abs {
  template <typename T>
  static T apply(T x) noexcept {
    if constexpr (std::is_integral_v<T>) {
      return x < 0 ? Neg::apply(x) : x;
    } else {
      return std::abs(x);
    }
  }
};

struct Sign {
  template <typename T>
  static T apply(T x) noexcept {
    return x > 0 ? T{1} : x < 0 ? static_cast<T>(-1) : x;
  }
};

// Square roots, quotients and roundings are exact by IEEE 754 on every CPU.
struct Sqrt {
  template <typename T>
  static T apply(T x) noexcept {
    return std::sqrt(x);
  }
};

struct Reciprocal {
  template <typename T>
  static T apply(T x) noexcept {
    return T{1} / x;
  }
};

struct Floor {
  template <typename T>
  static T apply(T x) noexcept {
    return std::floor(x);
  }
};

struct Ceil {
  template <typename T>
  static T apply(T x) noexcept {
    return std::ceil(x);
  }
};

// Half to even.
struct Round {
  template <typename T>
  static T apply(T x) noexcept {
    return std::nearbyint(x);
  }
};

struct Not {
  static Bool apply(Bool x) noexcept { return to_bool(x == Bool::kFalse); }
};

struct IsNan {
  template <typename T>
  static Bool apply(T x) noexcept {
    return to_bool(x != x);
  }
};

class IsInf {
 public:
  explicit IsInf(OpBuilder& builder)
      : negative_(builder.integer("detect_negative", 1) != 0), positive_(builder.integer("detect_positive", 1) != 0) {}

  template <typename T>
  Bool apply(T x) const noexcept {
    constexpr T kMost = std::numeric_limits<T>::max();
    return to_bool((negative_ && x < -kMost) || (positive_ && x > kMost));
  }

 private:
  bool negative_;
  bool positive_;
};

std::unique_ptr<Op> make_identity(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  return std::make_unique<IdentityOp>(dtype_size(builder.input(0).dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Identity", 1, make_identity},
    {"", "Identity", 13, make_identity},
    {"", "Identity", 14, make_identity},
    {"", "Identity", 16, make_identity},
    {"", "Identity", 19, make_identity},
    {"", "Identity", 21, make_identity},
    {"", "Identity", 23, make_identity},
    {"", "Identity", 24, make_identity},
    {"", "Identity", 25, make_identity},
    {"", "Abs", 6, make_unary<Abs, Numbers>},
    {"", "Abs", 13, make_unary<Abs, Numbers>},
    {"", "Neg", 6, make_unary<Neg, Numbers>},
    {"", "Neg", 13, make_unary<Neg, Numbers>},
    {"", "Sign", 9, make_unary<Sign, Numbers>},
    {"", "Sign", 13, make_unary<Sign, Numbers>},
    {"", "Exp", 6, make_unary<Exp, Reals>},
    {"", "Exp", 13, make_unary<Exp, Reals>},
    {"", "Log", 6, make_unary<Log, Reals>},
    {"", "Log", 13, make_unary<Log, Reals>},
    {"", "Sqrt", 6, make_unary<Sqrt, Reals>},
    {"", "Sqrt", 13, make_unary<Sqrt, Reals>},
    {"", "Reciprocal", 6, make_unary<Reciprocal, Reals>},
    {"", "Reciprocal", 13, make_unary<Reciprocal, Reals>},
    {"", "Floor", 6, make_unary<Floor, Reals>},
    {"", "Floor", 13, make_unary<Floor, Reals>},
    {"", "Ceil", 6, make_unary<Ceil, Reals>},
    {"", "Ceil", 13, make_unary<Ceil, Reals>},
    {"", "Round", 11, make_unary<Round, Reals>},
    {"", "Round", 22, make_unary<Round, Reals>},
    {"", "Erf", 9, make_unary<Erf, Numbers>},
    {"", "Erf", 13, make_unary<Erf, Reals>},
    {"", "Tanh", 6, make_unary<Tanh, Reals>},
    {"", "Tanh", 13, make_unary<Tanh, Reals>},
    {"", "Sigmoid", 6, make_unary<Sigmoid, Reals>},
    {"", "Sigmoid", 13, make_unary<Sigmoid, Reals>},
    {"", "Not", 1, make_unary<Not, Dtypes<Bool>>},
    {"", "IsNaN", 9, make_unary<IsNan, Reals, Bool>},
    {"", "IsNaN", 13, make_unary<IsNan, Reals, Bool>},
    {"", "IsNaN", 20, make_unary<IsNan, Reals, Bool>},
    {"", "IsInf", 10, make_unary<IsInf, Reals, Bool>},
    {"", "IsInf", 20, make_unary<IsInf, Reals, Bool>},
};

}  // namespace

OpTable unary_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
