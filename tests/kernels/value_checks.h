// value_checks: that the f32 functions which are computed and not looked up (exp, log, softmax,
// pow, square root, quantization) have the same bits on every machine. Without gtest.
#pragma once

#include <cstdint>
#include <string>

namespace bluestem::kernels {

// A hash of the results of every op on a wide grid of arguments, denormals included.
uint64_t ValueHash();

// Returns "" if the hash is the one that is on record, else both.
std::string CheckValueBits();

}  // namespace bluestem::kernels
