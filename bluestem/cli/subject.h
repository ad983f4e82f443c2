// A model that is ready to be measured: a session and what it runs on. What `bluestem measure` and
// `bluestem profile` begin with.
//
// Threads: one Subject belongs to one thread. Ownership: a Subject owns its session.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/cli/command_line.h"
#include "bluestem/image/image.h"
#include "bluestem/program/program.h"
#include "bluestem/runtime/session.h"

namespace bluestem::cli {

struct SubjectOptions {
  std::string model;  // an artefact, a libbluestem_*.so, a run folder or a model file
  std::string meta;   // "": the model's own
  std::string image;  // "": random codes
  std::string isa;    // "": the best
  int64_t threads = 1;
};

// Adds MODEL, --image, --meta, --isa and --threads.
void AddSubjectOptions(CommandLine& line, SubjectOptions& options);

// A model that is ready to run, with the input that it runs on.
struct Subject {
  std::string name;     // as the user gave it
  std::string engine;   // "compiled" or "interpreter"
  std::string library;  // of "compiled"
  std::string input;    // "random codes (seed 1)" or "picture cat.png"
  std::unique_ptr<runtime::Session> session;
  std::vector<Tensor> inputs;
  double load_seconds = 0;     // compiled: dlopen and create; interpreter: read, compile and create
  int64_t baseline_bytes = 0;  // resident before that
  bool peak_reset = false;     // the peak began there too; else it is the whole process's
  // The Program behind the session, read again for a library: null where no model lies beside it.
  std::function<Result<std::shared_ptr<const program::Program>>()> program;
};

// Decodes the picture that --image names. Errors: kIo; kInvalidData.
Result<image::Image> ReadPicture(const std::string& path);

// Returns codes over their whole range and reals in [0, 1), the same at each call (seed 1).
std::vector<Tensor> RandomInputs(const std::vector<program::TensorInfo>& infos);

// Errors: those of finding and loading the model and the picture; kInvalidData for a corrupt
// artefact; kInvalidArgument for a picture where the model reads none; kUnavailable for an
// instruction set.
Result<Subject> OpenSubject(const SubjectOptions& options);

}  // namespace bluestem::cli
