#include "bluestem/base/power.h"

#include <algorithm>
#include <charconv>

namespace bluestem {
namespace {

namespace fs = std::filesystem;

// Returns the number in a file of /sys, or -1.
int64_t ReadNumber(const Path& file) {
  const auto text = ReadTextFile(file, 64);
  int64_t number = -1;
  if (!text.ok()) return -1;
  const auto end = text->data() + text->size();
  return std::from_chars(text->data(), end, number).ec == std::errc() ? number : -1;
}

std::string ReadWord(const Path& file) {
  const auto text = ReadTextFile(file, 256);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

std::vector<Path> SortedEntries(const Path& folder) {
  std::vector<Path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

PowerMeter::PowerMeter(const Path& root) {
  bool unreadable = false;
  for (const Path& zone : SortedEntries(root / "powercap")) {
    const std::string name = ReadWord(zone / "name");
    if (!name.starts_with("package")) continue;
    const int64_t range = ReadNumber(zone / "max_energy_range_uj");
    if (ReadNumber(zone / "energy_uj") < 0 || range <= 0) {
      unreadable = true;  // root's alone since CVE-2020-8694
      continue;
    }
    source_ += fmt::format("{}RAPL {}", source_.empty() ? "" : ", ", name);
    counters_.push_back({zone / "energy_uj", range});
  }
  if (!counters_.empty()) return;
  for (const Path& chip : SortedEntries(root / "hwmon")) {
    for (const char* file : {"power1_average", "power1_input"}) {
      if (ReadNumber(chip / file) < 0) continue;
      sensor_ = chip / file;
      source_ = fmt::format("sensor {} {}", ReadWord(chip / "name"), file);
      return;
    }
  }
  source_ = unreadable ? "RAPL is there, but only root may read it: run as root for images/s/W"
                       : "this machine shows neither RAPL (/sys/class/powercap) nor a power sensor "
                         "(/sys/class/hwmon/*/power1_input)";
}

void PowerMeter::Start() {
  for (Counter& counter : counters_) counter.start = ReadNumber(counter.file);
  sum_watts_ = 0;
  samples_ = 0;
}

void PowerMeter::Sample() {
  if (sensor_.empty()) return;
  const int64_t microwatts = ReadNumber(sensor_);
  if (microwatts < 0) return;
  sum_watts_ += static_cast<double>(microwatts) * 1e-6;
  ++samples_;
}

double PowerMeter::MeanWatts(double seconds) {
  if (!sensor_.empty()) return samples_ == 0 ? 0 : sum_watts_ / static_cast<double>(samples_);
  double joules = 0;
  for (const Counter& counter : counters_) {
    int64_t used = ReadNumber(counter.file) - counter.start;
    if (used < 0) used += counter.range;
    joules += static_cast<double>(used) * 1e-6;
  }
  return seconds > 0 ? joules / seconds : 0;
}

}  // namespace bluestem
