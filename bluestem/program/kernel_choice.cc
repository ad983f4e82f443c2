#include "bluestem/program/kernel_choice.h"

namespace bluestem::program {
namespace {

using kernels::Isa;
using kernels::IsaBit;

template <typename Row, typename Params>
KernelChoice Choose(const Row* rows, int32_t count, const Params& params, kernels::IsaSet isas) {
  KernelChoice choice;
  for (int32_t i = 0; i < count; ++i) {
    if ((isas & IsaBit(rows[i].isa)) == 0) continue;
    const char* reason = rows[i].refuses(params);
    if (reason == nullptr) {
      choice.kernel = rows[i].symbol;
      choice.isa = rows[i].isa;
      return choice;
    }
    choice.refusals.push_back({rows[i].symbol, reason});
  }
  choice.kernel = rows[count - 1].symbol;  // as the tables' own selection ends
  return choice;
}

}  // namespace

std::string IsaNames(kernels::IsaSet isas) {
  std::string names;
  for (const Isa isa : kernels::kIsas) {
    if ((isas & IsaBit(isa)) == 0) continue;
    names += (names.empty() ? "" : ", ") + std::string(kernels::IsaName(isa));
  }
  return names;
}

const std::vector<CpuLevel>& CpuLevels() {
  const auto level = [](Isa isa, bool x86, bool aarch64, bool armhf) {
    return CpuLevel{kernels::IsaName(isa), kernels::WithImplied(isa), x86, aarch64, armhf};
  };
  static const std::vector<CpuLevel> levels = {
      level(Isa::kAmx, true, false, false),        level(Isa::kAvx512Vbmi, true, false, false),
      level(Isa::kAvx512Vnni, true, false, false), level(Isa::kAvx512, true, false, false),
      level(Isa::kAvx2, true, false, false),       level(Isa::kSse4, true, false, false),
      level(Isa::kNeonDot, false, true, false),    level(Isa::kNeon, false, true, true),
      level(Isa::kPortable, true, true, true),
  };
  return levels;
}

KernelChoice ChooseKernel(const CallParams& params, kernels::IsaSet isas) {
  if (const auto* qconv = std::get_if<kernels::QConvParams>(&params)) {
    return Choose(kernels::kQConvKernels, kernels::kQConvKernelCount, *qconv, isas);
  }
  if (const auto* fconv = std::get_if<kernels::FConvParams>(&params)) {
    return Choose(kernels::kFConvKernels, kernels::kFConvKernelCount, *fconv, isas);
  }
  return {};
}

std::string ChoicesText(const CallParams& params) {
  std::string text;
  for (const CpuLevel& level : CpuLevels()) {
    const KernelChoice choice = ChooseKernel(params, level.isas);
    if (choice.kernel.empty()) return "";
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", level.name, choice.kernel);
    for (const Refusal& refusal : choice.refusals) {
      text += fmt::format(" ({}: {})", refusal.kernel, refusal.reason);
    }
  }
  return text;
}

std::string WhyReference(const CallParams& params, kernels::IsaSet isas) {
  const KernelChoice choice = ChooseKernel(params, isas);
  if (choice.kernel.empty() || choice.isa != Isa::kReference) return "";
  if (choice.refusals.empty()) {
    const KernelChoice next = ChooseKernel(params, kernels::kAlways);
    return fmt::format("no other instruction set is allowed; portable has {}", next.kernel);
  }
  std::string text;
  for (const Refusal& refusal : choice.refusals) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", refusal.kernel, refusal.reason);
  }
  return text;
}

}  // namespace bluestem::program
