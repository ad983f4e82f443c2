#include "bluestem/cli/machine.h"

#include <fmt/format.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace bluestem::cli {
namespace {

// Returns what follows "KEY  :" in a file of such lines, or "".
std::string Field(std::istream& lines, const std::string& key) {
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    if (line.find_first_not_of(" \t", key.size()) != colon) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::string FieldOf(const char* file, const std::string& key) {
  std::ifstream stream(file);
  return Field(stream, key);
}

std::string FirstLine(const char* file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line.substr(0, line.find('\0'));
}

int64_t Number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

Cpu ReadCpu() {
  Cpu cpu;
  // x86 names the CPU; Arm boards name the board in one of the other places.
  for (const std::string& name :
       {FieldOf("/proc/cpuinfo", "model name"), FieldOf("/proc/cpuinfo", "Model"),
        FirstLine("/proc/device-tree/model"), FieldOf("/proc/cpuinfo", "Hardware")}) {
    if (name.empty()) continue;
    cpu.name = name;
    break;
  }
  const int64_t now = Number(FieldOf("/proc/cpuinfo", "cpu MHz"));
  const int64_t most = Number(FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"));
  if (now > 0) {
    cpu.mhz = now;
    cpu.clock = fmt::format("{} MHz now", now);
  } else if (most > 0) {
    cpu.mhz = most / 1000;
    cpu.clock = fmt::format("{} MHz at most", cpu.mhz);
  }
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) cpu.cores = CPU_COUNT(&allowed);
  return cpu;
}

ResidentMemory ReadMemory() {
  constexpr int64_t kKilobyte = 1024;
  return {.bytes = Number(FieldOf("/proc/self/status", "VmRSS")) * kKilobyte,
          .peak_bytes = Number(FieldOf("/proc/self/status", "VmHWM")) * kKilobyte};
}

bool ResetPeak() {
  std::ofstream stream("/proc/self/clear_refs");
  stream << "5" << std::flush;  // proc(5): resets the peak resident set size
  return stream.good();
}

}  // namespace bluestem::cli
