#include "bluestem/runtime/placement.h"

#include <algorithm>
#include <limits>

#include "bluestem/program/dataflow.h"
#include "bluestem/program/footprint.h"

namespace bluestem::runtime {
namespace {

using program::Flow;
using Devices = std::vector<std::shared_ptr<const Device>>;

constexpr double kBorder = 20;  // nanoseconds of a border by itself: equal estimates do not split
constexpr double kNever = std::numeric_limits<double>::infinity();

std::string Micros(double nanoseconds) {
  return fmt::format("{:.1f} us", nanoseconds * 1e-3);
}

// What each device says of each call.
struct Bids {
  std::vector<std::vector<std::string>> refusals;  // [call][device]
  std::vector<std::vector<double>> nanoseconds;    // kNever where refused
};

Bids AskAll(const program::Program& program, const Devices& devices, DeviceOptions options) {
  for (const auto& device : devices) {
    if (!device->host_isa().empty()) options.isa = device->host_isa();
  }
  Bids bids;
  for (const program::Call& call : program.calls) {
    std::vector<std::string> refusals;
    std::vector<double> nanoseconds;
    for (const auto& device : devices) {
      refusals.push_back(device->Refusal(program, call));
      nanoseconds.push_back(refusals.back().empty() ? device->CallNanoseconds(call, options)
                                                    : kNever);
    }
    bids.refusals.push_back(std::move(refusals));
    bids.nanoseconds.push_back(std::move(nanoseconds));
  }
  return bids;
}

// Returns the bytes that are alive between call i - 1 and call i, for i in 0..calls.
std::vector<int64_t> LiveBytes(const program::Program& program, const std::vector<Flow>& flows) {
  std::vector<int64_t> live(program.calls.size() + 1, 0);
  // A value is alive once, however many calls read it: up to the last of them.
  for (const Flow& flow : flows) {
    const bool last = std::none_of(flows.begin(), flows.end(), [&](const Flow& other) {
      return other.writer == flow.writer && other.operand == flow.operand &&
             (other.reader > flow.reader || (other.reader == flow.reader && &other > &flow));
    });
    if (!last) continue;
    for (int64_t i = flow.writer + 1; i <= flow.reader; ++i) {
      live[static_cast<size_t>(i)] += flow.bytes;
    }
  }
  return live;
}

// The cheapest sequence of devices by estimate (Viterbi): a border between two devices costs what
// it takes to bring the live bytes out of the one's memory and into the other's.
std::vector<size_t> Cheapest(const Bids& bids, const Devices& devices,
                             const std::vector<int64_t>& live) {
  const size_t calls = bids.nanoseconds.size();
  const auto move = [&](size_t border, size_t from, size_t to) {
    return from == to ? 0
                      : kBorder + devices[from]->TransferNanoseconds(live[border]) +
                            devices[to]->TransferNanoseconds(live[border]);
  };
  std::vector<double> best;
  for (size_t d = 0; d < devices.size(); ++d)
    best.push_back(devices[d]->TransferNanoseconds(live[0]));
  std::vector<std::vector<size_t>> before(calls, std::vector<size_t>(devices.size(), 0));
  for (size_t i = 0; i < calls; ++i) {
    std::vector<double> next(devices.size(), kNever);
    for (size_t d = 0; d < devices.size(); ++d) {
      double arrival = i == 0 ? best[d] : kNever;
      before[i][d] = d;
      for (size_t from = 0; i > 0 && from < devices.size(); ++from) {
        const double cost = best[from] + move(i, from, d);
        if (cost < arrival) {
          arrival = cost;
          before[i][d] = from;
        }
      }
      next[d] = arrival + bids.nanoseconds[i][d];
    }
    best = std::move(next);
  }
  size_t device = 0;
  double least = kNever;
  for (size_t d = 0; d < devices.size(); ++d) {
    const double cost = best[d] + devices[d]->TransferNanoseconds(live[calls]);
    if (cost < least) {
      least = cost;
      device = d;
    }
  }
  std::vector<size_t> chosen(calls);
  for (size_t i = calls; i-- > 0;) {
    chosen[i] = device;
    device = before[i][device];
  }
  return chosen;
}

std::string ReasonFor(const Bids& bids, const Devices& devices, size_t call, size_t chosen) {
  std::string reason;
  for (size_t d = 0; d < devices.size(); ++d) {
    if (d == chosen) continue;
    reason += reason.empty() ? "" : "; ";
    if (!bids.refusals[call][d].empty()) {
      reason += fmt::format("{} refuses: {}", devices[d]->name(), bids.refusals[call][d]);
    } else if (bids.nanoseconds[call][d] < bids.nanoseconds[call][chosen]) {
      reason += fmt::format("{} would take {}, but more to reach and to leave than that saves",
                            devices[d]->name(), Micros(bids.nanoseconds[call][d]));
    } else {
      reason +=
          fmt::format("{} would take {}", devices[d]->name(), Micros(bids.nanoseconds[call][d]));
    }
  }
  return reason.empty() ? "the only device" : reason;
}

void AddCrossing(const Flow& flow, std::vector<Crossing>& crossings) {
  const Crossing crossing{flow.operand, flow.bytes};
  if (std::find(crossings.begin(), crossings.end(), crossing) == crossings.end()) {
    crossings.push_back(crossing);
  }
}

std::vector<Region> RegionsOf(const std::vector<PlacedCall>& calls,
                              const std::vector<Flow>& flows) {
  std::vector<Region> regions;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (regions.empty() || regions.back().device != calls[i].device) {
      regions.push_back({.device = calls[i].device, .begin = i, .end = i});
    }
    regions.back().end = i + 1;
  }
  for (Region& region : regions) {
    const auto inside = [&](int64_t call) {
      return call >= static_cast<int64_t>(region.begin) && call < static_cast<int64_t>(region.end);
    };
    for (const Flow& flow : flows) {
      if (inside(flow.reader) && !inside(flow.writer)) AddCrossing(flow, region.inputs);
      if (inside(flow.writer) && !inside(flow.reader)) AddCrossing(flow, region.outputs);
    }
  }
  return regions;
}

Status NobodyTakes(const program::Call& call, const Devices& devices,
                   const std::vector<std::string>& refusals) {
  std::string reasons;
  for (size_t d = 0; d < devices.size(); ++d) {
    reasons += fmt::format("{}{}: {}", d == 0 ? "" : "; ", devices[d]->name(), refusals[d]);
  }
  return Error(Code::kUnsupported,
               "no named device takes {} \"{}\": {}; add CPU as the last: HETERO:{},CPU",
               program::FamilyName(call.params), call.op, reasons, devices[0]->name());
}

// Returns the first device that takes every call, or devices.size().
size_t TakesAll(const Bids& bids, size_t devices) {
  for (size_t d = 0; d < devices; ++d) {
    const bool all = std::all_of(bids.refusals.begin(), bids.refusals.end(),
                                 [&](const auto& refusals) { return refusals[d].empty(); });
    if (all) return d;
  }
  return devices;
}

// Has each region refused from where its device does not reach. Returns whether one was.
bool RefuseBeyondReach(const program::Program& program, const std::vector<Region>& regions,
                       const Devices& devices, const DeviceOptions& options, Bids& bids) {
  for (const Region& region : regions) {
    RegionEnd reach = devices[region.device]->Reach(program, region.begin, region.end, options);
    if (reach.end >= region.end) continue;
    bids.refusals[reach.end][region.device] = std::move(reach.reason);
    bids.nanoseconds[reach.end][region.device] = kNever;
    return true;
  }
  return false;
}

// Returns the devices that `places` names, or none where one of them is not here.
std::vector<size_t> Settled(const std::vector<std::string>& places, const Devices& devices) {
  std::vector<size_t> chosen;
  for (const std::string& place : places) {
    size_t d = 0;
    while (d < devices.size() && devices[d]->name() != place) ++d;
    if (d == devices.size()) return {};
    chosen.push_back(d);
  }
  return chosen;
}

Result<Placement> PlaceAsSettled(const program::Program& program, Devices devices, const Bids& bids,
                                 const std::vector<size_t>& chosen) {
  Placement placement;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const std::string& refusal = bids.refusals[i][chosen[i]];
    if (!refusal.empty()) {
      return Error(Code::kUnsupported, "{}, where \"{}\" was placed before, refuses it: {}",
                   devices[chosen[i]]->name(), program.calls[i].op, refusal);
    }
    placement.calls.push_back({chosen[i], bids.nanoseconds[i][chosen[i]], "as placed before"});
  }
  placement.devices = std::move(devices);
  placement.regions = RegionsOf(placement.calls, program::FlowsOf(program));
  return placement;
}

}  // namespace

