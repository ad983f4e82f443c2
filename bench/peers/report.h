// The figures of a run: as a table, as JSON, as a picture, and as a verdict.
#pragma once

#include <string>
#include <vector>

#include "bench/harness.h"
#include "bench/peers/contender.h"
#include "bluestem/base/status.h"

namespace bluestem::bench {

struct Lane {
  Contender contender;
  std::vector<double> seconds;  // of one run, a round each
};

// One shape, or a whole net, and who runs it: ours first.
struct Race {
  std::string name;
  double macs;
  std::vector<Lane> lanes;
  bool net = false;  // a whole one
};

// Errors: kInvalidArgument where `filter` has left no race.
Status CheckAny(const std::vector<Race>& races, const std::string& filter);

// Measures every lane once a round, so that a slow moment of the machine hits all alike.
void RunRaces(std::vector<Race>& races, int rounds, Clock clock, double seconds);

// Returns the lane called `name`, or null.
const Lane* FindLane(const Race& race, const std::string& name);
// Returns how many times as fast ours is as `peer`; 0 where that did not run.
double Ratio(const Race& race, const std::string& peer);

void PrintTable(const Machine& machine, int threads, const std::vector<Race>& races);
// One row a race: GMAC/s and microseconds of each contender, ratio_to_<peer>.
void PrintJson(const Machine& machine, int threads, const std::vector<Race>& races);
// A self-contained SVG: a group of bars a race. Returns false where it cannot be written.
bool WritePlot(const std::string& path, const Machine& machine, int threads,
               const std::vector<Race>& races);
// Names on stderr the races in which ours has less than `least` (a net: `least_net`) of oneDNN
// int8's speed, by medians, or that are not run by it, and returns their number.
int SlowerThanInt8(const std::vector<Race>& races, double least, double least_net);

}  // namespace bluestem::bench
