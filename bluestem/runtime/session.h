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
  virtual int32_t threads() const { return 1; }  // that a call runs on, the caller's among them
  virtual int64_t arena_bytes() const = 0;       // of what calls leave for others
  virtual int64_t scratch_bytes() const { return 0; }  // that the chosen kernels work in
  virtual int64_t weight_bytes() const = 0;
  virtual std::string model_hash() const = 0;
  // Runs one inference. Errors: kInvalidArgument for a tensor that does not fit, naming it with
  // both shapes.
  virtual Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) = 0;
  virtual Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                              std::vector<OpProfile>& ops) = 0;
};

// `isa`: "" for the best of this CPU, or a name of kernels::IsaName. `threads`: that a call runs
// on, 1..64, or 0 for one a core that this process may use; outputs have the same bits with any
// number. Errors: kUnavailable naming what this CPU has, or that threads cannot be started;
// kInvalidArgument for another number of threads.
Result<std::unique_ptr<Session>> Interpret(std::shared_ptr<const program::Program> program,
                                           const std::string& isa = "", int32_t threads = 1);
// Loads libbluestem_*.so. Errors: as above; kIo; kInvalidData for a file that is no artefact, a
// newer ABI or another architecture, saying which; kUnavailable for threads of a library that is
// older than they are.
Result<std::unique_ptr<Session>> LoadLibrary(const Path& library, const std::string& isa = "",
                                             int32_t threads = 1);

}  // namespace bluestem::runtime
