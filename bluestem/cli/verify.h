// Verification of a conversion on sample inputs: (a) the model as it was read, evaluated in double,
// (b) its Program in the interpreter, (c) each compiled library that this machine can run. b equals
// c bit for bit; a and b agree within a stated bound (and so name the
// same class, unless two scores are closer than that).
//
// Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/cli/samples.h"
#include "bluestem/codegen/codegen.h"
#include "bluestem/core/compile.h"
#include "bluestem/core/library.h"
#include "bluestem/core/model_source.h"

namespace bluestem::cli {

// |a - b| <= kVerifyBound * max(1, greatest |a| of the output): f32 against f64 over a network's
// depth, with two digits to spare.
constexpr double kVerifyBound = 1e-4;

struct PlainReport {  // a against b
  double max_difference = 0;
  int64_t ties = 0;  // samples beyond the bound because of a code at a rounding tie
  std::string tie;   // where the first of them is
};

// Compares the model as read with the interpreter, and fills `expected` with the interpreter's
// outputs, one row a sample. A sample may leave the bound through a tie: the first value that
// differs is a code, by one step, in at most one of 1000 elements (or one): an f32 and an f64 sum
// that fall on two sides of a quantizer's step. Its class must still be the same. Errors: kMismatch
// naming sample, layer and values.
Result<PlainReport> VerifyInterpreter(const core::LoadedModel& model,
                                      const core::Compiled& compiled,
                                      const std::vector<Sample>& samples,
                                      std::vector<std::vector<Tensor>>& expected);

// Reads a model with `source.batch`. Errors: core::LoadSource's; where it can be read with one
// image a call, they say that --batch is in the way.
Result<core::LoadedModel> LoadBatch(const core::ModelSource& source);

// Compares what a model of several images a call computes of each with what it computes of it
// alone, by the reference, on random inputs. Errors: kUnsupported where an output has not one part
// an image, or a part differs: the file fixes its batch inside, or mixes images.
Status VerifyBatch(const core::ModelSource& source, const core::LoadedModel& model);

struct LibraryReport {  // c against b
  std::string target;
  std::string isas;                   // "avx2 sse4 portable", or "qemu-aarch64"
  std::string not_run;                // why it was not run here; empty where it was
  double latency_seconds_median = 0;  // of the best ISA; 0 where emulated or not run
};

// Runs the artefact's library of `target` on every sample, on each ISA that this CPU has or under
// the target's emulator. Errors: kMismatch naming target, ISA, sample, output and element.
Result<LibraryReport> VerifyLibrary(const Path& artefact, const codegen::Target& target,
                                    const core::LoadedModel& model, const core::Compiled& compiled,
                                    const std::vector<Sample>& samples,
                                    const std::vector<std::vector<Tensor>>& expected);

}  // namespace bluestem::cli
