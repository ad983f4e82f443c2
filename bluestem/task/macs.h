// Multiply-accumulates by bit width, as run folders and reports tell them. Threads: a free
// function. Ownership: values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::task {

// By the bits of weights and of what they are multiplied with, "w1a2"; the most first.
using Macs = std::vector<std::pair<std::string, int64_t>>;

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
