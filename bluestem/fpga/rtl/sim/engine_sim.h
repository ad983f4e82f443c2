/* The engine's RTL, simulated clock by clock, as a shared library: registers, memory behind the
 * bus, and a bus whose manners can be made bad. bluestem/fpga/engine/simulation.h loads it.
 *
 * Threads: one simulation belongs to one thread. */
#ifndef BLUESTEM_FPGA_RTL_SIM_ENGINE_SIM_H_
#define BLUESTEM_FPGA_RTL_SIM_ENGINE_SIM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BluestemEngineSim BluestemEngineSim;

typedef enum {
  BLUESTEM_BUS_FINE = 0,
  BLUESTEM_BUS_ERROR = 1,  /* the answer is SLVERR */
  BLUESTEM_BUS_SHORT = 2,  /* a read ends a beat early */
  BLUESTEM_BUS_SILENT = 3, /* no answer comes, ever */
  BLUESTEM_BUS_LONG = 4    /* a read has a beat too many: RLAST comes with that one */
} BluestemBusFault;

typedef struct {
  uint32_t latency; /* clocks from a burst's address to its first beat, or from its last beat to the
                       answer; >= 1 */
  uint32_t pause;   /* in percent: how often a channel pauses for a clock; 0..99 */
  uint64_t seed;    /* of the pauses */
  int64_t fault_at; /* index of the burst, reads and writes counted together, that goes wrong; < 0:
                       none */
  BluestemBusFault fault;
} BluestemBus;

/* What happened in a clock: a half of the engine began or ended a descriptor, or the list did. */
typedef struct {
  uint64_t clock;
  uint32_t half; /* 0 array, 1 memory port, 2 list */
  uint32_t end;  /* 0 began, 1 ended */
} BluestemEngineEvent;

BluestemEngineSim* bluestem_engine_sim_open(void);
void bluestem_engine_sim_close(BluestemEngineSim* sim);
/* The `size` bytes at `memory` lie at `address` of the bus; an access outside is answered with an
 * error. They stay the caller's. */
void bluestem_engine_sim_memory(BluestemEngineSim* sim, void* memory, uint64_t size,
                                uint32_t address);
void bluestem_engine_sim_bus(BluestemEngineSim* sim, const BluestemBus* bus);
/* Flips a bit of a word of one of the engine's own memories, `clocks` from now; one flip stands at
 * a time. `memory` is the RTL's path of a ram's words, "tap_words.single" for one. Returns whether
 * there is such a bit: of a simulation that was compiled without its memories there is none. */
int bluestem_engine_sim_flip(BluestemEngineSim* sim, const char* memory, uint32_t word,
                             uint32_t bit, uint64_t clocks);
void bluestem_engine_sim_reset(BluestemEngineSim* sim);
uint32_t bluestem_engine_sim_read(BluestemEngineSim* sim, uint32_t offset);
void bluestem_engine_sim_write(BluestemEngineSim* sim, uint32_t offset, uint32_t value);
/* Runs until the interrupt, `clocks` at most. Returns whether it came. */
int bluestem_engine_sim_wait(BluestemEngineSim* sim, uint64_t clocks);
/* Events since the last call, oldest first, `most` at most. Returns how many. */
uint64_t bluestem_engine_sim_events(BluestemEngineSim* sim, BluestemEngineEvent* events,
                                    uint64_t most);
/* Clocks since it was opened. */
uint64_t bluestem_engine_sim_clocks(const BluestemEngineSim* sim);
/* Bursts since the bus was set, reads and writes together. */
int64_t bluestem_engine_sim_bursts(const BluestemEngineSim* sim);
/* What the bus saw that AXI does not allow, or "" where all was well. */
const char* bluestem_engine_sim_violation(const BluestemEngineSim* sim);

#ifdef __cplusplus
}
#endif

#endif
