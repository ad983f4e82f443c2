#include "bluestem/train/internal/arithmetic.h"

#include "bluestem/edge/cpu_features.h"
#include "bluestem/train/internal/integer_block.h"

namespace bluestem::train {

Result<std::string> ChooseArithmetic(const config::Experiment& experiment, int64_t classes) {
  const std::string& asked = experiment.train.arithmetic;
  if (asked == "float" || experiment.train.device == "cuda") return std::string("float");
  BLUESTEM_ASSIGN_OR_RETURN(const Network network, MakeNetwork(experiment, classes));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<BlockShape> shapes, Shapes(network));
  std::string refused;
  for (size_t i = 1; i < network.blocks.size(); ++i) {
    const char* reason = RefusesIntegers(network, shapes, i);
    if (reason == nullptr) {
      const bool fast = (edge::CpuIsas() & kernels::IsaBit(kernels::Isa::kAvx2)) != 0;
      return std::string(asked == "integer" || fast ? "integer" : "float");
    }
    if (refused.empty()) refused = network.blocks[i].name + ": " + reason;
  }
  if (asked == "auto") return std::string("float");
  return Error(Code::kInvalidArgument,
               "train.arithmetic: got integer; no convolution of {} can be trained in integers "
               "({}); use auto or float",
               network.name, refused);
}

}  // namespace bluestem::train
