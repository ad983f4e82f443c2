// Session: runs a Program in this process (the interpreter), or a compiled artefact (dlopen),
// behind one interface.
//
// Threads: one session belongs to one thread at a time. Ownership: a session keeps what it runs
// alive.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/program/program.h"

namespace bluestem::runtime {

// One row of a profile: a call, or what it takes to reach a device and to come back.
struct OpProfile {
  std::string op;
  std::string kernel;  // of a transfer: "encode", "transfer in", "transfer out", "decode"
  std::string device = "CPU";
  int32_t x_bits = 0;
  int32_t w_bits = 0;
  int64_t macs = 0;
  int64_t nanoseconds = 0;      // of wall time
  int64_t cpu_nanoseconds = 0;  // of the calling thread; 0 where it was not measured
  int64_t cycles = 0;           // of a device that counts them, else 0
};

// Whose kernels the CPU runs a Program with.
enum class Kernels : uint8_t {
  kFastest,  // ours, or a library's where that was faster when the session was made
  kOwn       // ours alone: what an artefact has
};

// One of the inferences that run together: what Session::Run takes, and how it ended.
struct SessionRun {
  const std::vector<Tensor>* inputs = nullptr;
  const std::atomic<bool>* cancel = nullptr;  // as WatchCancel has it
  std::vector<OpProfile>* rows = nullptr;     // as of Profile; null: none
  Status status;
  std::vector<Tensor> outputs;
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
  // Lets `cancel` end later runs early, between two calls, with kInterrupted (null: never). A
  // compiled library runs to its end.
  virtual void WatchCancel(const std::atomic<bool>* cancel) { static_cast<void>(cancel); }
  virtual Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                              std::vector<OpProfile>& ops) = 0;
  // How many inferences are faster together than one after the other.
  virtual int32_t batch() const { return 1; }
  // Runs one inference each, with its own end. Requires: at most batch() of them.
  virtual void RunTogether(std::span<SessionRun> runs);
};

// `isa`: "" for the best of this CPU, or a name of kernels::IsaName. `threads`: that a call runs
// on, 1..64, or 0 for one a core that this process may use; outputs have the same bits with any
// number, and with any kernels. Errors: kUnavailable naming what this CPU has, or that threads
// cannot be started; kInvalidArgument for another number of threads.
Result<std::unique_ptr<Session>> Interpret(std::shared_ptr<const program::Program> program,
                                           const std::string& isa = "", int32_t threads = 1,
                                           Kernels kernels = Kernels::kFastest);
// Loads libbluestem_*.so. Errors: as above; kIo; kInvalidData for a file that is no artefact, a
// newer ABI or another architecture, saying which; kUnavailable for threads of a library that is
// older than they are.
Result<std::unique_ptr<Session>> LoadLibrary(const Path& library, const std::string& isa = "",
                                             int32_t threads = 1);

}  // namespace bluestem::runtime
