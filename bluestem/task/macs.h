// Multiply-accumulates by bit width, as run folders and reports tell them. Threads: free
// functions. Ownership: values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::task {

// By the bits of weights and of what they are multiplied with, "w1a2"; the most first.
using Macs = std::vector<std::pair<std::string, int64_t>>;

// Adds so many of these bits.
inline void AddMacs(const std::string& bits, int64_t count, Macs& macs) {
  const auto at =
      std::find_if(macs.begin(), macs.end(), [&](const auto& of) { return of.first == bits; });
  if (at == macs.end()) {
    macs.emplace_back(bits, count);
  } else {
    at->second += count;
  }
}
// Puts the most first.
inline void SortMacs(Macs& macs) {
  std::stable_sort(macs.begin(), macs.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
}

// "98.9 MMAC w1a2, 1.2 w1a8".
inline std::string MacsText(const Macs& macs) {
  std::string text;
  for (const auto& [bits, count] : macs) {
    const double millions = static_cast<double>(count) / 1e6;
    text += (text.empty() ? "" : ", ") +
            (millions < 1 ? fmt::format("{:.3g}", millions) : fmt::format("{:.1f}", millions)) +
            (text.empty() ? " MMAC " : " ") + bits;
  }
  return text;
}

}  // namespace bluestem::task
