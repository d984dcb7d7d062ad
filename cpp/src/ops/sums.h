// What elements are added up in.
#ifndef ARSENAL_SRC_OPS_SUMS_H_
#define ARSENAL_SRC_OPS_SUMS_H_

#include <cstdint>
#include <type_traits>

#include "ops/dtypes.h"

namespace arsenal::runtime {

using Summable = Dtypes<float, double, std::int32_t, std::int64_t>;

// A sum of floats is rounded once, at its end.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <typename T>
T narrowed(Wide<T> sum) noexcept {
  return static_cast<T>(sum);
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_SUMS_H_
