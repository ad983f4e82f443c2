#include <algorithm>

#include "bluestem/image/image.h"

namespace bluestem::image {
namespace {

constexpr int kWeightBits = 11;
constexpr int32_t kOne = 1 << kWeightBits;

// The two source positions that make target i, and the weight of the second, of kOne.
struct Tap {
  int32_t first;
  int32_t second;
  int32_t weight;
};

std::vector<Tap> BilinearTaps(int64_t in, int64_t out) {
  std::vector<Tap> taps;
  taps.reserve(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const int64_t position = (2 * i + 1) * in - out;  // in units of 1 / (2 out)
    if (position <= 0) {
      taps.push_back({0, 0, 0});
      continue;
    }
    const int64_t first = position / (2 * out);
    const int64_t weight = (position % (2 * out) * kOne + out) / (2 * out);
    taps.push_back({static_cast<int32_t>(std::min(first, in - 1)),
                    static_cast<int32_t>(std::min(first + 1, in - 1)),
                    static_cast<int32_t>(weight)});
  }
  return taps;
}

void ResizeBilinear(const Image& source, Image& target) {
  const std::vector<Tap> rows = BilinearTaps(source.height, target.height);
  const std::vector<Tap> columns = BilinearTaps(source.width, target.width);
  const auto channels = static_cast<size_t>(source.channels);
  const size_t stride = static_cast<size_t>(source.width) * channels;
  uint8_t* out = target.pixels.data();
  for (const Tap& row : rows) {
    const uint8_t* top = source.pixels.data() + static_cast<size_t>(row.first) * stride;
    const uint8_t* bottom = source.pixels.data() + static_cast<size_t>(row.second) * stride;
    for (const Tap& column : columns) {
      const size_t left = static_cast<size_t>(column.first) * channels;
      const size_t right = static_cast<size_t>(column.second) * channels;
      for (size_t c = 0; c < channels; ++c) {
        const int32_t above =
            top[left + c] * (kOne - column.weight) + top[right + c] * column.weight;
        const int32_t below =
            bottom[left + c] * (kOne - column.weight) + bottom[right + c] * column.weight;
        // At most 255 * 2^22 + 2^21, below 2^31.
        const int32_t sum = above * (kOne - row.weight) + below * row.weight;
        *out++ = static_cast<uint8_t>((sum + (1 << (2 * kWeightBits - 1))) >> (2 * kWeightBits));
      }
    }
  }
}

template <size_t kChannels>
void ResizeNearest(const Image& source, Image& target) {
  const size_t stride = static_cast<size_t>(source.width) * kChannels;
  std::vector<size_t> columns;  // where in a row of `source`
  for (int64_t x = 0; x < target.width; ++x) {
    const int64_t from_x = (2 * x + 1) * source.width / (2 * int64_t{target.width});
    columns.push_back(static_cast<size_t>(from_x) * kChannels);
  }
  uint8_t* out = target.pixels.data();
  int64_t last_y = -1;
  for (int64_t y = 0; y < target.height; ++y) {
    const int64_t from_y = (2 * y + 1) * source.height / (2 * int64_t{target.height});
    if (from_y == last_y) {
      const size_t bytes = columns.size() * kChannels;
      out = std::copy_n(out - bytes, bytes, out);
      continue;
    }
    last_y = from_y;
    const uint8_t* row = source.pixels.data() + static_cast<size_t>(from_y) * stride;
    for (const size_t column : columns) out = std::copy_n(row + column, kChannels, out);
  }
}

// Calls visit(s, weight) for each source s under target i; the weights sum to `in`.
template <typename Visit>
void ForOverlaps(int64_t i, int64_t in, int64_t out, Visit visit) {
  const int64_t begin = i * in;
  const int64_t end = begin + in;
  for (int64_t s = begin / out; s * out < end; ++s) {
    visit(s, std::min(end, (s + 1) * out) - std::max(begin, s * out));
  }
}

void ResizeArea(const Image& source, Image& target) {
  const auto channels = static_cast<size_t>(source.channels);
  const size_t stride = static_cast<size_t>(source.width) * channels;
  const uint64_t total = static_cast<uint64_t>(source.height) * static_cast<uint64_t>(source.width);
  std::vector<uint64_t> sums(stride);
  uint8_t* out = target.pixels.data();
  for (int64_t y = 0; y < target.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    ForOverlaps(y, source.height, target.height, [&](int64_t s, int64_t weight) {
      const uint8_t* row = source.pixels.data() + static_cast<size_t>(s) * stride;
      for (size_t i = 0; i < stride; ++i) sums[i] += row[i] * static_cast<uint64_t>(weight);
    });
    for (int64_t x = 0; x < target.width; ++x) {
      for (size_t c = 0; c < channels; ++c) {
        uint64_t sum = total / 2;
        ForOverlaps(x, source.width, target.width, [&](int64_t s, int64_t weight) {
          sum += sums[static_cast<size_t>(s) * channels + c] * static_cast<uint64_t>(weight);
        });
        *out++ = static_cast<uint8_t>(sum / total);
      }
    }
  }
}

}  // namespace

Image Resize(const Image& image, int32_t height, int32_t width, ResizeMethod method) {
  BLUESTEM_CHECK(height > 0 && width > 0 && image.height > 0 && image.width > 0,
                 "sizes are positive");
  if (height == image.height && width == image.width)
    return image;  // every method is the identity here
  Image result{height, width, image.channels, {}};
  result.pixels.resize(static_cast<size_t>(height) * static_cast<size_t>(width) *
                       static_cast<size_t>(image.channels));
  switch (method) {
    case ResizeMethod::kNearest:
      image.channels == 1 ? ResizeNearest<1>(image, result) : ResizeNearest<3>(image, result);
      break;
    case ResizeMethod::kBilinear: ResizeBilinear(image, result); break;
    case ResizeMethod::kArea: ResizeArea(image, result); break;
  }
  return result;
}

}  // namespace bluestem::image
