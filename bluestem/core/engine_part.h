// The engine's part of an artefact: what the engine for FPGAs runs of its model, packed once by
// `bluestem convert --target fpga` and taken by every device that has the engine
// (docs/formats/engine.md).
//
// Threads: free functions without state.
#pragma once

#include <memory>
#include <string>

#include "bluestem/core/model_source.h"
#include "bluestem/fpga/pack.h"
#include "bluestem/program/program.h"

namespace bluestem::core {

constexpr const char* kEnginePart = "models/fpga/engine.bin";
constexpr const char* kEngineListing = "models/fpga/engine.txt";  // the same for people

// Places the calls as HETERO with the engine and the CPU does and compiles the engine's regions,
// for the build that fpga::ChosenBuild returns. Errors: its own; kUnsupported where the engine gets
// no call, with each call's reason; CompileRegion's.
Result<fpga::EnginePack> PackForEngine(const program::Program& program);

// Whether the device string names a device with the engine.
bool NamesEngine(const std::string& device);

// Returns the part that an artefact has for `program` where `device` names an engine; null where it
// has none, or one of another Program, and what is missing is to be compiled. Errors: those of the
// manifest; kInvalidData for a part that is damaged or packed for another engine.
Result<std::shared_ptr<const fpga::EnginePack>> FindEnginePart(const ModelSource& source,
                                                               const program::Program& program,
                                                               const std::string& device);

}  // namespace bluestem::core
