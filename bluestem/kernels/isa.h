// The instruction sets that kernels are written for, and the set that a CPU has.
#pragma once

#include <cstdint>

namespace bluestem::kernels {

enum class Isa : uint8_t {
  kReference,
  kPortable,
  kSse4,
  kAvx2,
  kAvx512,
  kAvx512Vnni,
  kAvx512Vbmi,
  kAmx,
  kNeon,
  kNeonDot
};

// Most capable first.
constexpr Isa kIsas[] = {Isa::kAmx,      Isa::kAvx512Vbmi, Isa::kAvx512Vnni, Isa::kAvx512,
                         Isa::kAvx2,     Isa::kSse4,       Isa::kNeonDot,    Isa::kNeon,
                         Isa::kPortable, Isa::kReference};

// One bit an Isa; kReference and kPortable are always set.
using IsaSet = uint32_t;
constexpr IsaSet IsaBit(Isa isa) {
  return IsaSet{1} << static_cast<uint32_t>(isa);
}
constexpr IsaSet kAlways = IsaBit(Isa::kReference) | IsaBit(Isa::kPortable);

// Returns `isa` and those that a CPU with it also has.
IsaSet WithImplied(Isa isa);

// Returns "avx2", ...
const char* IsaName(Isa isa);

}  // namespace bluestem::kernels
