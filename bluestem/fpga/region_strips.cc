// Stages whose maps do not lie in the banks together: in strips of rows, of which each is a
// convolution; and the maps that are stored to make room.
#include <algorithm>

#include "bluestem/fpga/region_compiler.h"

namespace bluestem::fpga {
namespace {

// Rows of the source that are a row of one of its planes.
int32_t RowsOfPlane(const MapLayout& source) {
  return source.planes == 4 ? 2 : 1;
}

}  // namespace

// Adds stage `s` of one picture, in strips where it must be.
Status RegionCompiler::AddStage(size_t s) {
  const Banks banks = banks_;
  const Schedule schedule = schedule_;
  if (AddWhole(s, 0, 1).ok()) return OkStatus();
  banks_ = banks;
  schedule_ = schedule;
  return AddInStrips(s);
}

StageMaps RegionCompiler::MapsOfStage(size_t s) const {
  StageMaps maps;
  maps.conv = Shape(s);
  maps.source = SourceOf(s, 0).layout;
  maps.result = ResultOf(s, maps.mode).layout;
  if (stages_[s].adds.c > 0) {
    maps.residual = PickedOf(stages_[s].adds, 0).layout;
    maps.residual.planes = 1;
  }
  return maps;
}

bool RegionCompiler::InMemory(const HeldKey& key) const {
  return memory_.contains(key) || in_ports_.contains({key.writer, key.offset});
}

// Frees the map's words, and stores it where memory does not have it.
void RegionCompiler::Evict(const HeldKey& key, int64_t call) {
  const Held held = *banks_.Find(key);
  if (!InMemory(key)) {
    memory_[key] = Scratch(held.layout);
    MoveMap(Opcode::kStoreMap, held, memory_[key], call);
  }
  banks_.Erase(key);
}

// Returns how the stage runs with those maps whole, which are there, and where `alone` with no
// others; or nothing where that does not fit.
std::optional<RegionCompiler::StripPlan> RegionCompiler::PlanOf(size_t s, const Whole& whole,
                                                                bool alone) const {
  const StageMaps maps = MapsOfStage(s);
  const HeldKey source = SourceOf(s, 0).key;
  const bool adds = maps.residual.blocks > 0;
  const HeldKey residual = adds ? PickedOf(stages_[s].adds, 0).key : source;
  if (whole.source && banks_.Find(source) == nullptr) return std::nullopt;
  if (whole.residual && (!adds || banks_.Find(residual) == nullptr)) return std::nullopt;
  if (adds && residual == source && whole.source != whole.residual) return std::nullopt;
  StripPlan plan;
  plan.whole = whole;
  const auto move = [&](Opcode opcode, const MapLayout& map) {
    plan.clocks += MoveClocks(opcode, map, map.h, config_);
  };
  Banks trial = banks_;
  for (const auto& [key, held] : banks_.held()) {
    if (key == source ? whole.source : key == residual ? whole.residual : !alone) {
      continue;
    }
    trial.Erase(key);
    plan.evicted.push_back(key);
    if (!InMemory(key)) move(Opcode::kStoreMap, held.layout);
    if (held.last_use > s) move(Opcode::kLoadMap, held.layout);
  }
  WriteMode mode;
  const Held result = ResultOf(s, mode);
  if (whole.result) {
    if (stages_.IsOutput(stages_[s].last)) move(Opcode::kStoreMap, result.layout);
  } else if (result.last_use > s) {
    move(Opcode::kLoadMap, result.layout);
  }
  const auto place = [&](Banks& banks, const MapLayout& layout, int32_t& base) {
    const auto at = banks.Place(layout.words(), config_.bank_words);
    if (!at) return false;
    base = *at;
    banks.Hold({-1, static_cast<int64_t>(banks.held().size()), 0}, {layout, base});
    return true;
  };
  if (whole.result && !place(trial, result.layout, plan.result)) return std::nullopt;
  const bool fits = CutUntil(maps, whole, config_, [&](const Strips& strips) {
    Banks banks = trial;
    if (!whole.source && !place(banks, strips.source, plan.source)) return false;
    if (!whole.residual && adds && !place(banks, strips.residual, plan.residual)) return false;
    if (!whole.result && !place(banks, strips.result, plan.result)) return false;
    plan.strips = strips;
    return true;
  });
  if (!fits) return std::nullopt;
  plan.clocks += plan.strips.clocks;
  return plan;
}

std::optional<RegionCompiler::StripPlan> RegionCompiler::Cheapest(size_t s) const {
  std::optional<StripPlan> cheapest;
  for (const bool alone : {false, true}) {
    for (const bool source : {true, false}) {
      for (const bool residual : {true, false}) {
        for (const bool result : {true, false}) {
          auto plan = PlanOf(s, {source, residual, result}, alone);
          if (plan && (!cheapest || plan->clocks < cheapest->clocks)) cheapest = std::move(plan);
        }
      }
    }
  }
  return cheapest;
}

Status RegionCompiler::AddInStrips(size_t s) {
  const size_t conv = stages_[s].conv;
  const auto plan = Cheapest(s);
  if (!plan) {
    return Error(Code::kUnsupported,
                 "call \"{}\": not even strips of {} rows of its maps fit the engine's {} words",
                 program_.calls[conv].op, MapsOfStage(s).unit(), config_.bank_words);
  }
  for (const HeldKey& key : plan->evicted) Evict(key, static_cast<int64_t>(conv));
  const StageMaps maps = MapsOfStage(s);
  WriteMode mode;
  Held result = ResultOf(s, mode);
  result.base = plan->result;
  if (plan->whole.result) {
    banks_.Hold(ResultKey(s, 0), result);
  } else {
    memory_[ResultKey(s, 0)] = stages_.IsOutput(stages_[s].last) ? OutAddress(s, result.layout, 0)
                                                                 : Scratch(result.layout);
  }
  // All strips share one load of weights where half of their memory holds it.
  const int32_t out_blocks = CeilDiv(Conv(s).co, kLanes), steps = Steps(Conv(s));
  const int32_t half = std::min(config_.weight_words / 2 / steps, config_.threshold_blocks / 2);
  const bool once = out_blocks <= half && PartOf(s, 0, half) == out_blocks;
  const int32_t most = once ? half : std::max(half / 2, 1);
  if (once) AddLoads(s, 0, out_blocks, static_cast<uint32_t>(plan->strips.strips.size()));
  for (const Strip& strip : plan->strips.strips) {
    const Working working = BeginStrip(s, *plan, maps, strip);
    for (int32_t g = 0, count = 0; g < out_blocks; g += count) {
      count = PartOf(s, g, most);
      if (!once) AddLoads(s, g, count, 1);
      AddPart(s, working, g, count);
    }
    if (plan->whole.result) continue;
    MoveRows(Opcode::kStoreMap, maps.result, maps.Written(strip.out), {0, maps.result.planes},
             memory_[ResultKey(s, 0)], {plan->strips.result, plan->result},
             static_cast<int64_t>(stages_[s].last));
  }
  if (plan->whole.result) {
    End(s, 0, result);
  } else {
    banks_.Forget(0, s);
  }
  return OkStatus();
}

// Brings in the strip's rows.
RegionCompiler::Working RegionCompiler::BeginStrip(size_t s, const StripPlan& plan,
                                                   const StageMaps& maps, const Strip& strip) {
  const auto call = static_cast<int64_t>(stages_[s].conv);
  const int32_t rows_of_plane = RowsOfPlane(maps.source);
  const Rows in = {strip.in.first / rows_of_plane, strip.in.end / rows_of_plane};
  const MapRef source = SourceOf(s, 0);
  Read read = {plan.strips.source, plan.source, in.count()};
  if (plan.whole.source) {
    read.base = banks_.Find(source.key)->base + in.first / 2 * read.layout.row_step();
    read.rows = read.layout.h - in.first;
  } else {
    MoveRows(Opcode::kLoadMap, maps.source, in, {0, maps.source.digits * maps.source.planes},
             InAddress(source), read, call);
  }
  Held result = {plan.strips.result, plan.result};
  if (plan.whole.result) {
    result.base += maps.Written(strip.out).first / 2 * result.layout.row_step();
  }
  const kernels::QConvParams p = ConvOf(maps.conv, strip, read.layout.h * rows_of_plane);
  Command command = ConvCommand(p, read, result.layout, maps.mode);
  if (maps.residual.blocks > 0) {
    const Pick& pick = stages_[s].adds;
    const MapRef picked = PickedOf(pick, 0);
    const MapLayout& layout = plan.strips.residual;
    int32_t base = plan.residual;
    if (plan.whole.residual) {
      base = banks_.Find(picked.key)->base + pick.plane * layout.plane_step() +
             strip.out.first / 2 * layout.row_step();
    } else {
      MoveRows(Opcode::kLoadMap, picked.layout, strip.out, {pick.plane, pick.plane + 1},
               InAddress(picked), {layout, base}, call);
    }
    command.residual_base = static_cast<uint32_t>(base);
    command.residual_row_step = static_cast<uint32_t>(layout.row_step());
    command.residual_block_step = static_cast<uint32_t>(layout.block_step());
  }
  return {command, result};
}

// Copies what is picked of a map that does not fit beside others, rows by rows.
void RegionCompiler::CopyPick(const LeavingPick& leaving, uint32_t address) {
  const auto call = static_cast<int64_t>(leaving.call);
  while (!banks_.held().empty()) {
    const HeldKey key = banks_.held().begin()->first;
    Evict(key, call);
  }
  const Pick& pick = leaving.pick;
  const MapRef map = PickedOf(pick, 0);
  MapLayout plane = map.layout;
  plane.planes = 1;
  Read strip = {plane, 0};
  for (int32_t count = 2; strip.layout.words() > config_.bank_words; ++count) {
    strip.layout.h = CeilDiv(plane.h, count);
  }
  for (int32_t first = 0; first < plane.h; first += strip.layout.h) {
    const Rows rows = {first, std::min(first + strip.layout.h, plane.h)};
    MoveRows(Opcode::kLoadMap, map.layout, rows, {pick.plane, pick.plane + 1}, InAddress(map),
             strip, call);
    MoveRows(Opcode::kStoreMap, plane, rows, {0, 1}, address, strip, call);
  }
}

}  // namespace bluestem::fpga
