// Real to integer, as every operator that narrows does it.
#ifndef ARSENAL_SRC_OPS_TRUNCATE_H_
#define ARSENAL_SRC_OPS_TRUNCATE_H_

#include <cstdint>
#include <limits>
#include <type_traits>

namespace arsenal::runtime {

// Real to integer, truncated. What does not fit, NaN included, becomes what an x86 CPU makes of it, as in onnxruntime:
// the smallest number, of which narrower types keep the low bits.
template <typename To, typename From>
To truncated(From x) noexcept {
  if constexpr (std::is_same_v<To, std::uint64_t>) {
    if (x >= From(0x1p64) || x != x || x < From(-0x1p63)) return std::uint64_t{1} << 63;
    if (x >= From(0x1p63)) return static_cast<std::uint64_t>(x);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  } else {
    using Wide = std::conditional_t<(sizeof(To) < 4) || std::is_same_v<To, std::int32_t>, std::int32_t, std::int64_t>;
    const auto bound = -static_cast<From>(std::numeric_limits<Wide>::min());
    // For a double, numbers between INT32_MIN - 1 and INT32_MIN truncate to INT32_MIN anyway.
    const bool fits = x < bound && x >= -bound;
    return static_cast<To>(fits ? static_cast<Wide>(x) : std::numeric_limits<Wide>::min());
  }
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TRUNCATE_H_
