#include "bench/peers/options.h"

#include <fmt/core.h>

#include <cmath>
#include <cstdlib>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/program/kernel_choice.h"

namespace bluestem::bench {
namespace {

std::string UsageText(const char* program, const std::vector<Option>& options) {
  std::string text = fmt::format("usage: {} [--help]", program);
  for (const Option& option : options) {
    const std::string value = option.value == nullptr ? "" : fmt::format(" {}", option.value);
    text += fmt::format(" [{}{}]", option.name, value);
  }
  return text + "\n";
}

// Returns false where `text` is no value of that kind.
bool Set(const Option& option, const char* text) {
  if (auto* const* words = std::get_if<std::string*>(&option.target)) {
    **words = text;
    return true;
  }
  char* end = nullptr;
  if (auto* const* real = std::get_if<double*>(&option.target)) {
    **real = std::strtod(text, &end);
    return end != text && *end == 0 && std::isfinite(**real) && **real > 0;
  }
  constexpr long kMost = 1000000;
  const long number = std::strtol(text, &end, 10);
  *std::get<int*>(option.target) = static_cast<int>(number);
  return end != text && *end == 0 && number > 0 && number <= kMost;
}

}  // namespace

std::optional<int> ParseOptions(int argc, char** argv, const std::vector<Option>& options) {
  const auto wrong = [&](const std::string& why) {
    fmt::print(stderr, "{}: error: {}\n{}", argv[0], why, UsageText(argv[0], options));
    return static_cast<int>(Code::kInvalidArgument);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      fmt::print("{}", UsageText(argv[0], options));
      return 0;
    }
    const Option* option = nullptr;
    for (const Option& each : options) {
      if (name == each.name) option = &each;
    }
    if (option == nullptr) return wrong(fmt::format("{}: unknown", name));
    if (bool* const* flag = std::get_if<bool*>(&option->target)) {
      **flag = true;
      continue;
    }
    if (i + 1 == argc) return wrong(fmt::format("{}: needs {}", name, option->value));
    const char* value = argv[++i];
    if (!Set(*option, value)) {
      return wrong(fmt::format("{} {}: needs a number above 0", name, value));
    }
  }
  return std::nullopt;
}

Status CheckIsa(const std::string& isa) {
  if (isa.empty()) return OkStatus();
  const kernels::IsaSet cpu = edge::CpuIsas();
  const kernels::IsaSet wanted = edge::IsaSetFromName(isa.c_str());
  if (wanted == 0) {
    return Error(Code::kInvalidArgument, "--isa {}: no such instruction set; this CPU has {}", isa,
                 program::IsaNames(cpu));
  }
  if ((wanted & ~cpu) != 0) {
    return Error(Code::kUnavailable, "--isa {}: this CPU has {}", isa, program::IsaNames(cpu));
  }
  return OkStatus();
}

int Fail(const char* program, const Status& status) {
  fmt::print(stderr, "{}: error: {}\n", program, status.message());
  return static_cast<int>(status.code());
}

}  // namespace bluestem::bench
