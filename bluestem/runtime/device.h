// Device: something that runs calls of a Program: this CPU, an FPGA, a simulation of one. A new one
// is a file or folder in devices/ and a row in devices/devices.cc; tests/runtime's conformance
// suite then runs for it.
//
// Threads: a Device is immutable and may be used from any thread; a Runner belongs to one session,
// and so to one thread at a time. Ownership: a Runner keeps its Program alive, and lives no longer
// than its Device.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bluestem/program/program.h"
#include "bluestem/runtime/execute.h"
#include "bluestem/runtime/session.h"

namespace bluestem::fpga {
struct EnginePack;
}

namespace bluestem::runtime {

// Bytes of a Program's memory that cross a region's border.
struct Crossing {
  program::Operand operand;
  int64_t bytes = 0;
  bool operator==(const Crossing&) const = default;
};

// Calls [begin, end) of a Program, on one device.
struct Region {
  size_t device = 0;  // of Placement::devices
  size_t begin = 0, end = 0;
  std::vector<Crossing> inputs;   // written before, read here
  std::vector<Crossing> outputs;  // written here, read later or by the caller
};

// Where a region that is to end at some call must end: there, or before, and then why the next
// call cannot be part of it.
struct RegionEnd {
  size_t end = 0;
  std::string reason;
};

struct DeviceProperty {
  std::string name;
  std::string value;
};

struct DeviceOptions {
  std::string isa;      // "": the best of the CPU
  int32_t threads = 1;  // of one inference, 1..64; 0: one a core
  // Regions that were compiled before, of this Program; null: none.
  std::shared_ptr<const fpga::EnginePack> pack{};
  Kernels kernels = Kernels::kFastest;
  int32_t batch = 1;  // inferences that are run together at most
};

// One of the inferences that run a region together: what Runner::Run takes, and how it went.
struct RegionRun {
  const Spaces* spaces = nullptr;
  const std::atomic<bool>* cancel = nullptr;
  std::vector<OpProfile>* rows = nullptr;
  Status status;
};

// The regions of one session that one device runs.
class Runner {
 public:
  virtual ~Runner() = default;
  // Runs regions()[region] on `spaces`; ends early, with kInterrupted, once `cancel` (null: never)
  // is set. With `rows` adds one row a call, and those of transfers. Errors: the device's.
  virtual Status Run(size_t region, const Spaces& spaces, const std::atomic<bool>* cancel,
                     std::vector<OpProfile>* rows) = 0;
  // How many inferences are faster together than one after the other: DeviceOptions::batch or less.
  virtual int32_t batch() const { return 1; }
  // Runs the region for those of `runs` whose status is ok, and sets it. Of several that a device
  // runs at once the one that is cancelled may end with the others.
  virtual void RunTogether(size_t region, std::span<RegionRun> runs) {
    for (RegionRun& run : runs) {
      if (run.status.ok()) run.status = Run(region, *run.spaces, run.cancel, run.rows);
    }
  }
  virtual std::string isa() const { return ""; }
  virtual int32_t threads() const { return 1; }
  virtual int64_t scratch_bytes() const { return 0; }
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  virtual std::vector<DeviceProperty> properties() const = 0;
  // Returns why the device does not take `call`, or "" where it does.
  virtual std::string Refusal(const program::Program& program, const program::Call& call) const = 0;
  // Estimates, for placing: of one run of a call that it takes, and of moving `bytes` between the
  // host's memory and the device's, once (0 where they are one).
  virtual double CallNanoseconds(const program::Call& call, const DeviceOptions& options) const = 0;
  virtual double TransferNanoseconds(int64_t bytes) const = 0;
  // The instruction set of the processor that the device sits beside, by which placing reckons the
  // CPU's part; "" where that is this machine's.
  virtual std::string host_isa() const { return ""; }
  // Errors: kUnavailable where memory, threads or an instruction set are not to be had;
  // kInvalidArgument for an option out of range. Requires: Refusal is "" for each call.
  virtual Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                                  std::vector<Region> regions,
                                                  const DeviceOptions& options) const = 0;
  // Returns what Prepare makes of the regions, for DeviceOptions::pack of another; null where there
  // is nothing to keep. Its `place` and `digest` are the caller's. Errors and requires: as Prepare.
  virtual Result<std::shared_ptr<const fpga::EnginePack>> Pack(
      const program::Program& /*program*/, const std::vector<Region>& /*regions*/) const {
    return std::shared_ptr<const fpga::EnginePack>();
  }
  // Returns how far the device takes calls from `begin` on together, as one region. Requires:
  // Refusal is "" for each of them.
  virtual RegionEnd Reach(const program::Program& /*program*/, size_t /*begin*/, size_t end,
                          const DeviceOptions& /*options*/) const {
    return {end, ""};
  }
};

// A row of the table of devices.
struct DeviceKind {
  std::string name;     // as in device strings
  std::string summary;  // one line
  // Errors: kUnavailable saying why it is not here, and what to do.
  std::function<Result<std::shared_ptr<const Device>>()> open;
};

// Our own, then those of the libraries that $BLUESTEM_DEVICES lists with : between them (the
// variable is read at the first call). In the order in which AUTO tries them. A library that cannot
// be used is a row of its file's name whose open() says why.
const std::vector<DeviceKind>& DeviceKinds();

// What a library of devices exports: extern "C" DeviceLibrary bluestem_devices().
//   extern "C" bluestem::runtime::DeviceLibrary bluestem_devices() {
//     static const std::vector<DeviceKind> kinds = {{"NPU", "what it is", OpenNpu}};
//     return {kDeviceLibraryVersion, kinds.data(), kinds.size()};
//   }
// It is built with Bluestem's headers and the same compiler, and linked with bluestem_runtime; it
// stays loaded. examples/device has one; the conformance suite runs for it:
//   BLUESTEM_DEVICES=libnpu.so build/bin/test_runtime --gtest_filter='*Conformance*'
struct DeviceLibrary {
  uint32_t version;  // kDeviceLibraryVersion when it was built
  const DeviceKind* kinds;
  size_t count;
};
constexpr uint32_t kDeviceLibraryVersion = 5;  // of Device, Runner and all that they name

}  // namespace bluestem::runtime
