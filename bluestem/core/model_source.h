// What a user names as MODEL: a run folder, an artefact folder, or a model file (.onnx, .pb). Finds
// the files in it, reads the graph and the meta that says how pictures go in, and makes a plain
// meta where there is none.
//
// Threads: free functions without state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/ir/graph.h"
#include "bluestem/passes/passes.h"
#include "bluestem/task/meta.h"

namespace bluestem::core {

struct ModelSource {
  enum class Kind { kRun, kFile, kArtefact };
  Kind kind = Kind::kFile;
  Path path;          // as the user gave it
  Path model_file;    // model.onnx, or the file itself
  Path meta_file;     // empty where there is none
  int64_t batch = 0;  // images a call; 0: as interchange::LoadModel has it
};

// Finds the files of `path`. `meta` overrides where the meta is looked for: beside the model as
// meta.yaml, or for a .pb config.yaml. Errors: kIo when missing; kInvalidData for a folder that is
// neither run nor artefact, saying what was looked for.
Result<ModelSource> FindModel(const Path& path, const Path& meta = {});

struct LoadedModel {
  std::string name;    // of the run folder or file, without extension
  Bytes bytes;         // of the model file
  std::string sha256;  // of the bytes, hex
  ir::Graph graph;     // as read, before any pass
  task::Meta meta;     // only preprocess holds where `classifier` is false
  bool meta_is_default = false;
  int64_t batch = 1;  // images a call: the first axis of inputs and, of classifiers, of the output
  bool image_input = false;  // the one input is [n,h,w,c] or [n,c,h,w] with 1 or 3 channels, or
                             // flat and as large as meta says; n is the batch
  bool nchw_input = false;
  bool classifier = false;  // the first output has one entry a class and image
};

// Reads model and meta. Errors: interchange::LoadModel's and task::ReadMeta's; kInvalidData where
// the two do not fit, naming both.
Result<LoadedModel> LoadSource(const ModelSource& source);

// Returns how the network may read u8 pixels under `meta`; nullopt where it must read f32.
std::optional<passes::InputCodes> CodesOf(const LoadedModel& model);

// Returns "h x w x c, pixel / 255" and the like.
std::string PreprocessText(const image::PreprocessSpec& spec);

}  // namespace bluestem::core
