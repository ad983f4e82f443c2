#include "bluestem/fpga/builds.h"

#include <cstdlib>

namespace bluestem::fpga {
namespace {

constexpr const char* kVariable = "BLUESTEM_ENGINE";
// tools/fpga_area, with its 15 % for packing; not what the bridges of a board take beside it.
constexpr const char* kSource = "estimate by Yosys, not placed or routed";

}  // namespace

const std::vector<EngineBuild>& Builds() {
  static const std::vector<EngineBuild> builds = {
      {"default", {}, {.alms = 20258, .m10k = 339, .dsp = 4, .source = kSource}},
      {"small",
       {.outputs = 8, .bank_words = 2048, .weight_words = 512, .threshold_blocks = 32},
       {.alms = 7862, .m10k = 135, .dsp = 4, .source = kSource}},
      {"plain",
       {.outputs = 8,
        .bank_words = 2048,
        .weight_words = 512,
        .threshold_blocks = 32,
        .residual = false},
       {.alms = 7186, .m10k = 135, .dsp = 4, .source = kSource}},
      {"large", {.pixels = 8}, {.alms = 33998, .m10k = 339, .dsp = 4, .source = kSource}},
  };
  return builds;
}

Result<EngineBuild> FindBuild(const std::string& name) {
  std::string names;
  for (const EngineBuild& build : Builds()) {
    if (name == build.name) return build;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", build.name);
  }
  return Error(Code::kInvalidArgument, "there is no build '{}' of the engine; expected one of {}",
               name, names);
}

Result<EngineBuild> ChosenBuild() {
  const char* name = std::getenv(kVariable);
  if (name == nullptr || *name == '\0') return Builds().front();
  auto build = FindBuild(name);
  if (build.ok()) return build;
  return Error(build.status().code(), "{}: {}", kVariable, build.status().message());
}

std::string ChoiceText(const EngineConfig& config) {
  for (const EngineBuild& build : Builds()) {
    if (build.config == config) return fmt::format(" and {}={}", kVariable, build.name);
  }
  return "";
}

}  // namespace bluestem::fpga
