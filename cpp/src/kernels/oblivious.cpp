#include "kernels/oblivious.h"

namespace arsenal::runtime {

template <>
const ObliviousKernels<float>& oblivious_kernels(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return kObliviousAvx512Float;
  if (isa == Isa::kAvx2) return kObliviousAvx2Float;
#endif
  (void)isa;
  return kObliviousScalarFloat;
}

template <>
const ObliviousKernels<double>& oblivious_kernels(Isa isa) noexcept {
#if defined(ARSENAL_X86_KERNELS)
  if (isa == Isa::kAvx512) return kObliviousAvx512Double;
  if (isa == Isa::kAvx2) return kObliviousAvx2Double;
#endif
  (void)isa;
  return kObliviousScalarDouble;
}

}  // namespace arsenal::runtime
