// What the loops in registers of 512 bits share. Included by their files.
#pragma once

// GCC 12 takes its own intrinsics' undefined registers for uninitialized variables.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "bench/roof/loop_inl.h"

namespace bluestem::bench {
namespace {

struct Op {
  using Vector = __m512i;
  static Vector Load(const uint8_t* from) { return _mm512_load_si512(from); }
  static void Keep(Vector& v) { __asm__ volatile("" : "+v"(v)); }
};

// Four codes of a pixel times those of an output's weights.
struct DotOp : Op {
  static constexpr int64_t kStride = 4;
  static Vector Operand(const uint8_t* codes) { return _mm512_set1_epi32(Word(codes)); }
};

}  // namespace
}  // namespace bluestem::bench
