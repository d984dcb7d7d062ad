// Identity, Neg, Exp, Sigmoid: one element in, one element out.
#include <cstdint>
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

template <typename T, typename Function>
class Unary final : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    for (std::int64_t i = 0; i < count; ++i) out[0].mutable_as<T>()[i] = Function::apply(in[0].as<T>()[i]);
    return true;
  }
};

std::unique_ptr<Op> make_identity(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  return std::make_unique<IdentityOp>(dtype_size(builder.input(0).dtype));
}

template <typename Function>
std::unique_ptr<Op> make_real(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE});
  builder.add_output(builder.input(0).dtype);
  if (builder.input(0).dtype == ARSENAL_FLOAT) return std::make_unique<Unary<float, Function>>();
  return std::make_unique<Unary<double, Function>>();
}

std::unique_ptr<Op> make_neg(OpBuilder& builder) {
  if (builder.input(0).dtype == ARSENAL_FLOAT || builder.input(0).dtype == ARSENAL_DOUBLE) {
    return make_real<Neg>(builder);
  }
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE, ARSENAL_INT32, ARSENAL_INT64});
  builder.add_output(builder.input(0).dtype);
  if (builder.input(0).dtype == ARSENAL_INT32) return std::make_unique<Unary<std::int32_t, Neg>>();
  return std::make_unique<Unary<std::int64_t, Neg>>();
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
    {"", "Neg", 6, make_neg},
    {"", "Neg", 13, make_neg},
    {"", "Exp", 6, make_real<Exp>},
    {"", "Exp", 13, make_real<Exp>},
    {"", "Sigmoid", 6, make_real<Sigmoid>},
    {"", "Sigmoid", 13, make_real<Sigmoid>},
};

}  // namespace

OpTable unary_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
