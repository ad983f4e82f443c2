// Whole ratios: what lets a block with a code_shortcut work on integers. Per channel its norm gives
//
//   value = A acc + b + S code,  A = scale gamma / sqrt(variance + epsilon)
//
// with acc the integer sum, `scale` what one of acc is worth, S the step of the codes that are
// added. Where S / A = r is whole, value = A (acc + r code) + b, and a quantizer of it is
// thresholds of acc + r code. So
//
//   gamma' = gamma (S / A) / r   r = S / A rounded, its size at least 1 and at most kGreatestRatio
//   beta'  = beta - d A'         |d| <= 1/2: the thresholds (bound of the quantizer - b) / A' lie
//   as
//                                far from integers as one shift of all allows
//
// gamma' changes the weight of a code by at most half of what one of acc is worth (more where r is
// bounded); acc's mean stays where it was. Where both quantizers have one step, all thresholds have
// one fraction, d makes it 1/2, and beta' changes no code. The distance is more than what f32's
// roundings add up to (rule 4 of bluestem/ir/ops/README.md), so rules 3 and 4 give the same codes,
// and the thresholds at code c are those at code 0 less r c.
//
// Training itself uses gamma and beta as they are.
//
// Threads: free functions without state.
#pragma once

#include "bluestem/train/internal/exact.h"

namespace bluestem::train {

constexpr double kGreatestRatio = 2047;

// Returns true if block i adds codes to integer sums and makes codes of them.
bool AddsCodesToSums(const Network& network, size_t i);
// Changes gamma and beta of such a block as above. Changes nothing, and returns false, where the
// thresholds of a channel leave too little distance: many levels of steps that were learned apart,
// or a channel whose weights are 0. Requires: gamma is filled.
bool MakeRatiosWhole(const Network& network, size_t i, BlockConstants& constants);

}  // namespace bluestem::train
