// PowerMeter: the energy that this machine used meanwhile, where it says: Intel's RAPL as Linux
// shows it (/sys/class/powercap), or a power sensor (/sys/class/hwmon, microwatts).
//
// Threads: one thread. Reading a counter costs microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/file.h"

namespace bluestem {

class PowerMeter {
 public:
  // `root` is "/sys/class" but in tests.
  explicit PowerMeter(const Path& root = "/sys/class");

  // What is read ("RAPL package-0", "sensor ina219 power1"), or why nothing is.
  const std::string& source() const { return source_; }
  bool available() const { return !counters_.empty() || !sensor_.empty(); }
  void Start();
  // A sensor shows the present moment: call this some times a second while the load runs.
  void Sample();
  // Returns the mean power since Start in watts; 0 where nothing is to be read.
  double MeanWatts(double seconds);

 private:
  struct Counter {
    Path file;      // microjoules
    int64_t range;  // at which it begins anew
    int64_t start = 0;
  };
  std::vector<Counter> counters_;
  Path sensor_;  // microwatts
  double sum_watts_ = 0;
  int64_t samples_ = 0;
  std::string source_;
};

}  // namespace bluestem
