// Without oneDNN's headers: says so.
#ifndef BLUESTEM_HAS_ONEDNN

#include "bluestem/runtime/onednn/conv.h"

namespace bluestem::runtime {
namespace {

constexpr const char* kAbsent = "built without oneDNN: tools/setup onednn, then configure again";

}  // namespace

std::string OnednnText() {
  return kAbsent;
}

Result<std::unique_ptr<PreparedConv>> PrepareOnednnConv(const kernels::QConvParams&,
                                                        const ConvConstants&, kernels::IsaSet,
                                                        int32_t) {
  return Error(Code::kUnavailable, "{}", kAbsent);
}

}  // namespace bluestem::runtime

#endif  // BLUESTEM_HAS_ONEDNN
