// What the engine takes of a Program, and what that costs.
#include <algorithm>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/engine/timing.h"
#include "bluestem/fpga/pick.h"
#include "bluestem/fpga/region.h"
#include "bluestem/fpga/strips.h"
#include "bluestem/kernels/qconv/layout.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Call;
using program::Program;

// Whether all maps of the convolution lie in the banks together.
bool FitsWhole(const Call& call, const EngineConfig& config) {
  const StageMaps maps = MapsOf(call);
  const bool has_third = AddsResidual(call) && call.inputs[kResidualInput] != call.inputs[0];
  const int32_t words =
      maps.source.words() + maps.result.words() + (has_third ? maps.residual.words() : 0);
  return words <= config.bank_words;
}

// Whether every convolution that reads the map that call `index` reads has stride 2. Copies may
// pick pixels of it (pick.h); other readers have it from memory, or it would not be read in the
// banks.
bool AllReadersHalve(const Program& program, size_t index) {
  for (size_t i = 0; i < program.calls.size(); ++i) {
    const QConvParams* reader = AsConv(program.calls[i]);
    if (reader == nullptr) continue;
    if (AddsResidual(program.calls[i]) &&
        program.calls[i].inputs[kResidualInput] == program.calls[index].inputs[0] &&
        WriterOf(program, i, kResidualInput) == WriterOf(program, index)) {
      return false;
    }
    if (program.calls[i].inputs[0] != program.calls[index].inputs[0] ||
        WriterOf(program, i) != WriterOf(program, index)) {
      continue;
    }
    if (reader->stride_h != 2) return false;
  }
  return true;
}

// Of what is compared with thresholds, whatever its sign. A residual code counts as one of 2 bits,
// which bounds the ratio too.
int64_t GreatestSum(const Program& program, const Call& call) {
  QConvParams p = *AsConv(call);
  kernels::QConvArgs args{};
  if (p.residual_bits != 0) {
    p.residual_bits = 2;
    args.ratios = reinterpret_cast<const int32_t*>(program.constants.data() +
                                                   call.inputs[kRatiosInput].offset);
  }
  return kernels::GreatestValue(p, args);
}

std::string ConvRefusal(const Program& program, size_t index, const EngineConfig& config) {
  const QConvParams p = OnArray(*AsConv(program.calls[index]));
  if (p.w_bits != 1) return fmt::format("weights of {} bits; it multiplies by -1 and +1", p.w_bits);
  if (p.groups != 1) return fmt::format("{} groups; it has one", p.groups);
  if (!LeavesRaw(p) && p.levels > 4)
    return fmt::format("{} levels out; codes of 2 bits have 4", p.levels);
  if (p.x_bits != 1 && p.x_bits % 2 != 0) return fmt::format("codes of {} bits", p.x_bits);
  if (p.pad_value != 0) return fmt::format("it pads with 0, not with {}", p.pad_value);
  if (p.stride_h != p.stride_w || p.stride_h > 2) {
    return fmt::format("stride {}x{}; it has 1 and 2", p.stride_h, p.stride_w);
  }
  if (p.residual_bits != 0 && !config.residual) return "a residual map; its bitstream adds none";
  if (p.residual_bits > 2) {
    return fmt::format("a residual map of {} bits; it adds codes of 2", p.residual_bits);
  }
  const int64_t greatest = GreatestSum(program, program.calls[index]);
  if (greatest > kMaxAccumulator) {
    return fmt::format("sums of up to {}; its accumulators hold {}", greatest, kMaxAccumulator);
  }
  const auto writer = WriterOf(program, index);
  if (p.x_bits > 2 && writer.has_value()) return "codes of more than 2 bits that a call has made";
  if (p.stride_h == 2 && (p.h % 2 != 0 || p.w % 2 != 0)) return "stride 2 on a map of odd extent";
  if (p.stride_h == 2 && !AllReadersHalve(program, index)) {
    return "stride 2 on a map that others read with stride 1";
  }
  if (p.stride_h == 2 && writer.has_value() && IsMove(program.calls[*writer])) {
    return "stride 2 on a map that is pooled or rearranged while it is written";
  }
  if (Steps(p) > config.weight_words / 2) {
    return fmt::format("{} weight words of 32 outputs; half of its memory holds {}", Steps(p),
                       config.weight_words / 2);
  }
  const int32_t least = LeastWords(program.calls[index], config);
  if (!FitsWhole(program.calls[index], config) && least > config.bank_words) {
    return fmt::format("{} words for its smallest strip of rows; its banks hold {}", least,
                       config.bank_words);
  }
  return "";
}

// Of a copy or fill: whether the convolutions that add what it makes read it where it lies.
std::string CopyRefusal(const Program& program, size_t index, const EngineConfig& config) {
  const std::vector<size_t> adders = AddersOf(program, index);
  if (adders.empty()) return "no convolution adds what it makes";
  bool here = false;
  for (const size_t adder : adders) {
    const std::string fault = PickRefusal(program, adder);
    if (!fault.empty()) return fault;
    here = here || ConvRefusal(program, adder, config).empty();
  }
  return here ? "" : "the convolution that adds what it makes is not on the engine";
}

}  // namespace

std::string Refusal(const Program& program, size_t index, const EngineConfig& config) {
  const Call& call = program.calls[index];
  if (AsConv(call) != nullptr) return ConvRefusal(program, index, config);
  const bool copies = std::holds_alternative<kernels::CopyParams>(call.params) ||
                      std::holds_alternative<program::FillCall>(call.params);
  if (copies && !IsMove(call)) return CopyRefusal(program, index, config);
  if (!IsMove(call)) return "it takes convolutions, and 2x2 pooling and space-to-depth after them";
  const auto writer = WriterOf(program, index);
  if (!writer || AsConv(program.calls[*writer]) == nullptr) {
    return "it moves maps only while a convolution writes them";
  }
  if (LeavesRaw(*AsConv(program.calls[*writer]))) return "the convolution before it gives no codes";
  if (FusedMove(program, *writer) != index) return "others read the convolution before it too";
  const std::string before = ConvRefusal(program, *writer, config);
  return before.empty() ? "" : "the convolution before it is not on the engine";
}

int64_t CallClocks(const Call& call, const EngineConfig& config) {
  if (AsConv(call) == nullptr) return 0;
  const QConvParams p = OnArray(*AsConv(call));
  Command command;
  command.opcode = Opcode::kConv;
  command.out_h = static_cast<uint32_t>(p.ho);
  command.out_w = static_cast<uint32_t>(p.wo);
  command.tap_count = static_cast<uint32_t>(p.kernel_h * p.kernel_w);
  command.blocks = static_cast<uint32_t>(CeilDiv(p.ci, kLanes));
  command.digits = static_cast<uint32_t>(std::max(p.x_bits / 2, 1));
  command.out_blocks = static_cast<uint32_t>(CeilDiv(p.co, kLanes));
  if (LeavesRaw(p)) command.mode = WriteMode::kRaw;
  command.residual_blocks = p.residual_bits != 0 ? command.out_blocks : 0;
  int64_t clocks = DescriptorClocks(command, config);
  if (!FitsWhole(call, config)) {
    CutUntil(MapsOf(call), {}, config, [&](const Strips& strips) {
      if (strips.words > config.bank_words) return false;
      clocks += strips.clocks;
      return true;
    });
  }
  return clocks;
}

}  // namespace bluestem::fpga
