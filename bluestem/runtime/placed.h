// PlacedProgram: a Program, where its calls run, and its weights in memory: what the sessions of
// one compiled model share.
//
// Threads: immutable; sessions of it run in parallel.
#pragma once

#include "bluestem/runtime/aligned.h"
#include "bluestem/runtime/placement.h"

namespace bluestem::runtime {

struct PlacedProgram {
  std::shared_ptr<const program::Program> program;
  Placement placement;
  AlignedBytes constants;
};

// Errors: kInvalidData for a program that Verify refuses; kUnavailable without memory.
Result<std::shared_ptr<const PlacedProgram>> MakePlaced(
    std::shared_ptr<const program::Program> program, Placement placement);

// Returns a session with an arena and runners of its own. Errors: the devices'; kUnavailable
// without memory.
Result<std::unique_ptr<Session>> OpenSession(std::shared_ptr<const PlacedProgram> placed,
                                             const DeviceOptions& options);

}  // namespace bluestem::runtime
