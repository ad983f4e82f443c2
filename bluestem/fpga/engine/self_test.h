// The self-test of an engine, as hardware is tried that one knows nothing of: registers, memories,
// random convolutions and a small network beside the functional model, and what a bad list does.
//
// Threads: free functions without state; the engine is used by nobody else meanwhile.
#pragma once

#include <string>
#include <vector>

#include "bluestem/fpga/engine/engine.h"
#include "bluestem/fpga/engine/registers.h"

namespace bluestem::fpga {

struct SelfTestStep {
  std::string name;    // "scratch register"
  std::string result;  // "10 values read back", or what is wrong and where
  bool passed = false;
};

// A step of the self-test. `port` is null where the engine has no registers.
struct SelfTestCase {
  const char* name;
  SelfTestStep (*run)(Engine& engine, EnginePort* port);
};

// In order; none needs one before it.
const std::vector<SelfTestCase>& SelfTestCases();

}  // namespace bluestem::fpga
