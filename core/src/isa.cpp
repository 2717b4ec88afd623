#include "isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace framecast {
namespace {

constexpr Isa kBestFirst[] = {Isa::avx512, Isa::avx2, Isa::neon, Isa::scalar};

#if defined(__x86_64__)
/// Conversions of binary16. Clang 14's __builtin_cpu_supports does not know their name.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

}  // namespace

bool is_supported(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::neon:
#if defined(__aarch64__)
      return true;
#else
      return false;
#endif
#if defined(__x86_64__)
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && has_f16c();
    case Isa::avx512:
      return is_supported(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vbmi");
#else
    case Isa::avx2:
    case Isa::avx512:
      return false;
#endif
  }
  return false;
}

const char* name(Isa isa) {
  switch (isa) {
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::scalar:
      break;
  }
  return "scalar";
}

Isa select_isa(const char* requested) {
  const std::string wanted = requested == nullptr ? "" : requested;
  for (Isa isa : kBestFirst) {
    if (wanted.empty() && is_supported(isa)) return isa;
    if (wanted != name(isa)) continue;
    // Falling back in silence would let a test of this path pass without running it.
    if (!is_supported(isa)) throw std::invalid_argument("FRAMECAST_ISA: this machine has no " + wanted);
    return isa;
  }
  throw std::invalid_argument("FRAMECAST_ISA: must be scalar, neon, avx2 or avx512, not '" + wanted + "'");
}

Isa active_isa() {
  static const Isa isa = select_isa(std::getenv("FRAMECAST_ISA"));
  return isa;
}

}  // namespace framecast
