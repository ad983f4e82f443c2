#include "bluestem/runtime/devices/devices.h"

#include <cstdlib>

namespace bluestem::runtime {

const std::vector<DeviceKind>& DeviceKinds() {
  static const std::vector<DeviceKind> kinds = [] {
    std::vector<DeviceKind> all = {
        {"CPU", "this machine's processor, with the best kernels that it has", OpenCpu},
        {"REFERENCE", "the kernels that define the numbers, on the processor; slow", OpenReference},
        {"FPGA", "the engine in a board's FPGA, through UIO; not tried on a board", OpenFpgaBoard},
        {"FPGA-MODEL", "the FPGA engine as C++: exact results, computed clocks", OpenFpgaModel},
        {"FPGA-SIM", "the engine's RTL, simulated clock by clock; slow", OpenFpgaSimulation},
    };
    const char* libraries = std::getenv("BLUESTEM_DEVICES");
    if (libraries != nullptr) AppendLoaded(libraries, all);
    return all;
  }();
  return kinds;
}

}  // namespace bluestem::runtime
