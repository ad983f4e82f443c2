// A model on the devices of a device string, ready for requests: what `benchmark` and `place` begin
// with.
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/cli/command_line.h"
#include "bluestem/cli/model_source.h"
#include "bluestem/runtime/compiled_model.h"

namespace bluestem::cli {

struct DeviceModel {
  runtime::CompiledModel model;
  std::string engine;                  // "compiled library" or "compiled in memory"
  Path meta_file;                      // empty where there is none
  std::vector<std::string> graph_ops;  // of the model file, before any pass; empty without one
  double load_seconds = 0;             // of all that stands between the file and the first request
};

// Whether a compiled library may serve the device string: it runs on the CPU alone.
bool RunsLibraries(const std::string& device);

// Takes an artefact's library where `settings.device` is CPU or AUTO, and compiles the model itself
// for other devices. Errors: those of finding, reading, compiling and placing.
Result<DeviceModel> OpenDeviceModel(const std::string& model, const std::string& meta,
                                    const runtime::CompileSettings& settings);

// Returns the Program of what a user names as MODEL; with `codes` it reads u8 pixels where its meta
// allows. The graph's ops go to `graph_ops` (null: nowhere).
Result<std::shared_ptr<const program::Program>> CompileSource(
    const ModelSource& source, bool codes = true, std::vector<std::string>* graph_ops = nullptr);

// Adds -d,--device.
void AddDeviceOption(CommandLine& line, std::string& device);

}  // namespace bluestem::cli
