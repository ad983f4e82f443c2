// CPU and REFERENCE: a Program's calls in order, with kernels of this processor, and on the CPU
// with a library's where they are faster. The interpreter.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/program/footprint.h"
#include "bluestem/program/kernel_choice.h"
#include "bluestem/runtime/aligned.h"
#include "bluestem/runtime/devices/devices.h"
#include "bluestem/runtime/execute.h"
#include "bluestem/runtime/rehearsal.h"
#include "bluestem/runtime/tensors.h"

namespace bluestem::runtime {
namespace {

Result<kernels::IsaSet> ResolveIsas(const std::string& isa, kernels::IsaSet cpu) {
  if (isa.empty()) return cpu;
  const kernels::IsaSet wanted = edge::IsaSetFromName(isa.c_str());
  if (wanted == 0 || (wanted & ~cpu) != 0) {
    return Error(Code::kUnavailable, "instruction set '{}': this CPU has {}", isa,
                 program::IsaNames(cpu));
  }
  return wanted;
}

int64_t ThreadNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class CpuRunner : public Runner {
 public:
  CpuRunner(std::string device, std::shared_ptr<const program::Program> program,
            std::vector<Region> regions, kernels::IsaSet isas)
      : device_(std::move(device)),
        program_(std::move(program)),
        regions_(std::move(regions)),
        isas_(isas),
        kernels_(program_->calls.size()) {
    for (const Region& region : regions_) {
      for (size_t i = region.begin; i < region.end; ++i) {
        kernels_[i] = SelectKernel(program_->calls[i], isas_);
      }
    }
  }
  CpuRunner(const CpuRunner&) = delete;
  CpuRunner& operator=(const CpuRunner&) = delete;
  ~CpuRunner() override { edge::StopThreads(workers_.pool); }

  // Errors: kUnavailable where memory or threads are not to be had. Requires: called once.
  Status Start(int32_t threads, Kernels kernels) {
    if (kernels == Kernels::kFastest) PrepareConvs(threads);
    BLUESTEM_RETURN_IF_ERROR(StartThreads(threads));
    RehearseConvs();
    return OkStatus();
  }

  Status Run(size_t region, const Spaces& spaces, const std::atomic<bool>* cancel,
             std::vector<OpProfile>* rows) override {
    for (size_t i = regions_[region].begin; i < regions_[region].end; ++i) {
      if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
        return Error(Code::kInterrupted, "cancelled before {}", program_->calls[i].op);
      }
      if (rows == nullptr) {
        Execute(program_->calls[i], kernels_[i], spaces, workers_);
      } else {
        rows->push_back(Timed(i, spaces));
      }
    }
    return OkStatus();
  }

  std::string isa() const override { return kernels::IsaName(edge::BestIsa(isas_)); }
  int32_t threads() const override { return workers_.threads; }
  int64_t scratch_bytes() const override {
    return static_cast<int64_t>(workers_.scratch_bytes) * workers_.threads;
  }

 private:
  Status StartThreads(int32_t threads) {
    size_t scratch = 0;
    for (const Region& region : regions_) {
      for (size_t i = region.begin; i < region.end; ++i) {
        scratch = PartScratch(program_->calls[i], kernels_[i], threads, scratch);
      }
    }
    for (const auto& [i, conv] : prepared_) scratch = std::max(scratch, conv->scratch_bytes());
    const size_t pool_bytes = threads == 1 ? 0 : edge::ThreadPoolBytes(threads);
    memory_ = AllocateAligned(pool_bytes + scratch * static_cast<size_t>(threads));
    if (memory_ == nullptr) {
      return Error(Code::kUnavailable, "no memory for the {} bytes that {} threads work in",
                   scratch * static_cast<size_t>(threads), threads);
    }
    workers_ = {nullptr, threads, memory_.get() + pool_bytes, scratch};
    if (threads == 1) return OkStatus();
    workers_.pool = edge::StartThreads(threads, memory_.get());
    if (workers_.pool == nullptr) {
      return Error(Code::kUnavailable, "the system does not start {} threads; ask for fewer",
                   threads);
    }
    return OkStatus();
  }

  const kernels::QConvParams* QConv(size_t i) const {
    return std::get_if<kernels::QConvParams>(&program_->calls[i].params);
  }
  const kernels::QConvKernel& Row(size_t i) const {
    return *std::get<const kernels::QConvKernel*>(kernels_[i]);
  }

  // The constants of a convolution; null where they are none.
  ConvConstants Constants(size_t i) const {
    const auto at = [&](size_t operand) -> const uint8_t* {
      const program::Call& call = program_->calls[i];
      if (operand >= call.inputs.size()) return nullptr;
      if (call.inputs[operand].space != program::Space::kConstants) return nullptr;
      return program_->constants.data() + call.inputs[operand].offset;
    };
    return {at(1), reinterpret_cast<const int32_t*>(at(2)), reinterpret_cast<const int8_t*>(at(3))};
  }

  // Prepares what oneDNN takes, but for calls that it was slower at before.
  void PrepareConvs(int32_t threads) {
    for (const Region& region : regions_) {
      for (size_t i = region.begin; i < region.end; ++i) {
        const kernels::QConvParams* params = QConv(i);
        if (params == nullptr || program_->calls[i].macs < kLeastPreparedMacs) continue;
        if (!RememberedFaster(*params, Row(i), threads).value_or(true)) continue;
        auto prepared = PrepareOnednnConv(*params, Constants(i), isas_, threads);
        if (prepared.ok()) prepared_[i] = std::move(*prepared);
      }
    }
  }

