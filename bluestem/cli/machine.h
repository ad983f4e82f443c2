// What a measurement was made on: the CPU, and what memory this process has. From /proc; a value
// that is not there reads "unknown" or 0.
//
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>

namespace bluestem::cli {

struct Cpu {
  std::string name = "unknown";   // "AMD EPYC"
  std::string clock = "unknown";  // "2445 MHz now", "1500 MHz at most"
  int64_t mhz = 0;                // the number of `clock`
  int64_t cores = 0;              // that this process may use
};

Cpu ReadCpu();

struct ResidentMemory {
  int64_t bytes = 0;       // resident now
  int64_t peak_bytes = 0;  // most that was, since the process began or ResetPeak
};

ResidentMemory ReadMemory();

// Lets the peak begin anew at what is resident now. False where the kernel does not do so: then the
// peak is that of the whole process.
bool ResetPeak();

}  // namespace bluestem::cli
