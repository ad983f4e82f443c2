#include "bluestem/runtime/tensors.h"

#include "bluestem/edge/thread_pool.h"

namespace bluestem::runtime {

Status CheckInputs(const std::vector<program::TensorInfo>& infos,
                   const std::vector<Tensor>& tensors) {
  if (tensors.size() != infos.size()) {
    return Error(Code::kInvalidArgument, "the model has {} inputs; got {} tensors", infos.size(),
                 tensors.size());
  }
  for (size_t i = 0; i < infos.size(); ++i) {
    const program::TensorInfo& info = infos[i];
    if (tensors[i].dtype() != info.dtype || tensors[i].shape() != info.shape) {
      return Error(Code::kInvalidArgument, "input '{}': got {} {}; the model expects {} {}",
                   info.name, DTypeName(tensors[i].dtype()), ShapeText(tensors[i].shape()),
                   DTypeName(info.dtype), ShapeText(info.shape));
    }
  }
  return OkStatus();
}

Result<int32_t> CheckThreads(int32_t asked) {
  const int32_t threads = edge::ResolveThreads(asked);
  if (threads >= 1) return threads;
  return Error(Code::kInvalidArgument, "{} threads; expected 1..{}, or 0 for one a core", asked,
               edge::kMaxThreads);
}

std::vector<Tensor> MakeTensors(const std::vector<program::TensorInfo>& infos) {
  std::vector<Tensor> tensors;
  tensors.reserve(infos.size());
  for (const program::TensorInfo& info : infos) tensors.emplace_back(info.dtype, info.shape);
  return tensors;
}

}  // namespace bluestem::runtime
