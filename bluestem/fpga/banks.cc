#include "bluestem/fpga/banks.h"

#include <algorithm>
#include <vector>

namespace bluestem::fpga {

std::optional<int32_t> Banks::Place(int32_t words, int32_t capacity) const {
  std::vector<std::pair<int32_t, int32_t>> taken;
  for (const auto& [key, held] : held_) taken.emplace_back(held.base, held.layout.words());
  std::sort(taken.begin(), taken.end());
  int32_t at = 0;
  for (const auto& interval : taken) {
    if (at + words <= interval.first) break;
    at = std::max(at, interval.first + interval.second);
  }
  if (at + words > capacity) return std::nullopt;
  return at;
}

const Held* Banks::Find(const HeldKey& key) const {
  const auto found = held_.find(key);
  return found == held_.end() ? nullptr : &found->second;
}

const Held& Banks::Hold(const HeldKey& key, const Held& held) {
  return held_.emplace(key, held).first->second;
}

void Banks::Forget(int32_t picture, size_t stage) {
  std::erase_if(held_, [&](const auto& entry) {
    return entry.first.picture == picture && entry.second.last_use <= stage;
  });
}

}  // namespace bluestem::fpga
