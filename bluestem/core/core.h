// Core: what can run models here, and models opened on it. The way into Bluestem for programs:
//
//   core::Core core;
//   BLUESTEM_ASSIGN_OR_RETURN(core::OpenedModel opened, core.Open("run", {.device = "AUTO"}));
//   runtime::InferRequest request = opened.model.CreateRequest();
//
// bluestem.h is the same for C.
//
// Threads: a Core has no state; its functions may be called from any thread at any time.
#pragma once

#include <string>
#include <vector>

#include "bluestem/core/model_source.h"
#include "bluestem/runtime/compiled_model.h"

namespace bluestem::core {

struct DeviceInfo {
  std::string name, summary;
  Status status;  // ok where it is here; else why it is not, and what to do
  std::vector<runtime::DeviceProperty> properties;
};

struct OpenedModel {
  runtime::CompiledModel model;
  std::string engine;                  // "compiled library", "compiled in memory", "imported", ...
  Path meta_file;                      // empty where there is none
  std::vector<std::string> graph_ops;  // of the model file, before any pass; empty without one
  double load_seconds = 0;             // of all that stands between the file and the first request
};

class Core {
 public:
  std::vector<DeviceInfo> Devices() const;

  // Reads a run folder, an artefact, an .onnx or a .pb file. Errors: FindModel's and LoadSource's.
  Result<LoadedModel> Read(const Path& model, const Path& meta = {}) const;

  // Passes, lowering and placing, in memory. With `codes` the model takes u8 pixels where its meta
  // allows. Errors: Compile's; those of placing.
  Result<runtime::CompiledModel> Compile(const LoadedModel& model,
                                         const runtime::CompileSettings& settings,
                                         bool codes = true) const;

  // Whatever `model` names, ready for requests: an artefact's library where `settings.device` is
  // CPU or AUTO; an exported file; else the model read and compiled. Errors: those of finding,
  // reading, compiling and placing.
  Result<OpenedModel> Open(const Path& model, const runtime::CompileSettings& settings,
                           const Path& meta = {}) const;

  // Writes what Compile made to one file, places and the engine's lists too, which Import (and
  // Open) reads without the model (docs/formats/exported_model.md). Errors: kUnsupported for a
  // compiled library; WriteFile's.
  Status Export(const runtime::CompiledModel& model, const Path& path) const;
  // `settings.device` "" takes that of the export, and with it its places; another is placed anew.
  // Errors: kInvalidData for a file that is no export, is damaged, of another version of Bluestem
  // or for an engine of other capabilities; those of placing.
  Result<runtime::CompiledModel> Import(const Path& path, runtime::CompileSettings settings) const;
};

// Whether a compiled library may serve the device string: it runs on the CPU alone.
bool RunsLibraries(const std::string& device);

// Returns the Program of what a user names as MODEL; with `codes` it reads u8 pixels where its meta
// allows. The graph's ops go to `graph_ops` (null: nowhere).
Result<std::shared_ptr<const program::Program>> CompileSource(
    const ModelSource& source, bool codes = true, std::vector<std::string>* graph_ops = nullptr);

}  // namespace bluestem::core
