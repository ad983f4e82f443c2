// What every benchmark shares: clocks, medians, aligned memory, and which machine this is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bluestem::bench {

// Zeros, 64-byte aligned.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  uint8_t* data() const { return data_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::vector<uint8_t> storage_;
  uint8_t* data_;
};

// kThread: seconds that this thread computed, so that what others do on the machine counts little;
// for work of one thread. kWall: seconds that passed.
enum class Clock { kThread, kWall };

// Returns the seconds of one `run`, from as many as take `seconds`; the first, which warms up, is
// not counted.
double SecondsPerRun(const std::function<void()>& run, Clock clock, double seconds);

double Median(std::vector<double> values);
// Returns the mean of the best tenth, at least one value: the least of seconds.
double BestTenth(std::vector<double> seconds);

struct Machine {
  std::string cpu, isa, mhz, compiler, flags, commit;
  std::string peers;  // their versions and settings; "" where none runs
  int cores = 0;
};
// `isa`: what ours is restricted to, "" where it is not.
Machine DescribeMachine(const std::string& isa = "");
// One line: "AMD EPYC, 2 cores, avx2, 2445 MHz; g++ 12.2.0 -O2 ...; commit 0123abcd".
std::string MachineText(const Machine& machine);

}  // namespace bluestem::bench
