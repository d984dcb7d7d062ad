// The places along an axis that indices name.
#ifndef ARSENAL_SRC_OPS_PLACE_H_
#define ARSENAL_SRC_OPS_PLACE_H_

#include <cstdint>

#include "failure.h"

namespace arsenal::runtime {

// The place that an index names, which counts from the back if it is negative.
inline bool find_place(std::int64_t given, std::int64_t extent, std::int64_t& place, Issue& issue) noexcept {
  place = given < 0 ? given + extent : given;
  if (place >= 0 && place < extent) return true;
  return issue.set(ARSENAL_INVALID_VALUE, "index %lld is out of range for an extent of %lld",
                   static_cast<long long>(given), static_cast<long long>(extent));
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_PLACE_H_
