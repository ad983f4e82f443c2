#include "bluestem/edge/cpu_features.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__arm__) || defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace bluestem::edge {
namespace {

using kernels::Isa;
using kernels::IsaBit;
using kernels::IsaSet;

#if defined(__x86_64__)
// XCR0: the register states that the operating system saves. Requires OSXSAVE.
uint32_t EnabledStates() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Linux gives a process the state of tiles when it first asks for it.
bool MayUseTiles() {
  constexpr long kRequestState = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestState, kTileData) == 0;
}

IsaSet NativeIsas() {
  constexpr uint32_t kSsse3 = 1u << 9;
  constexpr uint32_t kSse41 = 1u << 19;
  constexpr uint32_t kOsXsave = 1u << 27;
  constexpr uint32_t kAvx = 1u << 28;
  constexpr uint32_t kAvx2 = 1u << 5;
  constexpr uint32_t kAvx512 = (1u << 16) | (1u << 30) | (1u << 31);  // F, BW, VL
  constexpr uint32_t kAvx512Vnni = 1u << 11;
  constexpr uint32_t kVbmi = 1u << 1;
  constexpr uint32_t kAmx = (1u << 24) | (1u << 25);  // TILE, INT8
  constexpr uint32_t kYmmStates = 0x06;               // SSE, AVX
  constexpr uint32_t kTileStates = 0x60000;
  constexpr uint32_t kZmmStates = 0xe6;  // and the masks and both halves of the zmm registers
  IsaSet isas = 0;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
  uint32_t d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return isas;
  if ((c & kSsse3) != 0 && (c & kSse41) != 0) isas |= IsaBit(Isa::kSse4);
  if ((c & kOsXsave) == 0 || (c & kAvx) == 0) return isas;
  const uint32_t states = EnabledStates();
  if ((states & kYmmStates) != kYmmStates) return isas;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return isas;
  if ((b & kAvx2) == 0) return isas;
  isas |= IsaBit(Isa::kAvx2);
  if ((states & kZmmStates) != kZmmStates || (b & kAvx512) != kAvx512) return isas;
  isas |= IsaBit(Isa::kAvx512);
  if ((c & kAvx512Vnni) == 0) return isas;
  isas |= IsaBit(Isa::kAvx512Vnni);
  if ((c & kVbmi) == 0) return isas;
  isas |= IsaBit(Isa::kAvx512Vbmi);
  const bool tiles = (d & kAmx) == kAmx && (states & kTileStates) == kTileStates;
  if (tiles && MayUseTiles()) isas |= IsaBit(Isa::kAmx);
  return isas;
}
#elif defined(__aarch64__)
IsaSet NativeIsas() {
  constexpr unsigned long kHwcapDotProducts = 1ul << 20;  // HWCAP_ASIMDDP
  const bool dot = (getauxval(AT_HWCAP) & kHwcapDotProducts) != 0;
  return IsaBit(Isa::kNeon) | (dot ? IsaBit(Isa::kNeonDot) : 0);
}
#elif defined(__arm__)
IsaSet NativeIsas() {
  constexpr unsigned long kHwcapNeon = 1ul << 12;
  return (getauxval(AT_HWCAP) & kHwcapNeon) != 0 ? IsaBit(Isa::kNeon) : 0;
}
#else
IsaSet NativeIsas() {
  return 0;
}
#endif

}  // namespace

IsaSet CpuIsas() {
  return kernels::kAlways | NativeIsas();
}

Isa BestIsa(IsaSet isas) {
  for (const Isa isa : kernels::kIsas) {
    if ((isas & IsaBit(isa)) != 0) return isa;
  }
  return Isa::kReference;
}

IsaSet IsaSetFromName(const char* name) {
  if (name == nullptr) return 0;
  for (const Isa isa : kernels::kIsas) {
    if (std::strcmp(name, kernels::IsaName(isa)) == 0) return kernels::WithImplied(isa);
  }
  return 0;
}

}  // namespace bluestem::edge
