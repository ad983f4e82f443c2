// PreprocessSpec: how an image file becomes what a network reads. One description, one
// implementation (image/image.h), used in training, evaluation, prediction and the host of an
// artefact. It stands in meta.yaml as PRE_PROCESSOR.
#pragma once

#include <cstdint>

namespace bluestem::image {

enum class ResizeMethod : uint8_t { kNearest, kBilinear, kArea };

// How u8 pixels become network input.
enum class Normalize : uint8_t {
  kDivideBy255,  // pixel / 255; the network may read the u8 pixel itself (scale 1/255, zero point
                 // 0)
  kPerImageStandardization,  // (pixel - mean) / max(std, 1/sqrt(count)) over the whole image;
                             // always f32
  kNone,                     // the pixel's value, 0..255; codes with scale 1
};

struct PreprocessSpec {
  int32_t height = 32;
  int32_t width = 32;
  int32_t channels = 3;  // 1 (grey: ITU-R BT.601 luma) or 3 (RGB)
  ResizeMethod resize = ResizeMethod::kBilinear;
  Normalize normalize = Normalize::kDivideBy255;
  bool operator==(const PreprocessSpec&) const = default;
};

}  // namespace bluestem::image
