// The weights of a tree's leaves as kernels look them up.
#ifndef ARSENAL_SRC_KERNELS_LEAVES_H_
#define ARSENAL_SRC_KERNELS_LEAVES_H_

#include <cstddef>
#include <cstdint>

namespace arsenal::runtime {

// Elements behind a tree's values, and bytes behind its bytes, that kernels may read.
constexpr std::size_t kLeafPadding = 64;

template <typename T>
struct LeafTable {
  const T* values;
  // Byte b of values[k], the least significant first, is bytes[b * stride + k].
  const std::uint8_t* bytes;
  std::uint32_t n_leaves;
  // n_leaves, rounded up to a multiple of 16.
  std::uint32_t stride;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_LEAVES_H_
