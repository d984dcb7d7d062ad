// Functions of one element that a product applies to its results itself.
#ifndef ARSENAL_SRC_OPS_ACTIVATIONS_H_
#define ARSENAL_SRC_OPS_ACTIVATIONS_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "plan/op.h"

namespace arsenal::runtime {

class Activations {
 public:
  // Takes over `next` if it is such a function.
  bool absorb(std::unique_ptr<Op>& next) {
    if (!next->maps_elements()) return false;
    functions_.push_back(std::move(next));
    return true;
  }

  bool empty() const noexcept { return functions_.empty(); }

  // In the order in which they came.
  void apply(void* elements, std::int64_t count) const noexcept {
    for (const std::unique_ptr<Op>& function : functions_) function->map_elements(elements, count);
  }

 private:
  std::vector<std::unique_ptr<Op>> functions_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_ACTIVATIONS_H_
