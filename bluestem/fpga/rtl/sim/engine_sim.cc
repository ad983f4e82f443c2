#include "engine_sim.h"

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "Vengine.h"
#include "verilated.h"
#include "verilated_sym_props.h"

namespace {

constexpr uint32_t kBeatBytes = 8, kPage = 4096, kMostBeats = 16;
enum : uint8_t { kOkay = 0, kSlaveError = 2, kDecodeError = 3 };

// xorshift64*: pauses need no more.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  bool Percent(uint32_t percent) {
    if (percent == 0) return false;
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dULL >> 33) % 100 < percent;
  }

 private:
  uint64_t state_;
};

struct Burst {
  uint32_t address = 0, beats = 0;
  uint64_t ready = 0;  // clock
  BluestemBusFault fault = BLUESTEM_BUS_FINE;
};

}  // namespace

struct BluestemEngineSim {
  VerilatedContext context;
  std::unique_ptr<Vengine> top{new Vengine(&context)};
  uint8_t* memory = nullptr;
  uint64_t size = 0;
  uint32_t base = 0;
  BluestemBus bus = {24, 0, 1, -1, BLUESTEM_BUS_FINE};
  Dice dice{1};
  uint64_t clock = 0;
  int64_t bursts = 0;
  std::deque<Burst> reads, writes, answers;
  uint32_t read_beat = 0, write_beat = 0;
  bool write_outside = false;
  uint32_t held_araddr = 0, held_awaddr = 0;
  bool ar_waits = false, aw_waits = false, w_waits = false;
  uint64_t held_wdata = 0;
  uint8_t held_arlen = 0, held_awlen = 0, held_wlast = 0;
  std::deque<BluestemEngineEvent> events;
  std::string violation;
  uint8_t* flip_byte = nullptr;  // of a memory; null: none stands
  uint8_t flip_mask = 0;
  uint64_t flip_at = 0;  // clock

  void FlipWhenDue() {
    if (flip_byte == nullptr || clock < flip_at) return;
    *flip_byte ^= flip_mask;
    flip_byte = nullptr;
  }

  void Violate(const char* what) {
    if (violation.empty()) violation = what;
  }

  uint8_t* At(uint32_t address) const {
    const uint64_t offset = uint64_t{address} - base;
    return address >= base && offset + kBeatBytes <= size ? memory + offset : nullptr;
  }

  Burst Open(uint32_t address, uint32_t beats) {
    if (address % kBeatBytes != 0) Violate("an address that is no multiple of 8");
    if (beats > kMostBeats) Violate("a burst of more than 16 beats");
    if (address / kPage != (address + beats * kBeatBytes - 1) / kPage) {
      Violate("a burst over a boundary of 4 KB");
    }
    Burst burst = {address, beats, clock + bus.latency, BLUESTEM_BUS_FINE};
    if (bursts++ == bus.fault_at) burst.fault = bus.fault;
    return burst;
  }

  // What stands and was not taken may not change.
  void CheckStable() {
    const Vengine& t = *top;
    const bool ar_same = t.m_araddr == held_araddr && t.m_arlen == held_arlen;
    const bool aw_same = t.m_awaddr == held_awaddr && t.m_awlen == held_awlen;
    const bool w_same = t.m_wdata == held_wdata && t.m_wlast == held_wlast;
    if (ar_waits && (!t.m_arvalid || !ar_same)) Violate("AR changed before it was taken");
    if (aw_waits && (!t.m_awvalid || !aw_same)) Violate("AW changed before it was taken");
    if (w_waits && (!t.m_wvalid || !w_same)) Violate("W changed before it was taken");
    ar_waits = t.m_arvalid && !t.m_arready;
    aw_waits = t.m_awvalid && !t.m_awready;
    w_waits = t.m_wvalid && !t.m_wready;
    held_araddr = t.m_araddr;
    held_awaddr = t.m_awaddr;
    held_wdata = t.m_wdata;
    held_arlen = t.m_arlen;
    held_awlen = t.m_awlen;
    held_wlast = t.m_wlast;
  }

