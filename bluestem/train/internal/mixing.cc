#include "bluestem/train/internal/mixing.h"

#include <algorithm>
#include <cmath>

#include "bluestem/base/rng.h"

namespace bluestem::train {
namespace {

// Johnk's rejection: for alpha up to 1 at least every second pair is taken.
double Beta(double alpha, Rng& rng) {
  while (true) {
    const double x = std::pow(rng.Unit(), 1.0 / alpha), y = std::pow(rng.Unit(), 1.0 / alpha);
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

void Blend(float share, int64_t size, float* a, float* b) {
  for (int64_t k = 0; k < size; ++k) {
    const float x = a[k], y = b[k];
    a[k] = share * x + (1.0F - share) * y;
    b[k] = share * y + (1.0F - share) * x;
  }
}

struct Box {
  int64_t top, bottom, left, right;
};

// A box of (1 - share) of the area around a random point, clipped to the picture.
Box DrawBox(double share, const MapSize& size, Rng& rng) {
  const double side = std::sqrt(1.0 - share);
  const auto span = [&](int64_t extent) {
    const auto middle = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(extent)));
    const auto half = static_cast<int64_t>(side * static_cast<double>(extent) / 2);
    return std::pair(std::max<int64_t>(0, middle - half), std::min(extent, middle + half));
  };
  const auto [top, bottom] = span(size.h);
  const auto [left, right] = span(size.w);
  return {top, bottom, left, right};
}

void Exchange(const Box& box, const MapSize& size, float* a, float* b) {
  for (int64_t y = box.top; y < box.bottom; ++y) {
    const int64_t at = (y * size.w + box.left) * size.c, n = (box.right - box.left) * size.c;
    std::swap_ranges(a + at, a + at + n, b + at);
  }
}

}  // namespace

Mix MixBatch(const config::AugmentationConfig& config, uint64_t seed, uint64_t step, int64_t count,
             const MapSize& size, const int32_t* labels, float* images) {
  if (config.mixup <= 0 && config.cutmix <= 0) return {};
  Rng rng(seed, 0x6d6978, step);
  const bool cut = config.mixup <= 0 || (config.cutmix > 0 && rng.Unit() < 0.5);
  Mix mix{.others = {labels, labels + count},
          .share = Beta(cut ? config.cutmix : config.mixup, rng)};
  std::reverse(mix.others.begin(), mix.others.end());
  const Box box = DrawBox(mix.share, size, rng);
  const int64_t picture = size.h * size.w * size.c;
  for (int64_t i = 0; i < count / 2; ++i) {
    float *a = images + i * picture, *b = images + (count - 1 - i) * picture;
    if (cut) {
      Exchange(box, size, a, b);
    } else {
      Blend(static_cast<float>(mix.share), picture, a, b);
    }
  }
  if (cut) {
    const int64_t area = (box.bottom - box.top) * (box.right - box.left);
    mix.share = 1.0 - static_cast<double>(area) / static_cast<double>(size.h * size.w);
  }
  return mix;
}

std::vector<float> MixMarks(const Mix& mix, const data::PixelCache& cache,
                            const std::vector<int64_t>& indices) {
  if (!cache.multi_label()) return {};
  const size_t count = indices.size(), classes = cache.classes().size();
  const auto share = static_cast<float>(mix.share);
  std::vector<float> marks;
  marks.reserve(count * classes);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* own = cache.Marks(indices[i]);
    const uint8_t* other = cache.Marks(indices[mix.others.empty() ? i : count - 1 - i]);
    for (size_t k = 0; k < classes; ++k) {
      const float one = own[k] != 0 ? share : 1.0F - share;  // where only one of the two has it
      marks.push_back(own[k] == other[k] ? static_cast<float>(own[k]) : one);
    }
  }
  return marks;
}

}  // namespace bluestem::train
