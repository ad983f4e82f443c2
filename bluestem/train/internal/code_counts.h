// CodeCounts: which codes the layers of a trained network put out, with the artefact's arithmetic,
// on some validation pictures: what of a layer's levels and channels is used.
//
//   dead channel: one whose code never changes, whatever the picture and the place in it
//   saturated:    the share of the codes at the top level, 2^bits - 1
//
// Threads: free functions without state. Ownership: values.
#pragma once

#include <string>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/train/internal/exact.h"
#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

constexpr int64_t kCountedPictures = 256;

struct LayerCodes {
  std::string layer;
  int32_t bits = 0;
  std::vector<int64_t> counts;  // by code, 2^bits
  int64_t channels = 0;
  int64_t dead_channels = 0;
  double Share(size_t code) const;
  double Saturated() const { return Share(counts.size() - 1); }
};

struct CodeCounts {
  int64_t images = 0;
  std::vector<LayerCodes> layers;  // those that put out codes, in block order
};

// Over at most kCountedPictures pictures, spread evenly over the cache.
CodeCounts CountCodes(const Module& module, const data::PixelCache& cache);

// codes.json (docs/formats/run_folder.md).
std::string CodeCountsToJson(const CodeCounts& counts);
// A histogram a layer, "codes/LAYER".
Status LogCodes(const CodeCounts& counts, const RunPaths& paths, const RunState& state);
// Stacked bars, for report.html; "" where no layer puts out codes.
std::string CodesSection(const CodeCounts& counts);

}  // namespace bluestem::train
