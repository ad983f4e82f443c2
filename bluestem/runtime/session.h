// Session: runs a Program in this process (the interpreter), or a compiled artefact (dlopen),
// behind one interface.
//
// Threads: one session belongs to one thread at a time. Ownership: a session keeps what it runs
// alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/program/program.h"

namespace bluestem::runtime {

struct OpProfile {
  std::string op;
  std::string kernel;
  int32_t x_bits = 0;
  int32_t w_bits = 0;
  int64_t macs = 0;
  int64_t nanoseconds = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual const std::vector<program::TensorInfo>& inputs() const = 0;
  virtual const std::vector<program::TensorInfo>& outputs() const = 0;
  virtual std::string isa() const = 0;
  virtual int64_t arena_bytes() const = 0;
  virtual int64_t weight_bytes() const = 0;
  virtual std::string model_hash() const = 0;
  // Runs one inference. Errors: kInvalidArgument for a tensor that does not fit, naming it with
  // both shapes.
  virtual Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) = 0;
  virtual Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                              std::vector<OpProfile>& ops) = 0;
};

// `isa`: "" for the best of this CPU, or a name of kernels::IsaName. Errors: kUnavailable naming
// what this CPU has.
Result<std::unique_ptr<Session>> Interpret(std::shared_ptr<const program::Program> program,
                                           const std::string& isa = "");
// Loads libbluestem_*.so. Errors: kIo; kInvalidData for a file that is no artefact, a newer ABI or
// another architecture, saying which.
Result<std::unique_ptr<Session>> LoadLibrary(const Path& library, const std::string& isa = "");

}  // namespace bluestem::runtime
