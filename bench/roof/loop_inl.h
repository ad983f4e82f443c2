// The loop of a Roof. Included by the files of the instruction sets, which have flags of their own.
//
// An Op has: Vector; kPixels, kRegisters (of weights); kStride, bytes from one operand to the next;
// Operand(codes); Product(sum, operand, weights), which adds to sum.
#pragma once

#include <cstring>

#include "bench/roof/roof.h"

namespace bluestem::bench {
// Unnamed although in a header: each instruction set's file must have its own copy.
namespace {

// Four codes, for one output's four products.
inline int32_t Word(const uint8_t* codes) {
  int32_t word;
  std::memcpy(&word, codes, sizeof(word));
  return word;
}

// Sums of two registers of weights are apart: an array of arrays would be in memory.
template <class Op>
struct Sums {
  typename Op::Vector first[Op::kPixels], second[Op::kPixels];
};

// One step: a register of weights or two, and the pixels' operands.
template <class Op, Operands kOperands>
inline __attribute__((always_inline)) void Step(Sums<Op>& sums, typename Op::Vector (&w)[2],
                                                typename Op::Vector& x, const uint8_t* weights,
                                                const uint8_t* codes) {
  if constexpr (kOperands != Operands::kRegisters) {
    w[0] = Op::Load(weights);
    if constexpr (Op::kRegisters == 2) w[1] = Op::Load(weights + sizeof(w[0]));
  }
#pragma GCC unroll 16
  for (int pixel = 0; pixel < Op::kPixels; ++pixel) {
    if constexpr (kOperands == Operands::kRegisters) {
      Op::Keep(x);
    } else {
      x = Op::Operand(codes + pixel * Op::kStride);
    }
    // Kept: otherwise all products come before all additions, and do not fit the registers.
    Op::Product(sums.first[pixel], x, w[0]);
    Op::Keep(sums.first[pixel]);
    if constexpr (Op::kRegisters == 2) {
      Op::Product(sums.second[pixel], x, w[1]);
      Op::Keep(sums.second[pixel]);
    }
  }
}

template <class Op, Operands kOperands>
void Passes(int64_t passes, const uint8_t* weights, const uint8_t* codes) {
  constexpr int64_t kBytes = Op::kRegisters * int64_t{sizeof(typename Op::Vector)};
  constexpr int64_t kMask = (kOperands == Operands::kSecondLevel ? kWeightBytes : kCodeBytes) - 1;
  Sums<Op> sums;
#pragma GCC unroll 16
  for (int pixel = 0; pixel < Op::kPixels; ++pixel) {
    sums.first[pixel] = sums.second[pixel] = typename Op::Vector{};
  }
  typename Op::Vector w[2] = {Op::Load(weights), Op::Load(weights + kBytes)};
  typename Op::Vector x = Op::Operand(codes);
  for (int64_t pass = 0; pass < passes; ++pass) {
    const uint8_t* from = weights + (pass * (kRoofSteps * kBytes) & kMask);
#pragma GCC unroll 4
    for (int step = 0; step < kRoofSteps; ++step) {
      Step<Op, kOperands>(sums, w, x, from + step * kBytes,
                          codes + step * (Op::kPixels * Op::kStride));
    }
  }
}

template <class Op>
void Run(Operands operands, int64_t passes, const uint8_t* weights, const uint8_t* codes) {
  switch (operands) {
    case Operands::kRegisters: return Passes<Op, Operands::kRegisters>(passes, weights, codes);
    case Operands::kFirstLevel: return Passes<Op, Operands::kFirstLevel>(passes, weights, codes);
    case Operands::kSecondLevel: return Passes<Op, Operands::kSecondLevel>(passes, weights, codes);
  }
}

}  // namespace
}  // namespace bluestem::bench
