#include "kernels/ranked.h"

namespace arsenal::runtime {

template <>
const RankedKernels<float>& ranked_kernels(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return kRankedAvx512Float;
  if (isa == Isa::kAvx2) return kRankedAvx2Float;
#endif
  (void)isa;
  return kRankedScalarFloat;
}

template <>
const RankedKernels<double>& ranked_kernels(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return kRankedAvx512Double;
  if (isa == Isa::kAvx2) return kRankedAvx2Double;
#endif
  (void)isa;
  return kRankedScalarDouble;
}

}  // namespace arsenal::runtime
