// cpu_features: which of the kernels' instruction sets this CPU and its operating system offer.
// Asks the CPU at each call (about a microsecond) and remembers nothing: ask once a session.
// Threads: any. No dependency but libc (getauxval on Arm).
#pragma once

#include "bluestem/kernels/isa.h"

namespace bluestem::edge {

// Returns the sets that can run here. On x86 a set counts only if the operating system saves its
// registers; on aarch64 NEON is part of the architecture and the kernel says (HWCAP) whether there
// are dot products; on armv7 it says whether there is NEON.
kernels::IsaSet CpuIsas();

// Returns the most capable one of `isas` (kernels::kIsas).
kernels::Isa BestIsa(kernels::IsaSet isas);

// Returns what a program restricted to the ISA called `name` may use: that one and those that it
// implies ("avx2": avx2, sse4, portable, reference). 0 if there is no ISA of that name or `name` is
// null. Says nothing about this CPU: a caller runs it only if (result & ~CpuIsas()) == 0.
kernels::IsaSet IsaSetFromName(const char* name);

}  // namespace bluestem::edge
