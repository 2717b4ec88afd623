#pragma once

namespace framecast {

/// The instruction sets that kernels are written for. Each gives the same bits as `scalar`.
enum class Isa {
  scalar,  ///< What the compiler makes of plain C++ for the baseline of the platform.
  neon,    ///< Arm64, where it is the baseline.
  avx2,    ///< x86-64 with AVX2 and F16C, from 2013 on.
  avx512,  ///< x86-64 with AVX-512 F, BW, DQ, VL and VBMI: Ice Lake, Zen 4 and later.
};

/// Whether this machine can run kernels for `isa`; asks the processor and the operating system.
bool is_supported(Isa isa);

/// The set that kernels use: the best supported one, or the one that FRAMECAST_ISA names; decided once per process.
///
/// Throws std::invalid_argument, beginning with FRAMECAST_ISA, for an unknown name and for a set this machine lacks.
Isa active_isa();

/// The set that `requested` (null or empty: none) selects; `active_isa` without its memory.
Isa select_isa(const char* requested);

const char* name(Isa isa);

}  // namespace framecast
