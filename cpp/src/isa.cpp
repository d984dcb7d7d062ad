#include "isa.h"

#include <cstdlib>
#include <string_view>

#include "failure.h"

namespace arsenal::runtime {

Isa widest_isa() noexcept {
#if defined(ARSENAL_X86_KERNELS)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vbmi");
  if (avx2 && avx512) return Isa::kAvx512;
  if (avx2) return Isa::kAvx2;
#endif
  return Isa::kScalar;
}

Isa choose_isa() {
  const char* forced = std::getenv("ARSENAL_FORCE_ISA");
  const Isa widest = widest_isa();
  if (forced == nullptr || *forced == '\0') return widest;
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (std::string_view(forced) != isa_name(isa)) continue;
    if (isa <= widest) return isa;
    fail(ARSENAL_UNSUPPORTED, "ARSENAL_FORCE_ISA asks for %s, this CPU has %s at most", forced, isa_name(widest));
  }
  fail(ARSENAL_INVALID_ARGUMENT, "ARSENAL_FORCE_ISA is %s, wanted scalar, avx2 or avx512", quoted(forced).c_str());
}

const char* isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    default:
      return "scalar";
  }
}

}  // namespace arsenal::runtime
