// The table of calls that measure and profile show, its JSON, and the totals by bits.
//
// Threads: free functions without state.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bluestem/cli/latency.h"
#include "bluestem/cli/machine.h"
#include "bluestem/cli/output.h"

namespace bluestem::cli {

// Returns "w1a2", "w32a32" and so on; "-" for a call without weights.
std::string BitsText(int32_t x_bits, int32_t w_bits, int64_t macs);

// Long names lose their middle: the ends tell calls apart.
std::string ShortName(const std::string& op);

struct BitsTotal {
  std::string bits;
  int64_t macs = 0;
  double seconds = 0;
  double share = 0;  // of all calls' seconds
  double GigaMacs() const { return seconds > 0 ? static_cast<double>(macs) / seconds * 1e-9 : 0; }
};
// Returns one row a kind of bits, in the order in which they first run.
std::vector<BitsTotal> TotalsByBits(const std::vector<OpTime>& ops);

// Prints the calls as they were executed, a line for all, and a warning for each call on the
// reference kernel.
void PrintOps(Output& output, const std::vector<OpTime>& ops);

nlohmann::ordered_json OpsJson(const std::vector<OpTime>& ops);
nlohmann::ordered_json TotalsJson(const std::vector<BitsTotal>& totals);

// What ran, and on what: the lines and keys with which both commands begin.
void PrintSubject(Output& output, const Subject& subject, const Cpu& cpu);
nlohmann::ordered_json SubjectJson(const Subject& subject, const Cpu& cpu);

}  // namespace bluestem::cli
