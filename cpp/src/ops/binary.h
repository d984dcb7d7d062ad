// Element-wise operators of two operands under broadcasting.
#ifndef ARSENAL_SRC_OPS_BINARY_H_
#define ARSENAL_SRC_OPS_BINARY_H_

#include <cstdint>

#include "ops/broadcast.h"
#include "plan/op.h"

namespace arsenal::runtime {

// Function::apply(a, b, result) computes one element; false if it has no result, for the reason Function::kIssue.
template <typename A, typename B, typename Result, typename Function>
class Binary : public Op {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    if (broadcast_shapes(in[0].shape, in[1].shape, out[0].shape)) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s and %s cannot be broadcast", ShapeText(in[0].shape).text,
                     ShapeText(in[1].shape).text);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return broadcast_keeps_rows(inputs); }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const A* a = in[0].as<A>();
    const B* b = in[1].as<B>();
    Result* result = out[0].mutable_as<Result>();
    const Broadcast<2> loop(out[0].shape, {&in[0].shape, &in[1].shape});
    const bool possible =
        loop.for_each_line([=](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
          const A* from_a = a + offsets[0];
          const B* from_b = b + offsets[1];
          // The strides as constants, so that the loops become vector code. Both are 0 only where count is 1.
          if (strides[0] == 0) return line<0, 1>(count, from_a, from_b, result + position);
          if (strides[1] == 0) return line<1, 0>(count, from_a, from_b, result + position);
          return line<1, 1>(count, from_a, from_b, result + position);
        });
    return possible || issue.set(ARSENAL_INVALID_VALUE, "%s", Function::kIssue);
  }

 private:
  template <std::int64_t kA, std::int64_t kB>
  static bool line(std::int64_t count, const A* a, const B* b, Result* result) noexcept {
    bool fine = true;
    for (std::int64_t i = 0; i < count; ++i) fine &= Function::apply(a[i * kA], b[i * kB], result[i]);
    return fine;
  }
};

// For functions that have a result for all elements.
struct Total {
  static constexpr const char* kIssue = "";
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_BINARY_H_
