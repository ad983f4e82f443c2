#include "bluestem/fpga/area.h"

namespace bluestem::fpga {

const std::vector<Part>& Parts() {
  // What Quartus's fitter reports as there to be used; of 5CSEMA4 and 5CSEBA2 the device overview.
  static const std::vector<Part> parts = {
      {"5CSEBA6", "DE10-Nano", 41910, 553, "M10K", 112},
      {"5CSEMA5", "DE1-SoC", 32070, 397, "M10K", 87},
      {"5CSXFC6", "KEIm-CVSoC", 41910, 553, "M10K", 112},
      {"5CSEMA4", "DE0-Nano-SoC", 15880, 270, "M10K", 84},
      {"5CSEBA2", "smallest Cyclone V SoC", 9430, 140, "M10K", 36},
      {"10AX115", "PAC with Arria 10", 427200, 2713, "M20K", 1518},
  };
  return parts;
}

Result<Part> FindPart(const std::string& name) {
  std::string names;
  for (const Part& part : Parts()) {
    if (name.rfind(part.name, 0) == 0) return part;
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", part.name, part.board);
  }
  return Error(Code::kInvalidArgument, "there is no part '{}'; expected one of {}", name, names);
}

}  // namespace bluestem::fpga
