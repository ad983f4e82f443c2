#include "bluestem/fpga/schedule.h"

#include <algorithm>

namespace bluestem::fpga {

void Schedule::AddLoad(Opcode opcode, uint32_t address, uint32_t length, int64_t call,
                       uint32_t convs) {
  Command command;
  command.opcode = opcode;
  command.address = address;
  command.length = length;
  loads_.push_back({{command, call}, convs_, convs});
}

void Schedule::AddMove(Command command, int64_t call, bool after_convs) {
  command.after = after_convs ? convs_ : 0;
  items_.push_back({command, call});
}

void Schedule::AddConv(const Command& command, int64_t call) {
  items_.push_back({command, call});
  ++convs_;
}

uint32_t Schedule::Ring::Place(uint32_t length, uint32_t conv, uint32_t& after) {
  const uint32_t base = next + length > capacity ? 0 : next;
  after = 0;
  // What is left of a chunk needs no entry: the port keeps its order, and has waited for it by
  // then.
  std::erase_if(used, [&](const Chunk& chunk) {
    const bool overlaps = chunk.base < base + length && base < chunk.base + chunk.length;
    if (overlaps) after = std::max(after, chunk.conv + 1);
    return overlaps;
  });
  used.push_back({base, length, conv});
  next = base + length;
  return base;
}

// Whether the load begins, and the next descriptor is fetched, before `item` could begin.
bool Schedule::LoadGoesFirst(const Load& load, const Entry& item) {
  Ring ring = RingOf(load);
  uint32_t after = 0;
  ring.Place(load.entry.command.length, load.last(), after);
  if (after > emitted_convs_) return false;
  Command command = load.entry.command;
  command.after = after;
  return timeline_.StartOf(command) + kFetchClocks <= timeline_.StartOf(item.command);
}

void Schedule::Emit(const Entry& entry) {
  timeline_.Add(entry.command);
  (entry.command.opcode == Opcode::kConv ? emitted_convs_ : emitted_moves_) += 1;
  list_.push_back(entry);
}

void Schedule::EmitLoad(const Load& load) {
  Entry entry = load.entry;
  entry.command.dst_base =
      RingOf(load).Place(entry.command.length, load.last(), entry.command.after);
  const bool weights = entry.command.opcode == Opcode::kLoadWeights;
  Emit(entry);
  for (uint32_t conv = load.conv; conv <= load.last(); ++conv) {
    (weights ? bases_[conv].first : bases_[conv].second) = entry.command.dst_base;
    loaded_[conv] = emitted_moves_;
  }
}

void Schedule::EmitItem(Entry item) {
  if (item.command.opcode == Opcode::kConv) {
    item.command.weight_base = bases_[emitted_convs_].first;
    item.command.threshold_base = bases_[emitted_convs_].second;
    item.command.after = std::max(loaded_[emitted_convs_], last_move_);
    return Emit(item);
  }
  Emit(item);
  last_move_ = emitted_moves_;
}

std::vector<Schedule::Entry> Schedule::Finish() {
  bases_.resize(convs_);
  loaded_.resize(convs_);
  size_t next_load = 0;
  for (size_t next = 0; next < items_.size();) {
    Entry item = items_[next];
    if (next_load < loads_.size()) {
      const Load& load = loads_[next_load];
      const bool conv = item.command.opcode == Opcode::kConv;
      if (conv) item.command.after = std::max(loaded_[emitted_convs_], last_move_);
      if ((conv && load.conv <= emitted_convs_) || LoadGoesFirst(load, item)) {
        EmitLoad(load);
        ++next_load;
        continue;
      }
    }
    EmitItem(item);
    ++next;
  }
  list_.push_back({});
  return std::move(list_);
}

}  // namespace bluestem::fpga
