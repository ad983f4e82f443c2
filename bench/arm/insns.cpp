// Compares the instructions of low-bit and int8 convolutions on Arm, counted exactly under
// qemu-user; bench/arm_insns.sh compiles and runs this.
//
//   insns COUNT [--json] [--rows] [--check] [--net N] [--xnnpack FILE]       COUNT: counter.h
//
// Low-bit layers run the row that a session chooses. "int8" is the row that takes the fewest
// instructions of all that this CPU has. Its epilogue is kAffine, one multiplication and one
// addition an output: a requantization without its rounding and narrowing, so that nothing is
// counted that int8 could do without. FILE has what xnnpack.cpp printed. N is what net.cpp counted
// of LmnetV1's artefact, from the input's bytes to the scores; what it has beyond the convolutions
// (space to depth, the last layer, pooling, softmax, the calls) is added to the int8 nets too.
// --rows prints every row of every shape. Exit code: 0; 1 with --check if the better int8 LmnetV1
// takes less than three times the instructions; 2 if the counter is missing or wrong.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/arm/counter.h"
#include "bench/arm/layers.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/kernels/qconv/qconv.h"

namespace bluestem::bench {
namespace {

using kernels::QConvArgs;
using kernels::QConvEpilogue;
using kernels::QConvKernel;
using kernels::QConvParams;

constexpr double kLeastRatio = 3.0;

// 64-byte aligned; bytes that look random and fit `bits`.
struct Buffer {
  explicit Buffer(size_t bytes, int32_t bits = 8) : storage(bytes + 64) {
    const size_t address = reinterpret_cast<size_t>(storage.data());
    data = storage.data() + (64 - address % 64) % 64;
    for (size_t i = 0; i < bytes; ++i) {
      data[i] = static_cast<uint8_t>((i * 2654435761u >> 13) & ((1u << bits) - 1));
    }
  }
  std::vector<uint8_t> storage;
  uint8_t* data;
};

QConvParams LowBit(const Layer& layer) {
  QConvParams p{};
  p.h = p.w = p.ho = p.wo = layer.size;
  p.ci = layer.ci;
  p.co = layer.co;
  p.kernel_h = p.kernel_w = layer.kernel;
  p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = p.groups = 1;
  p.pad_top = p.pad_left = layer.kernel / 2;
  p.x_bits = layer.x_bits;
  p.w_bits = 1;
  p.epilogue = layer.last_codes ? QConvEpilogue::kThreshold : QConvEpilogue::kAffine;
  p.levels = layer.last_codes ? 4 : 0;
  p.relu = 1;
  return p;
}

QConvParams Int8(const Layer& layer) {
  QConvParams p = LowBit(layer);
  p.x_bits = p.w_bits = 8;
  p.epilogue = QConvEpilogue::kAffine;
  p.levels = 0;
  p.relu = 0;  // the clamp of a requantization, which is not counted either
  return p;
}

struct Figure {
  const char* symbol = nullptr;
  int64_t instructions = 0;
};

Figure CountQConv(const Counter& counter, const QConvParams& p, const QConvKernel& kernel) {
  const size_t outputs = static_cast<size_t>(p.ho) * p.wo * p.co;
  const Buffer x(static_cast<size_t>(p.h) * p.w * p.ci, p.x_bits);
  const Buffer weights(kernels::QConvPackedBytes(p));
  const Buffer scratch(kernel.scratch_bytes(p));
  const Buffer y(outputs * sizeof(float));
  std::vector<int8_t> w(static_cast<size_t>(p.co) * p.kernel_h * p.kernel_w * p.ci);
  for (size_t i = 0; i < w.size(); ++i) {
    const int32_t random = static_cast<int32_t>(i * 2654435761u >> 9 & 255) - 128;
    w[i] = static_cast<int8_t>(p.w_bits == 1 ? (random < 0 ? -1 : 1) : random < -127 ? 0 : random);
  }
  kernels::QConvPackWeights(p, w.data(), weights.data);
  std::vector<int32_t> thresholds;
  std::vector<int8_t> directions;
  for (int32_t co = 0; co < p.co; ++co) {
    directions.push_back(co % 2 == 0 ? 1 : -1);
    for (const int32_t t : {-20, 0, 20}) thresholds.push_back(co % 2 == 0 ? t : -t);
  }
  const std::vector<float> factors(static_cast<size_t>(p.co), 0.5f);
  const QConvArgs args = {.x = x.data,
                          .weights = weights.data,
                          .thresholds = thresholds.data(),
                          .directions = directions.data(),
                          .a = factors.data(),
                          .b = factors.data(),
                          .y = y.data,
                          .scratch = scratch.data};
  return {kernel.symbol, counter.Count([&] { kernel.run(p, args); })};
}

// Every row that this CPU has for `p`, but for the reference.
std::vector<Figure> CountRows(const Counter& counter, const QConvParams& p) {
  std::vector<Figure> figures;
  for (int32_t i = 0; i < kernels::kQConvKernelCount; ++i) {
    const QConvKernel& kernel = kernels::kQConvKernels[i];
    const bool usable = kernel.run != nullptr &&
                        (edge::CpuIsas() & kernels::IsaBit(kernel.isa)) != 0 &&
                        kernel.isa != kernels::Isa::kReference &&
                        kernel.isa != kernels::Isa::kPortable && kernel.refuses(p) == nullptr;
    if (usable) figures.push_back(CountQConv(counter, p, kernel));
  }
  return figures;
}

Figure Fewest(const std::vector<Figure>& figures) {
  Figure best = figures[0];
  for (const Figure& figure : figures) {
    if (figure.instructions < best.instructions) best = figure;
  }
  return best;
}

struct Line {
  std::string name;
  int64_t macs = 0;
  Figure low, wide;
  int64_t xnnpack = 0;  // 0: not known