  void TakeWrite() {
    const Vengine& t = *top;
    if (writes.empty()) return Violate("data of a write without an address");
    Burst& burst = writes.front();
    uint8_t* place = At(burst.address + write_beat * kBeatBytes);
    if (place != nullptr) {
      const uint64_t data = t.m_wdata;
      std::memcpy(place, &data, kBeatBytes);
    } else {
      write_outside = true;
    }
    const bool last = ++write_beat == burst.beats;
    if (last != (t.m_wlast != 0)) Violate("WLAST at another beat than the burst's last");
    if (!last) return;
    burst.ready = clock + bus.latency;
    if (write_outside && burst.fault == BLUESTEM_BUS_FINE) burst.fault = BLUESTEM_BUS_ERROR;
    answers.push_back(burst);
    writes.pop_front();
    write_beat = 0;
    write_outside = false;
  }

  void EndRead() {
    if (top->m_rlast == 0) {
      ++read_beat;
      return;
    }
    reads.pop_front();
    read_beat = 0;
  }

  // What the bus shows in the coming clock.
  void Drive() {
    Vengine& t = *top;
    t.m_arready = !dice.Percent(bus.pause);
    t.m_awready = !dice.Percent(bus.pause);
    t.m_wready = !writes.empty() && !dice.Percent(bus.pause);
    // Valid stays until it is taken.
    if (!(t.m_rvalid && !read_taken)) {
      t.m_rvalid = !reads.empty() && reads.front().ready <= clock &&
                   reads.front().fault != BLUESTEM_BUS_SILENT && !dice.Percent(bus.pause);
    }
    if (t.m_rvalid) {
      const Burst& burst = reads.front();
      const uint8_t* place = At(burst.address + read_beat * kBeatBytes);
      uint64_t data = 0;
      if (place != nullptr) std::memcpy(&data, place, kBeatBytes);
      t.m_rdata = data;
      t.m_rresp = burst.fault == BLUESTEM_BUS_ERROR ? kSlaveError
                  : place == nullptr                ? kDecodeError
                                                    : kOkay;
      uint32_t beats = burst.beats;
      if (burst.fault == BLUESTEM_BUS_SHORT && beats > 1) --beats;
      if (burst.fault == BLUESTEM_BUS_LONG) ++beats;
      t.m_rlast = read_beat + 1 == beats;
    }
    if (!(t.m_bvalid && !answer_taken)) {
      t.m_bvalid = !answers.empty() && answers.front().ready <= clock &&
                   answers.front().fault != BLUESTEM_BUS_SILENT && !dice.Percent(bus.pause);
    }
    if (t.m_bvalid) t.m_bresp = answers.front().fault == BLUESTEM_BUS_ERROR ? kSlaveError : kOkay;
  }
  bool read_taken = false, answer_taken = false;

  void Record(uint32_t half, uint32_t end) { events.push_back({clock, half, end}); }

  void Step() {
    Vengine& t = *top;
    t.clk = 0;
    t.eval();  // what follows from the inputs at once
    CheckStable();
    if (t.m_arvalid && t.m_arready) reads.push_back(Open(t.m_araddr, t.m_arlen + 1U));
    if (t.m_wvalid && t.m_wready) TakeWrite();
    if (t.m_awvalid && t.m_awready) writes.push_back(Open(t.m_awaddr, t.m_awlen + 1U));
    read_taken = t.m_rvalid && t.m_rready;
    if (read_taken) EndRead();
    answer_taken = t.m_bvalid && t.m_bready;
    if (answer_taken) answers.pop_front();
    for (uint32_t half = 0; half < 3; ++half) {
      if (t.trace_start >> half & 1) Record(half, 0);
      if (t.trace_end >> half & 1) Record(half, 1);
    }
    t.clk = 1;
    t.eval();
    ++clock;
    FlipWhenDue();
    Drive();
  }

