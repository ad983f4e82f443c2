// Products of 64 bits without 128-bit integers, which compilers for 32-bit processors do not have.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>

namespace bluestem {

// Returns a * b - c * d, exact and then rounded once, to the nearest and ties to even, as a
// conversion from unsigned __int128 is. Requires: a * b >= c * d.
double DifferenceOfProducts(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

}  // namespace bluestem