std::vector<std::string> PlacesOf(const Placement& placement) {
  std::vector<std::string> places;
  for (const PlacedCall& call : placement.calls) {
    places.push_back(placement.devices[call.device]->name());
  }
  return places;
}

Result<Placement> Place(const program::Program& program, Devices devices, PlacementMode mode,
                        const DeviceOptions& options, const std::vector<std::string>& places) {
  BLUESTEM_CHECK(!devices.empty(), "placing needs a device");
  Bids bids = AskAll(program, devices, options);
  const std::vector<size_t> settled = Settled(places, devices);
  if (!settled.empty()) return PlaceAsSettled(program, std::move(devices), bids, settled);
  if (mode != PlacementMode::kHetero) {
    size_t whole = TakesAll(bids, devices.size());
    const auto beyond = [&] {
      const std::vector<Region> all = {{.device = whole, .begin = 0, .end = program.calls.size()}};
      return RefuseBeyondReach(program, all, devices, options, bids);
    };
    while (whole < devices.size() && beyond()) whole = TakesAll(bids, devices.size());
    const size_t kept = whole < devices.size() ? whole : 0;
    for (size_t i = 0; i < program.calls.size(); ++i) {
      if (bids.refusals[i][kept].empty()) continue;
      return NobodyTakes(program.calls[i], devices, bids.refusals[i]);
    }
    Placement placement;
    placement.devices = {devices[kept]};
    for (size_t i = 0; i < program.calls.size(); ++i) {
      placement.calls.push_back({0, bids.nanoseconds[i][kept],
                                 mode == PlacementMode::kOne ? "the device that was named"
                                                             : "the first that takes every call"});
    }
    placement.regions = RegionsOf(placement.calls, program::FlowsOf(program));
    return placement;
  }
  const std::vector<Flow> flows = program::FlowsOf(program);
  const std::vector<int64_t> live = LiveBytes(program, flows);
  Placement placement;
  do {
    for (size_t i = 0; i < program.calls.size(); ++i) {
      const auto& refusals = bids.refusals[i];
      const bool nobody = std::none_of(refusals.begin(), refusals.end(),
                                       [](const std::string& refusal) { return refusal.empty(); });
      if (nobody) return NobodyTakes(program.calls[i], devices, refusals);
    }
    const std::vector<size_t> chosen = Cheapest(bids, devices, live);
    placement.calls.clear();
    for (size_t i = 0; i < chosen.size(); ++i) {
      placement.calls.push_back(
          {chosen[i], bids.nanoseconds[i][chosen[i]], ReasonFor(bids, devices, i, chosen[i])});
    }
    placement.regions = RegionsOf(placement.calls, flows);
  } while (RefuseBeyondReach(program, placement.regions, devices, options, bids));
  placement.devices = std::move(devices);
  return placement;
}

}  // namespace bluestem::runtime
