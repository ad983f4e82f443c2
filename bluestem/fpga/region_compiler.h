// region_compiler: makes a region's lists. In region.cc: lists, batches, and the buffer with what
// they share. In region_stage.cc: a stage whose maps lie in the banks whole. In region_strips.cc:
// one whose maps do not, in strips of rows; and maps that make room for others and come back.
//
// Threads: a RegionCompiler belongs to one thread. Ownership: refers to its Program.
#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "bluestem/fpga/banks.h"
#include "bluestem/fpga/region.h"
#include "bluestem/fpga/schedule.h"
#include "bluestem/fpga/stages.h"
#include "bluestem/fpga/strips.h"

namespace bluestem::fpga {

class RegionCompiler {
 public:
  RegionCompiler(const program::Program& program, size_t begin, size_t end,
                 const EngineConfig& config)
      : program_(program), config_(config), stages_(program, begin, end), schedule_(config) {}

  // Errors: as CompileRegion's.
  Result<EngineProgram> Compile(int32_t most_pictures);

 private:
  // Writers that are no call.
  static constexpr int64_t kCaller = -1, kOwnWindows = -2;  // less the call whose windows they are

  struct List {
    std::vector<Schedule::Entry> entries;
    int64_t clocks = 0;
  };
  // Of a MapPort.
  struct PortRoom {
    size_t index = 0;
    size_t bytes = 0;
  };
  using Blocks = std::tuple<size_t, int32_t, int32_t>;  // of outputs: stage, first, count
  // A map that a stage reads.
  struct MapRef {
    HeldKey key;
    MapLayout layout;
    size_t last_use = 0;
    MapPort port{};  // by which it comes in, where no stage writes it
  };
  // A map in the banks, or rows of it.
  struct Read {
    MapLayout layout;
    int32_t base = 0;
    int32_t rows = 0;  // of each plane
  };
  // A descriptor of a convolution without its part of the outputs, of one picture, and its result.
  struct Working {
    Command command;
    Held result;
  };
  // How a stage runs in strips: what goes out of the banks before, and where the rest lies.
  struct StripPlan {
    Whole whole;
    Strips strips;
    std::vector<HeldKey> evicted;
    int32_t source = 0, residual = 0, result = 0;  // bases
    int64_t clocks = 0;                            // of all that is moved, later too
  };

  // region.cc
  Result<List> MakeList(int32_t pictures, size_t together);
  uint32_t Write(const List& list, std::vector<int64_t>& calls);
  bool AddBatch(int32_t pictures, double& best);
  template <typename Visit>
  void ForPorts(Visit visit);
  size_t Room(size_t bytes);
  uint32_t Scratch(const MapLayout& layout);
  uint32_t TapBase(const kernels::QConvParams& seen);
  Status WriteTaps();
  template <typename PortKey>
  uint32_t Address(std::map<PortKey, PortRoom>& rooms, const PortKey& key,
                   std::vector<MapPort>& ports, MapPort port, const MapLayout& layout,
                   int32_t picture);
  uint32_t InAddress(const MapRef& map);
  uint32_t OutAddress(size_t s, const MapLayout& layout, int32_t picture);
  uint32_t OutAddress(const LeavingPick& leaving, size_t index, int32_t picture);
  void MoveRows(Opcode opcode, const MapLayout& map, const Rows& rows, const Rows& parts,
                uint32_t address, const Read& at, int64_t call);
  void MoveMap(Opcode opcode, const Held& held, uint32_t address, int64_t call);
  void AddLoads(size_t s, int32_t first, int32_t count, uint32_t convs);
  template <typename Make>
  uint32_t Once(std::map<Blocks, uint32_t>& known, const Blocks& blocks, Make make);

  // region_stage.cc
  Status AddWhole(size_t s, int32_t first, int32_t end);
  Result<Working> Begin(size_t s, int32_t picture);
  void End(size_t s, int32_t picture, const Held& result);
  int32_t PartOf(size_t s, int32_t first, int32_t most) const;
  void AddPart(size_t s, const Working& working, int32_t first, int32_t count);
  Command ConvCommand(const kernels::QConvParams& p, const Read& source, const MapLayout& result,
                      WriteMode mode);
  Result<int32_t> Place(int32_t words, size_t call) const;
  MapRef SourceOf(size_t s, int32_t picture) const;
  MapRef PickedOf(const Pick& pick, int32_t picture) const;
  HeldKey ResultKey(size_t s, int32_t picture) const;
  Held ResultOf(size_t s, WriteMode& mode) const;
  Result<const Held*> Load(const MapRef& map, size_t call);
  Status StorePick(size_t index, int32_t picture, bool in_strips);

  // region_strips.cc
  Status AddStage(size_t s);
  Status AddInStrips(size_t s);
  std::optional<StripPlan> Cheapest(size_t s) const;
  std::optional<StripPlan> PlanOf(size_t s, const Whole& whole, bool alone) const;
  StageMaps MapsOfStage(size_t s) const;
  Working BeginStrip(size_t s, const StripPlan& plan, const StageMaps& maps, const Strip& strip);
  bool InMemory(const HeldKey& key) const;
  void Evict(const HeldKey& key, int64_t call);
  void CopyPick(const LeavingPick& leaving, uint32_t address);

  const kernels::QConvParams& Conv(size_t stage) const {
    return *AsConv(program_.calls[stages_[stage].conv]);
  }
  // As the array sees it.
  kernels::QConvParams Shape(size_t stage) const { return OnArray(Conv(stage)); }

  const program::Program& program_;
  const EngineConfig& config_;
  Stages stages_;
  std::vector<uint64_t> taps_;  // of all kernels, and of their strips
  Command load_taps_;
  EngineProgram result_;
  std::map<Blocks, uint32_t> weights_, thresholds_;           // addresses
  std::map<std::pair<int64_t, int64_t>, PortRoom> in_ports_;  // of a HeldKey
  std::map<size_t, PortRoom> out_ports_;                      // of a stage, or a pick

  // Of the list that is made.
  Banks banks_;
  Schedule schedule_;
  std::map<HeldKey, uint32_t> memory_;  // where maps lie that the list has stored
};

}  // namespace bluestem::fpga
