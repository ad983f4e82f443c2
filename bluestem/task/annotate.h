// The annotated picture of `bluestem run`: the picture, and under it a strip with the most probable
// classes, their probabilities and bars, in another colour where they are answered.
//
// Threads: a pure function.
#pragma once

#include <vector>

#include "bluestem/image/image.h"
#include "bluestem/task/classification.h"

namespace bluestem::task {

// Returns an RGB picture at least 320 pixels wide: `image` (enlarged by a whole factor when small,
// reduced to 1280 at most) above the first `count` of `ranked`, and more (12 at most) where so
// many are answered. Requires: a non-empty image.
image::Image Annotate(const image::Image& image, const std::vector<ClassScore>& ranked,
                      size_t count = 3);

}  // namespace bluestem::task
