// conv_parts: one convolution on the threads of a session. Templates over a family's row, params
// and args, so that an artefact carries the families that it uses and no other.
//
// Threads: as thread_pool.h. Memory: the caller's. Copied into artefacts: no dependency but libc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bluestem/edge/workers.h"
#include "bluestem/kernels/part_inl.h"

namespace bluestem::edge {

// Returns in how many parts a call is worth cutting. A part should outweigh its waking (half a
// microsecond) and what it prepares twice (the rows under its first kernel): some 5 microseconds.
// More parts than threads would balance cores of unlike speed, but cost 5 to 9 % on LmnetV1.
// Work is counted in units of a multiply-add of one bit; an output costs some 64 of them besides,
// for its threshold or its scale; a multiply-add in f32 costs 16.
template <typename Params>
int32_t PartCount(const Params& p, int32_t threads) {
  constexpr int64_t kWorkOfAPart = int64_t{1} << 19;
  constexpr int64_t kOutput = 64, kReal = 16;
  int64_t terms = int64_t{p.kernel_h} * p.kernel_w * (p.ci / p.groups);
  if constexpr (!requires { p.w_bits; }) terms *= kReal;
  const int64_t parts = int64_t{p.ho} * p.wo * p.co * (terms + kOutput) / kWorkOfAPart;
  return parts < 2 ? 1 : parts < threads ? static_cast<int32_t>(parts) : threads;
}

// Returns whether the parts are of outputs, not of rows.
template <typename Kernel, typename Params>
bool CutsOutputs(const Kernel& kernel, const Params& params, int32_t parts) {
  if constexpr (requires { kernel.cuts_outputs; }) {
    return kernel.cuts_outputs != nullptr && kernel.cuts_outputs(params, parts);
  }
  return false;
}

// Makes a whole call part `part` of `parts`, of outputs or of rows.
template <typename Params, typename Args>
bool Take([[maybe_unused]] bool outputs, int32_t part, int32_t parts, Params& params, Args& args) {
  if constexpr (requires { args.y_channels; }) {
    if (outputs) return TakeOutputs(part, parts, params, args);
  }
  return TakePart(part, parts, params, args);
}

// Returns the larger of `most` and what a part of the call asks for as scratch.
template <typename Kernel, typename Params>
size_t PartScratch(const Kernel& kernel, const Params& whole, int32_t threads, size_t most) {
  if constexpr (requires { kernel.scratch_bytes(whole); }) {
    const int32_t parts = PartCount(whole, threads);
    const bool outputs = parts > 1 && CutsOutputs(kernel, whole, parts);
    for (int32_t part = 0; part < parts; ++part) {
      Params params = whole;
      if (outputs) {
        TakeOutputShape(part, parts, params);
      } else if (parts > 1) {
        kernels::TakeShape(part, parts, params);
      }
      if (params.ho == 0 || params.wo == 0) continue;
      const size_t bytes = (kernel.scratch_bytes(params) + 63) / 64 * 64;
      if (bytes > most) most = bytes;
    }
  }
  return most;
}

// Runs the call, in parts where that pays, in the workers' scratch. The outputs have the same bits
// whatever the threads.
template <typename Kernel, typename Params, typename Args>
void RunConv(const Workers& workers, const Kernel& kernel, const Params& params, const Args& args) {
  const int32_t parts = workers.pool == nullptr ? 1 : PartCount(params, workers.threads);
  if (parts == 1) {
    Args own = args;
    if constexpr (requires { own.scratch; }) own.scratch = workers.scratch;
    return kernel.run(params, own);
  }
  const Kernel* const row = &kernel;
  const Params* const whole = &params;
  const bool outputs = CutsOutputs(kernel, params, parts);
  uint8_t* const scratch = workers.scratch;
  const size_t scratch_bytes = workers.scratch_bytes;
  RunInParts(workers.pool, parts, [=](int32_t part, int32_t worker) {
    Params part_params = *whole;
    Args part_args = args;
    if (!Take(outputs, part, parts, part_params, part_args)) return;
    if constexpr (requires { part_args.scratch; }) {
      part_args.scratch = scratch + static_cast<size_t>(worker) * scratch_bytes;
    }
    row->run(part_params, part_args);
  });
}

}  // namespace bluestem::edge
