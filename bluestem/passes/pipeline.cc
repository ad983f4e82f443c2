#include <algorithm>
#include <chrono>

#include "bluestem/passes/catalogue.h"

namespace bluestem::passes {

const std::vector<Pass>& Pipeline() {
  static const std::vector<Pass> passes = {
      {"dead_code", "every node and value is read", RemoveDeadCode},
      {"fold_constants", "no node but a weight quantizer has only constant inputs", FoldConstants},
      {"layout", "images are [n,h,w,c] and no op has layout NCHW", MakeNhwc},
      {"fold_moved_constants", "the transposes of constants are gone", FoldConstants},
      {"weight_quantizers", "quantizers of weights stand directly on constants",
       MoveWeightQuantizers},
      {"remove_identities",
       "every node changes something; no two movements of a kind follow each other",
       RemoveIdentities},
      {"merge_duplicates", "no two nodes compute the same", MergeDuplicates},
      {"fuse_conv", "constant sums after and zero pads before a convolution are part of it",
       FuseConv},
      {"dense_to_conv", "every matrix product is a 1x1 convolution", DenseToConv},
      {"dense_weights", "quantizers of the new weights stand directly on constants",
       MoveWeightQuantizers},
      {"dense_constants", "the new weights without quantizers are constants", FoldConstants},
      {"fuse_dense", "constant sums after a matrix product are part of it", FuseConv},
      {"raise_elementwise", "quantizers and what they quantize stand above movements",
       RaiseElementwise},
      {"fuse_raised", "constant sums that rose to a convolution are part of it", FuseConv},
      {"join_movements", "no two movements of a kind follow each other", RemoveIdentities},
      {"integer_input", "an input that is made of bytes is u8", MakeIntegerInputs},
      {"quantizers_to_codes", "activation quantizers are Quantize and Dequantize",
       QuantizersToCodes},
      {"lookup", "ops on one element from codes to codes are tables", MakeLookups},
      {"move_codes", "movements of codes move bytes", MoveCodes},
      {"quantize_conv", "every convolution of codes with integer weights is a QConv", QuantizeConv},
      {"fold_weights", "the weights of f32 convolutions are constants", FoldWeights},
      {"last_dead_code", "every node and value is read", RemoveDeadCode},
      {"last_identities", "every node changes something", RemoveIdentities},
      {"last_duplicates", "no two nodes compute the same", MergeDuplicates},
      {"split_batch", "convolutions and pools read one image, but of more than 256", SplitBatch},
  };
  return passes;
}

Status Run(ir::Graph& graph, const Options& options, std::vector<Decision>& decisions) {
  for (const std::string& name : options.disabled) {
    const auto is_named = [&](const Pass& pass) { return name == pass.name; };
    if (std::none_of(Pipeline().begin(), Pipeline().end(), is_named)) {
      std::string known;
      for (const Pass& pass : Pipeline())
        known += std::string(known.empty() ? "" : ", ") + pass.name;
      return Error(Code::kInvalidArgument, "there is no pass \"{}\"; the passes are {}", name,
                   known);
    }
  }
  BLUESTEM_RETURN_IF_ERROR(ir::Verify(graph));
  PassContext context{&options, &decisions};
  for (const Pass& pass : Pipeline()) {
    if (std::count(options.disabled.begin(), options.disabled.end(), pass.name) != 0) continue;
    const auto start = std::chrono::steady_clock::now();
    auto changes = pass.run(graph, context);
    if (!changes.ok()) return changes.status().At(fmt::format("pass {}", pass.name));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const Status verified = ir::Verify(graph);
    if (!verified.ok()) {
      return Error(Code::kInternal, "pass {} broke the graph: {}", pass.name, verified.message());
    }
    if (options.observer) options.observer(pass.name, graph, seconds.count(), *changes);
  }
  return OkStatus();
}

}  // namespace bluestem::passes
