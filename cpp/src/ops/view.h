// Operators that only give their input another shape.
#ifndef ARSENAL_SRC_OPS_VIEW_H_
#define ARSENAL_SRC_OPS_VIEW_H_

#include <cstring>

#include "plan/op.h"

namespace arsenal::runtime {

class ViewOp : public Op {
 public:
  explicit ViewOp(std::size_t element) : element_(element) {}

  bool is_view() const noexcept final { return true; }

  // Where the memory cannot be shared, it is copied.
  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept final {
    const std::int64_t count = element_count(in[0].shape);
    if (count > 0) std::memcpy(out[0].data, in[0].data, static_cast<std::size_t>(count) * element_);
    return true;
  }

 private:
  std::size_t element_;
};

// The input as it is: Identity, and a Cast to the dtype that is there already.
class IdentityOp final : public ViewOp {
 public:
  using ViewOp::ViewOp;

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_VIEW_H_
