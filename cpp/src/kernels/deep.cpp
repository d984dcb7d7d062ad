#include "kernels/deep.h"

namespace arsenal::runtime {

namespace {

template <typename T>
void walk(const DeepNode<T>* nodes, DeepLinks links, const T* rows, const std::uint32_t* offsets, DeepWalk* walks,
          std::size_t n_walks, DeepWalk* ends) {
  const std::uint32_t column_mask = links.column_mask();
  const std::uint32_t jump_mask = links.jump_mask();
  while (n_walks > 0) {
    std::size_t n_left = 0;
    for (std::size_t i = 0; i < n_walks; ++i) {
      const DeepWalk number = walks[i] >> 32;
      const std::uint32_t at = place_of(walks[i]);
      const DeepNode<T> node = nodes[at];
      const T x = rows[offsets[number] + (node.link & column_mask)];
      const std::uint32_t yes = x <= node.threshold ? 1 : 0;
      const std::uint32_t far = yes ^ (node.link >> 31);
      const std::uint32_t jump = (node.link >> links.column_bits) & jump_mask;
      const std::uint32_t leaf = (node.link >> (29 + far)) & 1;
      // Both are written and one of them counts.
      *ends = number << 32 | (2 * at + far);
      ends += leaf;
      walks[n_left] = number << 32 | (at + 1 + (jump & (0 - far)));
      n_left += 1 - leaf;
    }
    n_walks = n_left;
  }
}

}  // namespace

void walk_deep_scalar_float(const DeepNode<float>* nodes, DeepLinks links, const float* rows,
                            const std::uint32_t* offsets, DeepWalk* walks, std::size_t n_walks, DeepWalk* ends) {
  walk(nodes, links, rows, offsets, walks, n_walks, ends);
}

void walk_deep_scalar_double(const DeepNode<double>* nodes, DeepLinks links, const double* rows,
                             const std::uint32_t* offsets, DeepWalk* walks, std::size_t n_walks, DeepWalk* ends) {
  walk(nodes, links, rows, offsets, walks, n_walks, ends);
}

template <>
WalkDeep<float> deep_kernel(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return walk_deep_avx512_float;
#endif
  (void)isa;
  return walk_deep_scalar_float;
}

template <>
WalkDeep<double> deep_kernel(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return walk_deep_avx512_double;
#endif
  (void)isa;
  return walk_deep_scalar_double;
}

}  // namespace arsenal::runtime
