// windows_check: EncodeWindows against its definition, over random convolutions. Without gtest, so
// that other CPUs can run it too (tests/kernels/cross.sh).
#pragma once

#include <string>

namespace bluestem::fpga {

// Returns "" if every word is right and nothing else was written, else the first that is not.
std::string CheckWindows();

}  // namespace bluestem::fpga
