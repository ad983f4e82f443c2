// A group of ranks behind one of c10d's backends, for tensors in the CPU's memory.
//
// Gloo and MPI work there. NCCL works on a CUDA device: each call sends the values there and brings
// the result back, and notices a rank that has died only when the timeout is over. Threads: one
// thread. Ownership: owns the group.
#pragma once

#include <chrono>
#include <memory>

#include "bluestem/train/internal/ranks.h"

// The header is empty without it; LibTorch's CMake sets it where Gloo is in the library.
#ifndef USE_C10D_GLOO
#error "LibTorch was built without Gloo (USE_C10D_GLOO)"
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#include <ATen/core/ivalue.h>

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/csrc/distributed/c10d/Types.hpp>
#pragma GCC diagnostic pop

namespace bluestem::train {

class Collective {
 public:
  virtual ~Collective() = default;
  // Replaces `values` by the ranks' sum or greatest, or by rank 0's. Throws what c10d does.
  virtual void Reduce(at::Tensor values, c10d::ReduceOp::RedOpType operation) = 0;
  virtual void Broadcast(at::Tensor values) = 0;
};

// Throws what c10d does. Requires: the backend is built.
std::unique_ptr<Collective> MakeCollective(const config::RankPlace& place,
                                           const c10::intrusive_ptr<c10d::Store>& store,
                                           const Transport& transport,
                                           std::chrono::seconds timeout);

}  // namespace bluestem::train
