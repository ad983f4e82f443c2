// The interpreter: executes a Program's calls in order over one arena.
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/program/kernel_choice.h"
#include "bluestem/runtime/execute.h"
#include "bluestem/runtime/session.h"
#include "bluestem/runtime/tensors.h"

namespace bluestem::runtime {
namespace {

constexpr size_t kAlignment = 64;

struct Free {
  void operator()(uint8_t* memory) const { std::free(memory); }
};
using AlignedBytes = std::unique_ptr<uint8_t, Free>;

// Zero-filled, 64-byte aligned; null when there is no such memory.
AlignedBytes Allocate(size_t bytes) {
  const size_t rounded = (bytes + kAlignment) / kAlignment * kAlignment;
  AlignedBytes memory(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, rounded)));
  if (memory != nullptr) std::memset(memory.get(), 0, rounded);
  return memory;
}

Result<kernels::IsaSet> ResolveIsas(const std::string& isa) {
  const kernels::IsaSet cpu = edge::CpuIsas();
  if (isa.empty()) return cpu;
  const kernels::IsaSet wanted = edge::IsaSetFromName(isa.c_str());
  if (wanted == 0 || (wanted & ~cpu) != 0) {
    return Error(Code::kUnavailable, "instruction set '{}': this CPU has {}", isa,
                 program::IsaNames(cpu));
  }
  return wanted;
}

class Interpreter : public Session {
 public:
  Interpreter(std::shared_ptr<const program::Program> program, kernels::IsaSet isas,
              AlignedBytes arena, AlignedBytes constants)
      : program_(std::move(program)),
        isas_(isas),
        arena_(std::move(arena)),
        constants_(std::move(constants)) {
    memory_.arena = arena_.get();
    memory_.constants = constants_.get();
    for (const program::Call& call : program_->calls) {
      kernels_.push_back(SelectKernel(call, isas_));
    }
  }

  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  ~Interpreter() override { edge::StopThreads(memory_.workers.pool); }

  // Errors: kUnavailable where memory or threads are not to be had. Requires: called once.
  Status StartThreads(int32_t threads) {
    size_t scratch = 0;
    for (size_t i = 0; i < kernels_.size(); ++i) {
      scratch = PartScratch(program_->calls[i], kernels_[i], threads, scratch);
    }
    const size_t pool_bytes = threads == 1 ? 0 : edge::ThreadPoolBytes(threads);
    workers_memory_ = Allocate(pool_bytes + scratch * static_cast<size_t>(threads));
    if (workers_memory_ == nullptr) {
      return Error(Code::kUnavailable, "no memory for the {} bytes that {} threads work in",
                   scratch * static_cast<size_t>(threads), threads);
    }
    memory_.workers = {nullptr, threads, workers_memory_.get() + pool_bytes, scratch};
    if (threads == 1) return OkStatus();
    memory_.workers.pool = edge::StartThreads(threads, workers_memory_.get());
    if (memory_.workers.pool == nullptr) {
      return Error(Code::kUnavailable, "the system does not start {} threads; ask for fewer",
                   threads);
    }
    return OkStatus();
  }

  const std::vector<program::TensorInfo>& inputs() const override { return program_->inputs; }
  const std::vector<program::TensorInfo>& outputs() const override { return program_->outputs; }
  std::string isa() const override { return kernels::IsaName(edge::BestIsa(isas_)); }
  int32_t threads() const override { return memory_.workers.threads; }
  int64_t arena_bytes() const override { return program_->arena_bytes; }
  int64_t scratch_bytes() const override {
    return static_cast<int64_t>(memory_.workers.scratch_bytes) * memory_.workers.threads;
  }
  int64_t weight_bytes() const override { return static_cast<int64_t>(program_->constants.size()); }
  std::string model_hash() const override { return program_->model_hash; }

  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) override {
    BLUESTEM_RETURN_IF_ERROR(CheckInputs(program_->inputs, inputs));
    std::vector<Tensor> outputs = MakeTensors(program_->outputs);
    Bind(inputs, outputs);
    for (size_t i = 0; i < kernels_.size(); ++i) Execute(program_->calls[i], kernels_[i], memory_);
    return outputs;
  }

  Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                      std::vector<OpProfile>& ops) override {
    BLUESTEM_RETURN_IF_ERROR(CheckInputs(program_->inputs, inputs));
    std::vector<Tensor> outputs = MakeTensors(program_->outputs);
    Bind(inputs, outputs);
    ops.clear();
    for (size_t i = 0; i < kernels_.size(); ++i) {
      const program::Call& call = program_->calls[i];
      const auto start = std::chrono::steady_clock::now();
      Execute(call, kernels_[i], memory_);
      const auto elapsed = std::chrono::steady_clock::now() - start;
      ops.push_back(
          {.op = call.op,
           .kernel = KernelSymbol(call, kernels_[i]),
           .x_bits = call.x_bits,
           .w_bits = call.w_bits,
           .macs = call.macs,
           .nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()});
    }
    return outputs;
  }

 private:
  void Bind(const std::vector<Tensor>& inputs, std::vector<Tensor>& outputs) {
    memory_.inputs.clear();
    memory_.outputs.clear();
    for (const Tensor& tensor : inputs) memory_.inputs.push_back(tensor.raw());
    for (Tensor& tensor : outputs) memory_.outputs.push_back(tensor.raw());
  }

  std::shared_ptr<const program::Program> program_;
  kernels::IsaSet isas_;
  AlignedBytes arena_;
  AlignedBytes constants_;
  AlignedBytes workers_memory_;  // the pool, and each thread's scratch
  Memory memory_;
  std::vector<Kernel> kernels_;
};

}  // namespace

Result<std::unique_ptr<Session>> Interpret(std::shared_ptr<const program::Program> program,
                                           const std::string& isa, int32_t threads) {
  BLUESTEM_RETURN_IF_ERROR(program::Verify(*program));
  BLUESTEM_ASSIGN_OR_RETURN(const kernels::IsaSet isas, ResolveIsas(isa));
  BLUESTEM_ASSIGN_OR_RETURN(const int32_t count, CheckThreads(threads));
  AlignedBytes arena = Allocate(static_cast<size_t>(program->arena_bytes));
  AlignedBytes constants = Allocate(program->constants.size());
  if (arena == nullptr || constants == nullptr) {
    return Error(Code::kUnavailable,
                 "model '{}': no memory for {} bytes of arena and {} of weights", program->name,
                 program->arena_bytes, program->constants.size());
  }
  if (!program->constants.empty()) {
    std::memcpy(constants.get(), program->constants.data(), program->constants.size());
  }
  auto session = std::make_unique<Interpreter>(std::move(program), isas, std::move(arena),
                                               std::move(constants));
  BLUESTEM_RETURN_IF_ERROR(session->StartThreads(count));
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace bluestem::runtime
