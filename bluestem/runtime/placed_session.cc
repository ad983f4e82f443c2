// A session of a placed Program: an arena in this process for each inference of a batch, and for
// each device a runner of its regions.
#include "bluestem/runtime/aligned.h"
#include "bluestem/runtime/placed.h"
#include "bluestem/runtime/tensors.h"

namespace bluestem::runtime {
namespace {

class PlacedSession : public Session {
 public:
  PlacedSession(std::shared_ptr<const PlacedProgram> placed, std::vector<AlignedBytes> arenas,
                std::vector<std::unique_ptr<Runner>> runners,
                std::vector<std::pair<size_t, size_t>> steps)
      : placed_(std::move(placed)),
        arenas_(std::move(arenas)),
        runners_(std::move(runners)),
        steps_(std::move(steps)),
        spaces_(arenas_.size()) {
    for (size_t i = 0; i < arenas_.size(); ++i) {
      spaces_[i].arena = arenas_[i].get();
      spaces_[i].constants = placed_->constants.get();
    }
  }

  const std::vector<program::TensorInfo>& inputs() const override { return program().inputs; }
  const std::vector<program::TensorInfo>& outputs() const override { return program().outputs; }
  std::string isa() const override {
    for (const auto& runner : runners_) {
      if (!runner->isa().empty()) return runner->isa();
    }
    return "";
  }
  int32_t threads() const override {
    int32_t threads = 1;
    for (const auto& runner : runners_) threads = std::max(threads, runner->threads());
    return threads;
  }
  int64_t arena_bytes() const override { return program().arena_bytes * batch(); }
  int64_t scratch_bytes() const override {
    int64_t bytes = 0;
    for (const auto& runner : runners_) bytes += runner->scratch_bytes();
    return bytes;
  }
  int64_t weight_bytes() const override { return static_cast<int64_t>(program().constants.size()); }
  std::string model_hash() const override { return program().model_hash; }
  void WatchCancel(const std::atomic<bool>* cancel) override { cancel_ = cancel; }

  int32_t batch() const override { return static_cast<int32_t>(arenas_.size()); }

  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) override {
    return Call(inputs, nullptr);
  }
  Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                      std::vector<OpProfile>& ops) override {
    return Call(inputs, &ops);
  }

  void RunTogether(std::span<SessionRun> runs) override {
    BLUESTEM_CHECK(runs.size() <= arenas_.size(), "each has an arena");
    std::vector<RegionRun> regions(runs.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      if (runs[i].rows != nullptr) runs[i].rows->clear();
      regions[i] = {&spaces_[i], runs[i].cancel, runs[i].rows, Point(runs[i], spaces_[i])};
    }
    for (const auto& [runner, region] : steps_) runners_[runner]->RunTogether(region, regions);
    for (size_t i = 0; i < runs.size(); ++i) runs[i].status = std::move(regions[i].status);
  }

 private:
  const program::Program& program() const { return *placed_->program; }

  Result<std::vector<Tensor>> Call(const std::vector<Tensor>& inputs,
                                   std::vector<OpProfile>* rows) {
    SessionRun run = {&inputs, cancel_, rows, {}, {}};
    RunTogether({&run, 1});
    BLUESTEM_RETURN_IF_ERROR(run.status);
    return std::move(run.outputs);
  }

  // Makes the outputs, and `spaces` those of the run.
  Status Point(SessionRun& run, Spaces& spaces) const {
    BLUESTEM_RETURN_IF_ERROR(CheckInputs(program().inputs, *run.inputs));
    run.outputs = MakeTensors(program().outputs);
    spaces.inputs.clear();
    spaces.outputs.clear();
    for (const Tensor& tensor : *run.inputs) spaces.inputs.push_back(tensor.raw());
    for (Tensor& tensor : run.outputs) spaces.outputs.push_back(tensor.raw());
    return OkStatus();
  }

  std::shared_ptr<const PlacedProgram> placed_;
  std::vector<AlignedBytes> arenas_;  // of each inference of a batch
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<std::pair<size_t, size_t>> steps_;  // runner, and which of its regions
  std::vector<Spaces> spaces_;                    // likewise
  const std::atomic<bool>* cancel_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<const PlacedProgram>> MakePlaced(
    std::shared_ptr<const program::Program> program, Placement placement) {
  BLUESTEM_RETURN_IF_ERROR(program::Verify(*program));
  auto placed = std::make_shared<PlacedProgram>();
  placed->constants = AllocateAligned(program->constants.size());
  if (placed->constants == nullptr) {
    return Error(Code::kUnavailable, "model '{}': no memory for {} bytes of weights", program->name,
                 program->constants.size());
  }
  if (!program->constants.empty()) {
    std::memcpy(placed->constants.get(), program->constants.data(), program->constants.size());
  }
  placed->program = std::move(program);
  placed->placement = std::move(placement);
  return std::shared_ptr<const PlacedProgram>(std::move(placed));
}

Result<std::unique_ptr<Session>> OpenSession(std::shared_ptr<const PlacedProgram> placed,
                                             const DeviceOptions& options) {
  const Placement& placement = placed->placement;
  std::vector<std::unique_ptr<Runner>> runners;  // of the devices that have a region
  std::vector<std::pair<size_t, size_t>> steps(placement.regions.size());
  for (size_t d = 0; d < placement.devices.size(); ++d) {
    std::vector<Region> regions;
    for (size_t r = 0; r < placement.regions.size(); ++r) {
      if (placement.regions[r].device != d) continue;
      steps[r] = {runners.size(), regions.size()};
      regions.push_back(placement.regions[r]);
    }
    if (regions.empty()) continue;
    BLUESTEM_ASSIGN_OR_RETURN(
        auto runner, placement.devices[d]->Prepare(placed->program, std::move(regions), options));
    runners.push_back(std::move(runner));
  }
  int32_t batch = 1;
  for (const auto& runner : runners) batch = std::max(batch, runner->batch());
  const program::Program& program = *placed->program;
  std::vector<AlignedBytes> arenas;
  for (int32_t i = 0; i < std::min(batch, options.batch); ++i) {
    arenas.push_back(AllocateAligned(static_cast<size_t>(program.arena_bytes)));
    if (arenas.back() == nullptr) {
      return Error(Code::kUnavailable, "model '{}': no memory for {} bytes of arena", program.name,
                   program.arena_bytes);
    }
  }
  return std::unique_ptr<Session>(std::make_unique<PlacedSession>(
      std::move(placed), std::move(arenas), std::move(runners), std::move(steps)));
}

Result<std::unique_ptr<Session>> Interpret(std::shared_ptr<const program::Program> program,
                                           const std::string& isa, int32_t threads,
                                           Kernels kernels) {
  BLUESTEM_RETURN_IF_ERROR(program::Verify(*program));
  const DeviceOptions options{.isa = isa, .threads = threads, .kernels = kernels};
  BLUESTEM_ASSIGN_OR_RETURN(Placement placement, PlaceOn(*program, "CPU", options));
  BLUESTEM_ASSIGN_OR_RETURN(auto placed, MakePlaced(std::move(program), std::move(placement)));
  return OpenSession(std::move(placed), options);
}

}  // namespace bluestem::runtime
