// builds: the engines that are built of the RTL: its parameters, and what they take of an FPGA. All
// run the same lists, as far as their memories hold them.
//
// Threads: constants and free functions without state; the environment is read at each call.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/fpga/area.h"
#include "bluestem/fpga/engine/command.h"

namespace bluestem::fpga {

struct EngineBuild {
  const char* name;  // "large"
  EngineConfig config;
  EngineArea area;  // on a Cyclone V, with masters and registers
};

// The default first. rtl/builds.txt has the same for the tools that know no C++.
const std::vector<EngineBuild>& Builds();

// Errors: kInvalidArgument naming those there are.
Result<EngineBuild> FindBuild(const std::string& name);

// Returns the build that models and simulations are of, and that models are packed for: the one
// that $BLUESTEM_ENGINE names, else the default. Errors: FindBuild's, naming the variable.
Result<EngineBuild> ChosenBuild();

// Returns " and BLUESTEM_ENGINE=NAME" of the build that has this configuration, "" where none has.
std::string ChoiceText(const EngineConfig& config);

}  // namespace bluestem::fpga