  // Gives what was prepared the calls that it is faster at, and forgets the rest; all of it where
  // the program then is no faster.
  void RehearseConvs() {
    const std::vector<Kernel> rows = kernels_;
    std::erase_if(prepared_, [this](const auto& entry) {
      const auto& [i, conv] = entry;
      if (!PreparedIsFaster(*QConv(i), Constants(i), Row(i), *conv, workers_)) return true;
      kernels_[i] = conv.get();
      return false;
    });
    if (prepared_.empty() || MixIsFaster(*program_, regions_, kernels_, rows, workers_)) return;
    kernels_ = rows;
    prepared_.clear();
  }

  OpProfile Timed(size_t i, const Spaces& spaces) const {
    const program::Call& call = program_->calls[i];
    const int64_t cpu = ThreadNanoseconds();
    const auto start = std::chrono::steady_clock::now();
    Execute(call, kernels_[i], spaces, workers_);
    const auto elapsed = std::chrono::steady_clock::now() - start;
    return {.op = call.op,
            .kernel = KernelSymbol(call, kernels_[i]),
            .device = device_,
            .x_bits = call.x_bits,
            .w_bits = call.w_bits,
            .macs = call.macs,
            .nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count(),
            .cpu_nanoseconds = ThreadNanoseconds() - cpu};
  }

  std::string device_;
  std::shared_ptr<const program::Program> program_;
  std::vector<Region> regions_;
  kernels::IsaSet isas_;
  AlignedBytes memory_;  // the pool, and each thread's scratch
  edge::Workers workers_{nullptr, 1, nullptr, 0};
  std::map<size_t, std::unique_ptr<PreparedConv>> prepared_;  // by call
  std::vector<Kernel> kernels_;                               // one a call of the program
};

// What placing reckons with: orders of magnitude of one core, docs/devices.md.
double GigaMacs(const program::Call& call, kernels::Isa isa) {
  const double wide = call.x_bits == 0 ? 25 : call.w_bits == 1 ? 200 : 60;
  constexpr double kTiles = 1000;
  switch (isa) {
    case kernels::Isa::kReference: return 0.3;
    case kernels::Isa::kPortable: return 3;
    case kernels::Isa::kSse4: return wide / 3;
    case kernels::Isa::kNeon:
    case kernels::Isa::kNeonDot: return wide / 6;
    case kernels::Isa::kAmx: return call.x_bits == 0 ? wide : kTiles;
    default: return wide;
  }
}

class Cpu : public Device {
 public:
  Cpu(std::string name, std::string only_isa)
      : name_(std::move(name)), only_isa_(std::move(only_isa)) {}

  std::string name() const override { return name_; }

  std::vector<DeviceProperty> properties() const override {
    const std::string isas = only_isa_.empty() ? program::IsaNames(isas_) : only_isa_;
    return {{"instruction sets", isas},
            {"cores", fmt::format("{}", edge::ResolveThreads(0))},
            {"convolutions of others", only_isa_.empty() ? OnednnText() : "none"},
            {"takes", "every call"}};
  }

  std::string Refusal(const program::Program&, const program::Call&) const override { return ""; }

  double CallNanoseconds(const program::Call& call, const DeviceOptions& options) const override {
    constexpr double kCall = 200;  // of a call by itself
    constexpr double kBytes = 4;   // a nanosecond, moved
    // Not only of this CPU: a board's, for placing.
    const std::string& name = only_isa_.empty() ? options.isa : only_isa_;
    const kernels::IsaSet isas = edge::IsaSetFromName(name.c_str());
    const kernels::Isa isa = edge::BestIsa(isas != 0 ? isas : isas_);
    const auto moved = static_cast<double>(program::MovedBytes(call));
    return kCall + moved / kBytes + static_cast<double>(call.macs) / GigaMacs(call, isa);
  }

  double TransferNanoseconds(int64_t) const override { return 0; }

  Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                          std::vector<Region> regions,
                                          const DeviceOptions& options) const override {
    BLUESTEM_ASSIGN_OR_RETURN(const kernels::IsaSet isas, Isas(options));
    BLUESTEM_ASSIGN_OR_RETURN(const int32_t threads, CheckThreads(options.threads));
    auto runner = std::make_unique<CpuRunner>(name_, std::move(program), std::move(regions), isas);
    BLUESTEM_RETURN_IF_ERROR(
        runner->Start(threads, only_isa_.empty() ? options.kernels : Kernels::kOwn));
    return std::unique_ptr<Runner>(std::move(runner));
  }

 private:
  Result<kernels::IsaSet> Isas(const DeviceOptions& options) const {
    return ResolveIsas(only_isa_.empty() ? options.isa : only_isa_, isas_);
  }

  std::string name_;
  std::string only_isa_;
  kernels::IsaSet isas_ = edge::CpuIsas();  // asking takes microseconds
};

}  // namespace

Result<std::shared_ptr<const Device>> OpenCpu() {
  return std::shared_ptr<const Device>(std::make_shared<Cpu>("CPU", ""));
}

Result<std::shared_ptr<const Device>> OpenReference() {
  return std::shared_ptr<const Device>(std::make_shared<Cpu>("REFERENCE", "reference"));
}

}  // namespace bluestem::runtime
