// What a pack belongs to, and what is in it, as text.
#include <string_view>

#include "bluestem/fpga/call_kind.h"
#include "bluestem/fpga/pack.h"

namespace bluestem::fpga {
namespace {

using kernels::QConvParams;
using program::Program;

std::string OperandText(const program::Operand& operand) {
  switch (operand.space) {
    case program::Space::kNone: return "-";
    case program::Space::kArena: return fmt::format("arena+{}", operand.offset);
    case program::Space::kConstants: return fmt::format("constants+{}", operand.offset);
    case program::Space::kInput: return fmt::format("input{}", operand.offset);
    case program::Space::kOutput: return fmt::format("output{}", operand.offset);
  }
  return "?";
}

std::string PortText(const char* direction, const MapPort& port) {
  std::string text = fmt::format("  {} {} [{},{},{}]", direction, OperandText(port.operand), port.h,
                                 port.w, port.c);
  if (port.raw) {
    const bool affine = port.raw->epilogue == kernels::QConvEpilogue::kAffine;
    text += affine ? " accumulators * a + b" : " accumulators";
    if (port.raw->relu) text += ", at least 0";
  } else {
    text += fmt::format(" codes of {} bits", port.bits);
  }
  if (port.planes) text += " in planes";
  if (port.windows) {
    text += fmt::format(" as windows of {}x{}", port.windows->kernel_h, port.windows->kernel_w);
  }
  text += fmt::format(" at {:#x}", port.address);
  for (const uint32_t address : port.others) text += fmt::format(", {:#x}", address);
  return text + "\n";
}

const char* OpcodeName(Opcode opcode) {
  switch (opcode) {
    case Opcode::kEnd: return "end";
    case Opcode::kConv: return "conv";
    case Opcode::kLoadWeights: return "load weights";
    case Opcode::kLoadThresholds: return "load thresholds";
    case Opcode::kLoadTaps: return "load taps";
    case Opcode::kLoadMap: return "load map";
    case Opcode::kStoreMap: return "store map";
  }
  return "?";
}

const char* ModeName(WriteMode mode) {
  switch (mode) {
    case WriteMode::kPlain: return "plain";
    case WriteMode::kMaxPool: return "maximum of 2x2";
    case WriteMode::kSpaceToDepth: return "space-to-depth";
    case WriteMode::kRaw: return "accumulators";
  }
  return "?";
}

std::string CommandText(const Command& c) {
  switch (c.opcode) {
    case Opcode::kEnd: return "";
    case Opcode::kConv: {
      std::string text = fmt::format(
          " {}x{} of {}x{}, blocks {} -> {}, digits {}, taps {}+{}, maps {} -> {}, weights {}, "
          "thresholds {}, {}",
          c.out_h, c.out_w, c.in_h, c.in_w, c.blocks, c.out_blocks, c.digits, c.tap_base,
          c.tap_count, c.src_base, c.dst_base, c.weight_base, c.threshold_base, ModeName(c.mode));
      if (c.residual_blocks > 0) {
        text += fmt::format(", adds {} blocks of map {}", c.residual_blocks, c.residual_base);
      }
      return text;
    }
    case Opcode::kLoadMap:
    case Opcode::kStoreMap:
      return fmt::format(" {}x{}, blocks {}, map {}, at {:#x}", c.in_h, c.in_w, c.blocks,
                         c.src_base, c.address);
    default: return fmt::format(" {}, to {}, from {:#x}", c.length, c.dst_base, c.address);
  }
}

std::string ListText(const EngineProgram& engine, uint32_t address,
                     const std::vector<int64_t>& calls, const Program& program) {
  const std::vector<Command> list = ListOf(engine, address).value_or(std::vector<Command>());
  std::string text = fmt::format("  {} descriptors at {:#x}\n", list.size(), address);
  for (size_t i = 0; i < list.size(); ++i) {
    text += fmt::format("  {:>5} {}{}", i, OpcodeName(list[i].opcode), CommandText(list[i]));
    if (list[i].after > 0) text += fmt::format(", after {}", list[i].after);
    if (calls[i] >= 0) text += "  # " + program.calls[static_cast<size_t>(calls[i])].op;
    text += "\n";
  }
  return text;
}

std::string ParamsText(const program::CallParams& params) {
  std::string text;
  const auto add = [&](int64_t number) { text += fmt::format(" {}", number); };
  if (const auto* p = std::get_if<QConvParams>(&params)) {
    for (const int32_t n : {p->h,
                            p->w,
                            p->ci,
                            p->ho,
                            p->wo,
                            p->co,
                            p->kernel_h,
                            p->kernel_w,
                            p->stride_h,
                            p->stride_w,
                            p->pad_top,
                            p->pad_left,
                            p->dilation_h,
                            p->dilation_w,
                            p->groups,
                            p->pad_value,
                            p->x_bits,
                            p->w_bits,
                            static_cast<int32_t>(p->epilogue),
                            p->levels,
                            p->relu}) {
      add(n);
    }
    if (p->residual_bits != 0) add(p->residual_bits);
  } else if (const auto* m = std::get_if<program::MaxPoolCall>(&params)) {
    const kernels::PoolParams& p = m->params;
    for (const int32_t n : {p.h, p.w, p.c, p.ho, p.wo, p.kernel_h, p.kernel_w, p.stride_h,
                            p.stride_w, p.pad_top, p.pad_left}) {
      add(n);
    }
    add(static_cast<int64_t>(m->dtype));
  } else if (const auto* c = std::get_if<kernels::CopyParams>(&params)) {
    add(c->element_bytes);
    for (int32_t i = 0; i < c->rank; ++i) {
      for (const int64_t n : {int64_t{c->extent[i]}, c->x_stride[i], c->y_stride[i]}) add(n);
    }
    add(c->x_offset);
    add(c->y_offset);
  }
  return text;
}

}  // namespace

std::string IdentityOf(const Program& program) {
  std::string text = program::ToText(program);
  for (const program::Call& call : program.calls) text += ParamsText(call.params) + "\n";
  text.append(program.constants.begin(), program.constants.end());
  return text;
}

std::string ToText(const EnginePack& pack, const Program& program) {
  std::string text = fmt::format("engine of version {}: {}\nprogram {}\n", kEngineVersion,
                                 ConfigText(pack.config), pack.digest);
  for (const PackedRegion& region : pack.regions) {
    const EngineProgram& engine = region.program;
    text += fmt::format("\nregion: calls {} to {}, {} bytes\n", region.begin, region.end - 1,
                        engine.buffer.size());
    for (const size_t call : engine.host_calls) {
      text += fmt::format("  the host's: {}\n", program.calls[call].op);
    }
    for (size_t call = region.begin; call < region.end; ++call) {
      const program::Call& c = program.calls[call];
      if (AsConv(c) == nullptr && !IsMove(c)) {
        text += fmt::format("  read where it lies: {}\n", c.op);
      }
    }
    for (const MapPort& port : engine.inputs) text += PortText("in ", port);
    for (const MapPort& port : engine.outputs) text += PortText("out", port);
    text += ListText(engine, engine.list, engine.calls, program);
    for (const BatchList& batch : engine.batches) {
      text += fmt::format("  a batch of {} pictures\n", batch.pictures);
      text += ListText(engine, batch.list, batch.calls, program);
    }
  }
  return text;
}

}  // namespace bluestem::fpga
