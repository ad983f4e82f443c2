// What our networks have in common: blocks of 1-bit weights, the last layer, the default width.
//
// Threads: free functions without state. Ownership: values.
#pragma once

#include <string>

#include "bluestem/train/networks/network.h"

namespace bluestem::train {

// network.width, or 32: channels of the first stage.
int64_t WidthOf(const config::Experiment& experiment);
// 3x3, gamma 1: then pools commute with norm and quantizer, and a shortcut counts as much as the
// sums that it is added to.
Block Body(const std::string& name, int64_t channels);
// Appends 1x1 to the classes, 8-bit weights. Its input may be dropped out.
std::vector<Block> End(std::vector<Block> blocks, int64_t classes, float gain);

}  // namespace bluestem::train
