// tensors: what a Session checks about threads and inputs, and the outputs it makes.
#pragma once

#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/program/program.h"

namespace bluestem::runtime {

// Errors: kInvalidArgument for a wrong count, dtype or shape, naming the tensor with both.
Status CheckInputs(const std::vector<program::TensorInfo>& infos,
                   const std::vector<Tensor>& tensors);

// Returns how many threads `asked` means. Errors: kInvalidArgument, saying what is allowed.
Result<int32_t> CheckThreads(int32_t asked);

// Returns zero-filled tensors of `infos`.
std::vector<Tensor> MakeTensors(const std::vector<program::TensorInfo>& infos);

}  // namespace bluestem::runtime
