#include "bluestem/train/internal/batches.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "bluestem/image/image.h"

namespace bluestem::train {

void NormalizeBatch(image::Normalize normalize, int64_t count, int64_t size, const uint8_t* pixels,
                    std::vector<float>& images) {
  images.resize(static_cast<size_t>(count * size));
  if (normalize == image::Normalize::kPerImageStandardization) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; ++i) {
      Tensor image(DType::kU8, {size, 1, 1});
      std::memcpy(image.raw(), pixels + i * size, static_cast<size_t>(size));
      const Tensor real = image::NormalizePixels(image, normalize);
      std::copy(real.data<float>(), real.data<float>() + size, images.begin() + i * size);
    }
    return;
  }
  std::array<float, 256> table{};
  for (size_t v = 0; v < table.size(); ++v) {
    table[v] =
        static_cast<float>(v) / (normalize == image::Normalize::kDivideBy255 ? 255.0F : 1.0F);
  }
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count * size; ++i) images[static_cast<size_t>(i)] = table[pixels[i]];
}

void CopyPixels(const data::PixelCache& cache, const std::vector<int64_t>& order, int64_t first,
                int64_t count, std::vector<uint8_t>& pixels) {
  const int64_t size = cache.picture_bytes();
  pixels.resize(static_cast<size_t>(count * size));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = order.empty() ? first + i : order[static_cast<size_t>(first + i)];
    std::memcpy(pixels.data() + i * size, cache.Pixels(index), static_cast<size_t>(size));
  }
}

}  // namespace bluestem::train
