#include "bluestem/data/pixels.h"

namespace bluestem::data {

PixelDataset::PixelDataset(Content content) : content_(std::move(content)) {
  const int64_t bytes = int64_t{content_.height} * content_.width * content_.channels;
  BLUESTEM_CHECK(static_cast<int64_t>(content_.pixels.size()) == size() * bytes,
                 "pixels fill the samples");
  int64_t named = 0;
  for (const PixelSource& source : content_.sources) named += source.count;
  BLUESTEM_CHECK(named == size(), "each sample has a name");
}

Result<Sample> PixelDataset::Get(int64_t index) const {
  const int32_t label = Label(index);
  const int64_t bytes = int64_t{content_.height} * content_.width * content_.channels;
  const auto begin = content_.pixels.begin() + index * bytes;
  return Sample{{content_.height, content_.width, content_.channels,
                 std::vector<uint8_t>(begin, begin + bytes)},
                label,
                Name(index)};
}

int32_t PixelDataset::Label(int64_t index) const {
  BLUESTEM_CHECK(index >= 0 && index < size(), "index");
  return content_.labels[static_cast<size_t>(index)];
}

std::string PixelDataset::Name(int64_t index) const {
  int64_t local = index;
  for (const PixelSource& source : content_.sources) {
    if (local < source.count) return fmt::format("{}#{}", source.name, local);
    local -= source.count;
  }
  return fmt::format("#{}", index);
}

}  // namespace bluestem::data
