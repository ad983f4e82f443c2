// A network whose weights take longer to load than its sums to compute.
#pragma once

#include "tests/runtime/conv_programs.h"

namespace bluestem::runtime {

// FINN's CNV (arXiv 1612.07119), 8-bit pictures in.
inline std::shared_ptr<program::Program> Cnv() {
  ChainBuilder chain(32, 32, 3, 70);
  chain.Conv({.co = 64, .pad = 0, .x_bits = 8});
  chain.Conv({.co = 64, .pad = 0});
  chain.Pool();
  chain.Conv({.co = 128, .pad = 0});
  chain.Conv({.co = 128, .pad = 0});
  chain.Pool();
  chain.Conv({.co = 256, .pad = 0});
  chain.Conv({.co = 256, .pad = 0});
  chain.Conv({.co = 512, .kernel = 1, .pad = 0});
  chain.Conv({.co = 512, .kernel = 1, .pad = 0});
  chain.Conv({.co = 10, .kernel = 1, .pad = 0, .epilogue = kernels::QConvEpilogue::kRaw});
  return chain.Finish();
}

}  // namespace bluestem::runtime
