// Walks through trees, many in step: the kernel of the deep engine (engines/deep.h), one per instruction set, all with
// the same results.
//
// The files that implement it for an instruction set are compiled with its flags and use nothing from the standard
// library, as kernels/ranked.h explains.
#ifndef ARSENAL_SRC_KERNELS_DEEP_H_
#define ARSENAL_SRC_KERNELS_DEEP_H_

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace arsenal::runtime {

// One split. A value x leads to "yes" if x <= threshold, so NaN never does. The near branch goes to the node behind
// this one, the far branch to a later node; either may end in a leaf instead.
template <typename T>
struct DeepNode {
  T threshold;
  // From the lowest bit on: the column, how many nodes the far branch jumps over, and the flags of DeepLinks.
  std::uint32_t link;
};

// How the bits of a link are divided: the same for all nodes of an ensemble.
struct DeepLinks {
  static constexpr std::uint32_t kNearLeaf = 1U << 29;
  static constexpr std::uint32_t kFarLeaf = 1U << 30;
  static constexpr std::uint32_t kFarIsNo = 1U << 31;
  // Bits for column and jump together.
  static constexpr std::uint32_t kPayloadBits = 29;

  std::uint32_t column_mask() const noexcept { return (1U << column_bits) - 1; }
  std::uint32_t jump_mask() const noexcept { return (1U << (kPayloadBits - column_bits)) - 1; }

  std::uint32_t column_bits = 0;
};

// A walk: its number, and in the lower half where it is or where it ended.
using DeepWalk = std::uint64_t;

inline std::uint32_t number_of(DeepWalk walk) noexcept { return static_cast<std::uint32_t>(walk >> 32); }
inline std::uint32_t place_of(DeepWalk walk) noexcept { return static_cast<std::uint32_t>(walk); }

// Takes `n_walks` walks from the nodes where they are to their leaves. Walk w looks at columns rows[offsets[w]] and
// following, below 2^31; nodes are fewer than 2^30. `walks` is used up. `ends` takes the walks in the order in which
// they arrive, each with its place 2 × node + (1 if it left that node by the far branch).
template <typename T>
using WalkDeep = void (*)(const DeepNode<T>* nodes, DeepLinks links, const T* rows, const std::uint32_t* offsets,
                          DeepWalk* walks, std::size_t n_walks, DeepWalk* ends);

// Elements behind `walks` and behind `ends` that the kernel may write.
constexpr std::size_t kWalkPadding = 16;

void walk_deep_scalar_float(const DeepNode<float>*, DeepLinks, const float*, const std::uint32_t*, DeepWalk*,
                            std::size_t, DeepWalk*);
void walk_deep_scalar_double(const DeepNode<double>*, DeepLinks, const double*, const std::uint32_t*, DeepWalk*,
                             std::size_t, DeepWalk*);
void walk_deep_avx512_float(const DeepNode<float>*, DeepLinks, const float*, const std::uint32_t*, DeepWalk*,
                            std::size_t, DeepWalk*);
void walk_deep_avx512_double(const DeepNode<double>*, DeepLinks, const double*, const std::uint32_t*, DeepWalk*,
                             std::size_t, DeepWalk*);

// The kernel for an instruction set; AVX2, which cannot compress a register, has the portable one.
template <typename T>
WalkDeep<T> deep_kernel(Isa isa) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_DEEP_H_
