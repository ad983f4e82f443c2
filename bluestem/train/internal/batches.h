// Pixels to network input for training: u8 [n, h, w, c] to f32, the same values as
// image::NormalizePixels gives. Threads: free functions, OpenMP inside. Ownership: the caller's
// buffers.
#pragma once

#include <cstdint>
#include <vector>

#include "bluestem/data/cache.h"
#include "bluestem/image/spec.h"

namespace bluestem::train {

// Writes [count, size] f32 for [count, size] pixels; size = h*w*c of one image.
void NormalizeBatch(image::Normalize normalize, int64_t count, int64_t size, const uint8_t* pixels,
                    std::vector<float>& images);

// Copies `count` pictures from `first` on (in cache order, or through `order`) into [count, size]
// pixels.
void CopyPixels(const data::PixelCache& cache, const std::vector<int64_t>& order, int64_t first,
                int64_t count, std::vector<uint8_t>& pixels);

}  // namespace bluestem::train
