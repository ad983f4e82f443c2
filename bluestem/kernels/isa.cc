#include "bluestem/kernels/isa.h"

namespace bluestem::kernels {

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kReference: return "reference";
    case Isa::kPortable: return "portable";
    case Isa::kSse4: return "sse4";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
    case Isa::kAvx512Vnni: return "avx512_vnni";
    case Isa::kAvx512Vbmi: return "avx512_vbmi";
    case Isa::kAmx: return "amx";
    case Isa::kNeon: return "neon";
    case Isa::kNeonDot: return "neon_dot";
  }
  return "unknown";
}

IsaSet WithImplied(Isa isa) {
  constexpr IsaSet kSse4Set = kAlways | IsaBit(Isa::kSse4);
  constexpr IsaSet kAvx2Set = kSse4Set | IsaBit(Isa::kAvx2);
  constexpr IsaSet kAvx512Set = kAvx2Set | IsaBit(Isa::kAvx512);
  constexpr IsaSet kAvx512VnniSet = kAvx512Set | IsaBit(Isa::kAvx512Vnni);
  constexpr IsaSet kAvx512VbmiSet = kAvx512VnniSet | IsaBit(Isa::kAvx512Vbmi);
  constexpr IsaSet kNeonSet = kAlways | IsaBit(Isa::kNeon);
  switch (isa) {
    case Isa::kReference: return IsaBit(Isa::kReference);
    case Isa::kPortable: return kAlways;
    case Isa::kSse4: return kSse4Set;
    case Isa::kAvx2: return kAvx2Set;
    case Isa::kAvx512: return kAvx512Set;
    case Isa::kAvx512Vnni: return kAvx512VnniSet;
    case Isa::kAvx512Vbmi: return kAvx512VbmiSet;
    case Isa::kAmx: return kAvx512VbmiSet | IsaBit(Isa::kAmx);
    case Isa::kNeon: return kNeonSet;
    case Isa::kNeonDot: return kNeonSet | IsaBit(Isa::kNeonDot);
  }
  return 0;
}

}  // namespace bluestem::kernels
