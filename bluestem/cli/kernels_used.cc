#include "bluestem/cli/kernels_used.h"

#include <nlohmann/json.hpp>

namespace bluestem::cli {
namespace {

// "qconv_u4s1_lut32__avx2" under the column avx2 is "qconv_u4s1_lut32".
std::string WithoutLevel(const std::string& symbol, const std::string& level) {
  const std::string suffix = "__" + level;
  const bool ends = symbol.size() > suffix.size() &&
                    symbol.compare(symbol.size() - suffix.size(), suffix.size(), suffix) == 0;
  return ends ? symbol.substr(0, symbol.size() - suffix.size()) : symbol;
}

}  // namespace

std::vector<program::CpuLevel> LevelsOf(const std::vector<std::string>& targets) {
  std::vector<program::CpuLevel> levels;
  for (const program::CpuLevel& level : program::CpuLevels()) {
    bool wanted = targets.empty();
    for (const std::string& target : targets) {
      wanted = wanted || (target == "x86-64"    ? level.x86
                          : target == "aarch64" ? level.aarch64
                                                : level.armhf);
    }
    if (wanted) levels.push_back(level);
  }
  return levels;
}

nlohmann::ordered_json DescribeKernels(Output& output, const program::Program& program,
                                       const std::vector<program::CpuLevel>& levels) {
  using Json = nlohmann::ordered_json;
  std::vector<std::string> header = {"kernels"};
  for (const program::CpuLevel& level : levels) header.emplace_back(level.name);
  std::vector<std::vector<std::string>> rows;
  Json list = Json::array();
  for (const program::Call& call : program.calls) {
    std::vector<std::string> row = {call.op};
    Json kernels = Json::object();
    Json reference = Json::object();
    for (const program::CpuLevel& level : levels) {
      const program::KernelChoice choice = program::ChooseKernel(call.params, level.isas);
      if (choice.kernel.empty()) break;
      row.push_back(WithoutLevel(choice.kernel, level.name));
      kernels[level.name] = choice.kernel;
      const std::string why = program::WhyReference(call.params, level.isas);
      if (!why.empty()) reference[level.name] = why;
    }
    if (kernels.empty()) continue;
    rows.push_back(std::move(row));
    list.push_back({{"op", call.op}, {"kernels", kernels}, {"reference", reference}});
  }
  output.Table(header, rows);
  WarnOfReference(output, program, levels);
  return list;
}

void WarnOfReference(Output& output, const program::Program& program,
                     const std::vector<program::CpuLevel>& levels) {
  for (const program::Call& call : program.calls) {
    for (const program::CpuLevel& level : levels) {
      const std::string why = program::WhyReference(call.params, level.isas);
      if (why.empty()) continue;
      output.Warn("{}: runs on the slow reference kernel with {}: {}", call.op, level.name, why);
    }
  }
}

}  // namespace bluestem::cli
