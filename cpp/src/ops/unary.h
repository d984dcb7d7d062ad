// Operators that compute each element from one element.
#ifndef ARSENAL_SRC_OPS_UNARY_H_
#define ARSENAL_SRC_OPS_UNARY_H_

#include <cstdint>
#include <type_traits>

#include "ops/dtypes.h"
#include "plan/op.h"

namespace arsenal::runtime {

// Function::apply(x) computes one element, in the dtype of x or in double. A function with parameters reads them from
// the attributes in its constructor, which takes the builder.
template <typename T, typename Result, typename Function>
class Unary final : public Op {
 public:
  explicit Unary(const Function& function) : function_(function) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    map(in[0].as<T>(), element_count(in[0].shape), out[0].mutable_as<Result>());
    return true;
  }

  bool maps_elements() const noexcept override { return std::is_same_v<T, Result>; }

  void map_elements(void* elements, std::int64_t count) const noexcept override {
    if constexpr (std::is_same_v<T, Result>) map(static_cast<T*>(elements), count, static_cast<T*>(elements));
  }

 private:
  void map(const T* from, std::int64_t count, Result* to) const noexcept {
    // A copy, of which the compiler knows that no result overwrites it.
    const Function function = function_;
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<Result>(function.apply(from[i]));
  }

  Function function_;
};

template <typename Function>
Function function_of(OpBuilder& builder) {
  if constexpr (std::is_constructible_v<Function, OpBuilder&>) {
    return Function(builder);
  } else {
    return Function();
  }
}

// `Result` is void where it is the dtype of the input.
template <typename Function, typename List, typename Result = void>
std::unique_ptr<Op> make_unary(OpBuilder& builder) {
  constexpr bool kSame = std::is_void_v<Result>;
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(kSame ? builder.input(0).dtype : kDtype<Result>);
  const auto function = function_of<Function>(builder);
  return for_dtype_of(builder, 0, List(), [&](auto zero) {
    using T = decltype(zero);
    return std::make_unique<Unary<T, std::conditional_t<kSame, T, Result>, Function>>(function);
  });
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_UNARY_H_
