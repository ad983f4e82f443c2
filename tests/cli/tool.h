// Drives the real bluestem program and makes small inputs for it: a model, a dataset, a scratch
// folder.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem::cli {

struct ToolResult {
  int exit_code = 0;  // 128 + n where signal n ended it
  std::string out;
  std::string err;
  nlohmann::json Json() const { return nlohmann::json::parse(out); }
};

struct ToolOptions {
  std::vector<std::string> environment;        // "PATH=/nowhere", over the inherited one
  std::function<void(int pid)> while_running;  // called once, right after the start
};

// Runs bluestem with `words` and waits.
ToolResult Tool(const std::vector<std::string>& words, const ToolOptions& options = {});

// Whether this build has bluestem-train: the sanitized one has not.
bool TrainerIsBuilt();

// An empty folder of this test, removed by the next run.
Path Scratch();

// What a small model is wide and deep.
struct SmallShape {
  int64_t extent = 8;    // of the picture
  int64_t channels = 8;  // of both convolutions
};
// Writes a small quantized classifier ([1,3,8,8] to 3 classes) as ONNX and returns its path.
Path WriteSmallModel(const Path& folder, const SmallShape& shape = {});
// Writes meta.yaml for it.
Path WriteSmallMeta(const Path& folder);
// Writes class folders a/ b/ c/ with `per_class` PNG pictures of 8 x 8 and returns the folder.
Path WriteSmallDataset(const Path& folder, int per_class);

// The small model with its meta, converted once a process.
const Path& Artefact();
// The model file that Artefact() was made from.
Path SmallModel();

// Returns ../shared/`relative` of the source tree, or an empty path where it is absent.
Path Shared(const std::string& relative);

// Returns the names of what lies in `folder`, sorted, hidden ones too.
std::vector<std::string> Listing(const Path& folder);

}  // namespace bluestem::cli