  void Reset() {
    Vengine& t = *top;
    t.rst = 1;
    t.s_awvalid = t.s_wvalid = t.s_arvalid = t.m_rvalid = t.m_bvalid = 0;
    t.s_bready = t.s_rready = 1;
    reads.clear();
    writes.clear();
    answers.clear();
    read_beat = write_beat = 0;
    ar_waits = aw_waits = w_waits = read_taken = answer_taken = write_outside = false;
    for (int i = 0; i < 4; ++i) {
      t.clk = 0;
      t.eval();
      t.clk = 1;
      t.eval();
      ++clock;
    }
    t.rst = 0;
    events.clear();
    violation.clear();
    Drive();
  }
};

BluestemEngineSim* bluestem_engine_sim_open(void) {
  auto* sim = new BluestemEngineSim;
  sim->Reset();
  return sim;
}

void bluestem_engine_sim_close(BluestemEngineSim* sim) {
  Verilated::threadContextp(&sim->context);  // from which the model takes its names out
  delete sim;
}

void bluestem_engine_sim_memory(BluestemEngineSim* sim, void* memory, uint64_t size,
                                uint32_t address) {
  sim->memory = static_cast<uint8_t*>(memory);
  sim->size = size;
  sim->base = address;
}

void bluestem_engine_sim_bus(BluestemEngineSim* sim, const BluestemBus* bus) {
  sim->bus = *bus;
  sim->dice = Dice(bus->seed);
  sim->bursts = 0;
}

int bluestem_engine_sim_flip(BluestemEngineSim* sim, const char* memory, uint32_t word,
                             uint32_t bit, uint64_t clocks) {
  std::string path = "TOP.engine.";  // as Verilator writes it
  for (const char* c = memory; *c != '\0'; ++c) {
    path += *c == '[' ? "__BRA__" : *c == ']' ? "__KET__" : std::string(1, *c);
  }
  const VerilatedScope* scope = sim->context.scopeFind(path.c_str());
  const VerilatedVar* words = scope == nullptr ? nullptr : scope->varFind("memory");
  if (words == nullptr || word >= static_cast<uint32_t>(words->unpacked().elements()) ||
      bit >= static_cast<uint32_t>(words->packed().elements())) {
    return 0;
  }
  sim->flip_byte = static_cast<uint8_t*>(words->datap()) + word * words->entSize() + bit / 8;
  sim->flip_mask = static_cast<uint8_t>(1U << bit % 8);
  sim->flip_at = sim->clock + clocks;
  sim->FlipWhenDue();
  return 1;
}

void bluestem_engine_sim_reset(BluestemEngineSim* sim) {
  sim->Reset();
}

uint32_t bluestem_engine_sim_read(BluestemEngineSim* sim, uint32_t offset) {
  Vengine& t = *sim->top;
  t.s_araddr = offset;
  t.s_arvalid = 1;
  sim->Step();  // ready whenever no answer stands
  t.s_arvalid = 0;
  t.clk = 0;
  t.eval();
  const uint32_t value = t.s_rdata;
  sim->Step();
  return value;
}

void bluestem_engine_sim_write(BluestemEngineSim* sim, uint32_t offset, uint32_t value) {
  Vengine& t = *sim->top;
  t.s_awaddr = offset;
  t.s_wdata = value;
  t.s_awvalid = t.s_wvalid = 1;
  sim->Step();
  t.s_awvalid = t.s_wvalid = 0;
  sim->Step();
}

int bluestem_engine_sim_wait(BluestemEngineSim* sim, uint64_t clocks) {
  for (uint64_t i = 0; i < clocks && !sim->top->irq; ++i) sim->Step();
  return sim->top->irq != 0;
}

uint64_t bluestem_engine_sim_events(BluestemEngineSim* sim, BluestemEngineEvent* events,
                                    uint64_t most) {
  uint64_t count = 0;
  while (count < most && !sim->events.empty()) {
    events[count++] = sim->events.front();
    sim->events.pop_front();
  }
  return count;
}

uint64_t bluestem_engine_sim_clocks(const BluestemEngineSim* sim) {
  return sim->clock;
}

int64_t bluestem_engine_sim_bursts(const BluestemEngineSim* sim) {
  return sim->bursts;
}

const char* bluestem_engine_sim_violation(const BluestemEngineSim* sim) {
  return sim->violation.c_str();
}
