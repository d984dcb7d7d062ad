// Identity and the functions of one element.
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/math.h"
#include "ops/dtypes.h"
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

struct Not {
  static Bool apply(Bool x) noexcept { return to_bool(x == Bool::kFalse); }
};

struct IsNan {
  template <typename T>
  static Bool apply(T x) noexcept {
    return to_bool(x != x);
  }
};

template <bool kNegative, bool kPositive>
struct IsInf {
  template <typename T>
  static Bool apply(T x) noexcept {
    constexpr T kMost = std::numeric_limits<T>::max();
    return to_bool((kNegative && x < -kMost) || (kPositive && x > kMost));
  }
};

template <typename T, typename Result, typename Function>
class Unary final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    const T* from = in[0].as<T>();
    Result* to = out[0].mutable_as<Result>();
    for (std::int64_t i = 0; i < count; ++i) to[i] = Function::apply(from[i]);
    return true;
  }
};

std::unique_ptr<Op> make_identity(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  return std::make_unique<IdentityOp>(dtype_size(builder.input(0).dtype));
}

// `Result` is void where it is the dtype of the input.
template <typename Function, typename List, typename Result = void>
std::unique_ptr<Op> make(OpBuilder& builder) {
  constexpr bool kSame = std::is_void_v<Result>;
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(kSame ? builder.input(0).dtype : kDtype<Result>);
  return for_dtype_of(builder, 0, List(), [](auto zero) {
    using T = decltype(zero);
    return std::make_unique<Unary<T, std::conditional_t<kSame, T, Result>, Function>>();
  });
}

std::unique_ptr<Op> make_is_inf(OpBuilder& builder) {
  const bool negative = builder.integer("detect_negative", 1) != 0;
  const bool positive = builder.integer("detect_positive", 1) != 0;
  if (negative && positive) return make<IsInf<true, true>, Reals, Bool>(builder);
  if (negative) return make<IsInf<true, false>, Reals, Bool>(builder);
  if (positive) return make<IsInf<false, true>, Reals, Bool>(builder);
  return make<IsInf<false, false>, Reals, Bool>(builder);
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
    {"", "Abs", 6, make<Abs, Numbers>},
    {"", "Abs", 13, make<Abs, Numbers>},
    {"", "Neg", 6, make<Neg, Numbers>},
    {"", "Neg", 13, make<Neg, Numbers>},
    {"", "Sign", 9, make<Sign, Numbers>},
    {"", "Sign", 13, make<Sign, Numbers>},
    {"", "Exp", 6, make<Exp, Reals>},
    {"", "Exp", 13, make<Exp, Reals>},
    {"", "Log", 6, make<Log, Reals>},
    {"", "Log", 13, make<Log, Reals>},
    {"", "Sqrt", 6, make<Sqrt, Reals>},
    {"", "Sqrt", 13, make<Sqrt, Reals>},
    {"", "Reciprocal", 6, make<Reciprocal, Reals>},
    {"", "Reciprocal", 13, make<Reciprocal, Reals>},
    {"", "Floor", 6, make<Floor, Reals>},
    {"", "Floor", 13, make<Floor, Reals>},
    {"", "Ceil", 6, make<Ceil, Reals>},
    {"", "Ceil", 13, make<Ceil, Reals>},
    {"", "Sigmoid", 6, make<Sigmoid, Reals>},
    {"", "Sigmoid", 13, make<Sigmoid, Reals>},
    {"", "Not", 1, make<Not, Dtypes<Bool>>},
    {"", "IsNaN", 9, make<IsNan, Reals, Bool>},
    {"", "IsNaN", 13, make<IsNan, Reals, Bool>},
    {"", "IsNaN", 20, make<IsNan, Reals, Bool>},
    {"", "IsInf", 10, make_is_inf},
    {"", "IsInf", 20, make_is_inf},
};

}  // namespace

OpTable unary_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
