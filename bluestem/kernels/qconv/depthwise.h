// The plan of depthwise's scratch. Included by ISA files: every function has internal linkage.
#pragma once

#include "bluestem/kernels/qconv/band.h"

namespace bluestem::kernels {

struct DepthwisePlan {
  int64_t pad_at, thresholds_at, bytes;
};

static inline DepthwisePlan PlanDepthwise(const QConvParams& p) {
  DepthwisePlan plan;
  plan.pad_at = AlignUp(static_cast<int64_t>(sizeof(int16_t)) * Taps(p) * p.co);
  plan.thresholds_at = plan.pad_at + AlignUp(p.ci);
  plan.bytes = plan.thresholds_at;
  if (Rearranges(p)) {
    plan.bytes += int64_t{p.levels} * CeilDiv(p.co, kQConvBlock) * kQConvBlock *
                  static_cast<int64_t>(sizeof(int32_t));
  } else if (p.epilogue == QConvEpilogue::kThreshold) {
    QConvParams channels = p;
    channels.groups = 1;
    plan.bytes += SearchBytes(channels);
  }
  return plan;
}

}  // namespace bluestem::kernels