  int64_t best_int8() const {
    return xnnpack != 0 && xnnpack < wide.instructions ? xnnpack : wide.instructions;
  }
  double ratio() const {
    return static_cast<double>(best_int8()) / static_cast<double>(low.instructions);
  }
};

void PrintJson(const Line& line, bool last) {
  std::printf(
      "  {\"shape\": \"%s\", \"macs\": %lld, \"kernel\": \"%s\", \"instructions\": %lld, "
      "\"int8_kernel\": \"%s\", \"int8_instructions\": %lld, \"xnnpack_instructions\": %lld, "
      "\"ratio\": %.3f}%s\n",
      line.name.c_str(), static_cast<long long>(line.macs), line.low.symbol,
      static_cast<long long>(line.low.instructions), line.wide.symbol,
      static_cast<long long>(line.wide.instructions), static_cast<long long>(line.xnnpack),
      line.ratio(), last ? "" : ",");
}

void Print(const Line& line) {
  std::printf("%-22s %-27s %10lld %5.1f  %-25s %10lld %10lld %6.2f\n", line.name.c_str(),
              line.low.symbol, static_cast<long long>(line.low.instructions),
              static_cast<double>(line.macs) / static_cast<double>(line.low.instructions),
              line.wide.symbol, static_cast<long long>(line.wide.instructions),
              static_cast<long long>(line.xnnpack), line.ratio());
}

void PrintRows(const Layer& layer, const std::vector<Figure>& figures) {
  for (const Figure& figure : figures) {
    std::printf("    %-22s %-30s %11lld %6.1f\n", layer.name, figure.symbol,
                static_cast<long long>(figure.instructions),
                static_cast<double>(Macs(layer)) / static_cast<double>(figure.instructions));
  }
}

struct Options {
  bool json = false, rows = false, check = false;
  int64_t net = 0;
  const char* xnnpack = nullptr;
};

// Returns what the file says of `name`: lines "INSTRUCTIONS NAME".
int64_t ReadXnnpack(const char* path, const std::string& name) {
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "r");
  if (file == nullptr) return 0;
  int64_t found = 0;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    char* rest = nullptr;
    const int64_t instructions = std::strtoll(line, &rest, 10);
    if (name + "\n" == rest + 1) found = instructions;
  }
  std::fclose(file);
  return found;
}

Line CountLayer(const Counter& counter, const Layer& layer, const Options& options) {
  const std::vector<Figure> low = CountRows(counter, LowBit(layer));
  const std::vector<Figure> wide = CountRows(counter, Int8(layer));
  if (options.rows) {
    PrintRows(layer, low);
    PrintRows(layer, wide);
  }
  return {layer.name, Macs(layer), low[0], Fewest(wide), ReadXnnpack(options.xnnpack, layer.name)};
}

// LmnetV1's convolutions, then the whole.
std::vector<Line> CountNet(const Counter& counter, const Options& options) {
  std::vector<Line> lines;
  Line sum = {"LmnetV1", 0, {"(all)", 0}, {"(all)", 0}, 0};
  for (const Layer& layer : kLmnetV1) {
    lines.push_back(CountLayer(counter, layer, options));
    const Line& line = lines.back();
    sum.macs += line.macs;
    sum.low.instructions += line.low.instructions;
    sum.wide.instructions += line.wide.instructions;
    sum.xnnpack += line.xnnpack;
  }
  if (options.net == 0) return lines;
  const int64_t rest = options.net - sum.low.instructions;
  constexpr int64_t kLastLayerMacs = 4 * 4 * 64 * 10;
  lines.push_back({"the rest, in both", kLastLayerMacs, {"(all)", rest}, {"(all)", rest}, rest});
  sum.macs += kLastLayerMacs;
  sum.low.instructions = options.net;
  sum.wide.instructions += rest;
  if (sum.xnnpack != 0) sum.xnnpack += rest;
  lines.push_back(sum);
  return lines;
}

int Main(int argc, char** argv) {
  Counter counter;
  if (argc < 2 || !counter.Open(argv[1])) {
    std::fprintf(stderr, "insns: the counter is missing or miscounts a loop of known length\n");
    return 2;
  }
  Options options;
  for (int i = 2; i < argc; ++i) {
    options.json |= std::strcmp(argv[i], "--json") == 0;
    options.rows |= std::strcmp(argv[i], "--rows") == 0;
    options.check |= std::strcmp(argv[i], "--check") == 0;
    if (i + 1 == argc) break;
    if (std::strcmp(argv[i], "--net") == 0) options.net = std::strtoll(argv[++i], nullptr, 10);
    if (std::strcmp(argv[i], "--xnnpack") == 0) options.xnnpack = argv[++i];
  }
  std::vector<Line> lines = CountNet(counter, options);
  const Line net = lines.back();
  for (const Layer& layer : kShapes) lines.push_back(CountLayer(counter, layer, options));
  if (options.json) {
    std::printf("[\n");
    for (const Line& line : lines) PrintJson(line, &line == &lines.back());
    std::printf("]");
  } else {
    std::printf("%-22s %-27s %10s %5s  %-25s %10s %10s %6s\n", "shape", "1w2a kernel", "insns",
                "MAC/i", "int8 kernel", "insns", "XNNPACK", "ratio");
    for (const Line& line : lines) Print(line);
  }
  if (!options.check || net.ratio() >= kLeastRatio) return 0;
  std::fprintf(stderr, "insns: LmnetV1 in int8 takes %.2f times as many instructions, not %g\n",
               net.ratio(), kLeastRatio);
  return 1;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
