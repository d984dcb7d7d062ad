// The order of numbers by counting their bytes: no comparisons, so nothing for the CPU to guess wrongly.
#ifndef ARSENAL_SRC_ENGINES_ORDER_H_
#define ARSENAL_SRC_ENGINES_ORDER_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <vector>

namespace arsenal::runtime {

template <typename T>
using OrderedBits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

// An integer that is ordered as `x` is among numbers that are not NaN; -0 and 0 have the same one.
template <typename T>
OrderedBits<T> ordered_bits(T x) noexcept {
  using Bits = OrderedBits<T>;
  constexpr Bits kSign = Bits{1} << (8 * sizeof(T) - 1);
  const T positive_zero = x == 0 ? T{0} : x;
  Bits bits;
  std::memcpy(&bits, &positive_zero, sizeof(bits));
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

// Sorts `order`, positions in `keys`, by their keys; equal ones stay as they are. O(order.size()) for each byte in
// which keys differ.
template <typename Key>
void order_by(const std::vector<Key>& keys, std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> next(order.size());
  for (unsigned shift = 0; shift < 8 * sizeof(Key); shift += 8) {
    const auto byte_of = [&](std::uint32_t i) { return static_cast<std::size_t>(keys[i] >> shift & 0xff); };
    std::uint32_t begin[257] = {};
    for (const std::uint32_t i : order) ++begin[byte_of(i) + 1];
    if (std::find(std::begin(begin), std::end(begin), order.size()) != std::end(begin)) continue;
    for (std::size_t byte = 0; byte < 256; ++byte) begin[byte + 1] += begin[byte];
    for (const std::uint32_t i : order) next[begin[byte_of(i)]++] = i;
    order.swap(next);
  }
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_ORDER_H_
