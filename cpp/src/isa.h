// Which instruction set the kernels use.
#ifndef ARSENAL_SRC_ISA_H_
#define ARSENAL_SRC_ISA_H_

namespace arsenal::runtime {

// In rising order.
enum class Isa {
  // Portable code.
  kScalar,
  // x86-64 with AVX2 and BMI2.
  kAvx2,
  // x86-64 with AVX-512 F, BW, DQ, VL and VBMI.
  kAvx512,
};

// The widest set that this CPU has a kernel for.
Isa widest_isa() noexcept;

// The set to use: what ARSENAL_FORCE_ISA says, else the widest. Throws Failure if the CPU lacks the forced set or the
// name is unknown.
Isa choose_isa();

// "scalar", "avx2" or "avx512".
const char* isa_name(Isa isa) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ISA_H_
