// The contract between the two halves of an artefact: model.cc, which is generated, says what the
// model is and runs its calls; session.cc, the same in every artefact, gives it the C interface of
// edge/model_abi.h.
//
// Threads: a Model is constant. Ownership: everything lives as long as the library. Copied into
// artefacts: no dependency but libc.
#pragma once

#include <stdint.h>
#include <time.h>

#include "bluestem/edge/conv_parts.h"
#include "bluestem/edge/model_abi.h"
#include "bluestem/edge/row_parts.h"
#include "bluestem/kernels/isa.h"

namespace bluestem::artefact {

// What a session gives to the model's calls. `arena` and `constants` are 64-byte aligned, inputs
// and outputs as their elements need.
struct Memory {
  uint8_t* arena;
  const uint8_t* constants;
  const uint8_t* const* in;
  uint8_t* const* out;
  edge::Workers workers;
};

// Nanoseconds of each call: Tick(i) after call i. Without room for them it does nothing.
class Stopwatch {
 public:
  explicit Stopwatch(int64_t* nanoseconds) : nanoseconds_(nanoseconds) {
    if (nanoseconds_ != nullptr) last_ = Now();
  }
  void Tick(int32_t call) {
    if (nanoseconds_ == nullptr) return;
    const int64_t now = Now();
    nanoseconds_[call] = now - last_;
    last_ = Now();
  }

 private:
  static int64_t Now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
  }
  int64_t* nanoseconds_;
  int64_t last_ = 0;
};

// One call, for profiles.
struct Op {
  const char* name;
  int32_t x_bits, w_bits;  // 0: real values
  int64_t macs;
};

struct Model {
  const char* name;
  const char* hash;
  const char* tool_version;
  int32_t input_count, output_count, op_count;
  const bluestem_tensor_info* inputs;
  const bluestem_tensor_info* outputs;
  const Op* ops;
  const uint8_t* constants;
  int64_t constant_bytes;
  int64_t arena_bytes;
  int64_t kernels_bytes;  // of the model's own table of chosen kernels
  // Chooses each call's kernel among `isas` into `kernels`.
  void (*select)(kernels::IsaSet isas, void* kernels);
  // Returns the scratch that one of `threads` threads needs for its part of any call.
  size_t (*scratch_bytes)(const void* kernels, int32_t threads);
  // Returns the symbol of the kernel that call `op` runs.
  const char* (*symbol)(const void* kernels, int32_t op);
  void (*run)(const void* kernels, const Memory& memory, Stopwatch watch);
};

extern const Model kModel;  // in model.cc

}  // namespace bluestem::artefact
