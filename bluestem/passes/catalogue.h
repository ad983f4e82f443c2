// The pass functions, one a row of pipeline.cc, whose contract column says what holds after each.
// In the order of the pipeline. All take and leave a graph that ir::Verify accepts and return the
// number of changes.
#pragma once

#include "bluestem/passes/passes.h"

namespace bluestem::passes {

// Changes: nodes without readers, unused values. Needs: nothing.
Result<int> RemoveDeadCode(ir::Graph& graph, PassContext& context);
// Changes: nodes of constants into constants, except quantizers that lead to weights. Needs:
// nothing.
Result<int> FoldConstants(ir::Graph& graph, PassContext& context);
// Changes: Identity and movements that move nothing; pairs of Transpose or Reshape into one. Needs:
// nothing.
Result<int> RemoveIdentities(ir::Graph& graph, PassContext& context);
// Changes: of nodes with equal op, inputs and attributes all but the first. Needs: nothing.
Result<int> MergeDuplicates(ir::Graph& graph, PassContext& context);
// Changes: Transpose, Reshape of quantized constants into quantizers of moved constants. Needs:
// fold_constants.
Result<int> MoveWeightQuantizers(ir::Graph& graph, PassContext& context);
// Changes: everything that is channels-first. After: no node has layout NCHW. Needs: constants
// folded.
Result<int> MakeNhwc(ir::Graph& graph, PassContext& context);
// Changes: Dense into 1x1 Conv between Reshapes. Needs: weight quantizers directly on constants.
Result<int> DenseToConv(ir::Graph& graph, PassContext& context);
// Changes: constant Add after Conv into its bias, zero Pad before Conv into its pads. Needs: NHWC.
Result<int> FuseConv(ir::Graph& graph, PassContext& context);
// Changes: elementwise ops and quantizers rise above movements and maxima. Needs: NHWC.
Result<int> RaiseElementwise(ir::Graph& graph, PassContext& context);
// Changes: f32 inputs that are known to be codes into u8 inputs. Needs: NHWC.
Result<int> MakeIntegerInputs(ir::Graph& graph, PassContext& context);
// Changes: activation quantizers into Quantize + Dequantize. After: no Quant or BinaryQuant but of
// weights.
Result<int> QuantizersToCodes(ir::Graph& graph, PassContext& context);
// Changes: movements of dequantized codes into movements of codes. Needs: quantizers_to_codes.
Result<int> MoveCodes(ir::Graph& graph, PassContext& context);
// Changes: unary chains from codes to codes into one table. Needs: quantizers_to_codes.
Result<int> MakeLookups(ir::Graph& graph, PassContext& context);
// Changes: Conv of codes with integer weights into QConv. Needs: all above.
Result<int> QuantizeConv(ir::Graph& graph, PassContext& context);
// Changes: the quantizers of weights that stayed real into constants. Needs: quantize_conv.
Result<int> FoldWeights(ir::Graph& graph, PassContext& context);
// Changes: convolutions and pools of a batch into one an image, and what follows image by image.
// Needs: all above.
Result<int> SplitBatch(ir::Graph& graph, PassContext& context);

}  // namespace bluestem::passes
