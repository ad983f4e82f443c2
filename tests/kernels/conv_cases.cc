#include "tests/kernels/conv_cases.h"

#include <cstdlib>

#include "tests/kernels/thresholds.h"

namespace bluestem::kernels {
namespace {

// Geometry shared by both families.
struct Geometry {
  int32_t h, w, ci, co, kernel_h, kernel_w, stride, dilation, pad_top, pad_left, pad_end, groups;
};

int32_t OutputSize(int32_t size, int32_t kernel, int32_t stride, int32_t dilation, int32_t pads) {
  const int32_t room = size + pads - (kernel - 1) * dilation - 1;
  return room < 0 ? 0 : room / stride + 1;
}

template <typename Params>
Params MakeParams(const Geometry& g) {
  Params p{};
  p.h = g.h;
  p.w = g.w;
  p.ci = g.ci;
  p.co = g.co;
  p.kernel_h = g.kernel_h;
  p.kernel_w = g.kernel_w;
  p.stride_h = p.stride_w = g.stride;
  p.dilation_h = p.dilation_w = g.dilation;
  p.pad_top = g.pad_top;
  p.pad_left = g.pad_left;
  p.groups = g.groups;
  p.ho = OutputSize(g.h, g.kernel_h, g.stride, g.dilation, g.pad_top + g.pad_end);
  p.wo = OutputSize(g.w, g.kernel_w, g.stride, g.dilation, g.pad_left + g.pad_end);
  return p;
}

// Named shapes first: each is the smallest that reaches some path; then a seeded crowd.
std::vector<Geometry> Geometries() {
  std::vector<Geometry> all = {
      {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1},     {1, 1, 784, 10, 1, 1, 1, 1, 0, 0, 0, 1},
      {1, 1, 33, 65, 1, 1, 1, 1, 0, 0, 0, 1},   {4, 4, 64, 64, 1, 1, 1, 1, 0, 0, 0, 1},
      {5, 7, 32, 40, 1, 1, 2, 1, 0, 0, 0, 1},   {9, 9, 3, 32, 3, 3, 1, 1, 1, 1, 1, 1},
      {8, 8, 64, 96, 3, 3, 1, 1, 1, 1, 1, 1},   {9, 9, 3, 33, 7, 7, 2, 1, 3, 3, 3, 1},
      {6, 5, 16, 8, 2, 2, 2, 1, 0, 0, 0, 1},    {9, 9, 12, 12, 3, 3, 1, 2, 2, 2, 2, 1},
      {9, 8, 10, 31, 3, 3, 2, 2, 2, 2, 2, 1},   {7, 7, 12, 8, 3, 3, 1, 1, 1, 1, 1, 4},
      {6, 6, 33, 33, 3, 3, 1, 1, 1, 1, 1, 33},  {7, 9, 64, 64, 3, 3, 2, 1, 1, 1, 1, 64},
      {5, 5, 2, 80, 1, 3, 1, 1, 0, 1, 1, 2},    {4, 9, 31, 32, 5, 5, 1, 1, 2, 2, 2, 1},
      {3, 60, 96, 3, 1, 5, 3, 1, 0, 2, 2, 1},   {2, 2, 8, 9, 5, 5, 1, 1, 4, 4, 4, 1},
      {1, 200, 300, 2, 1, 1, 1, 1, 0, 0, 0, 1}, {2, 3, 1056, 33, 3, 3, 1, 1, 1, 1, 1, 1},
      {2, 2, 2100, 9, 1, 1, 1, 1, 0, 0, 0, 1}};
  const int32_t channels[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 96};
  const int32_t kernels[] = {1, 1, 2, 3, 3, 5, 7};
  Random random(20);
  constexpr size_t kCount = 260;
  constexpr int64_t kMaxMacs = 250000;
  while (all.size() < kCount) {
    Geometry g{};
    g.h = random.In(1, 9);
    g.w = random.In(1, 9);
    g.groups = random.In(0, 3) == 0 ? random.In(2, 4) : 1;
    g.ci = channels[random.In(0, 16)] * g.groups;
    g.co = channels[random.In(0, 16)] * g.groups;
    g.kernel_h = kernels[random.In(0, 6)];
    g.kernel_w = random.In(0, 3) == 0 ? kernels[random.In(0, 6)] : g.kernel_h;
    g.stride = random.In(1, 3) == 1 ? 2 : 1;
    g.dilation = random.In(1, 4) == 1 ? 2 : 1;
    g.pad_top = random.In(0, g.kernel_h / 2);
    g.pad_left = random.In(0, g.kernel_w / 2);
    g.pad_end = random.In(0, 2);
    const int32_t ho = OutputSize(g.h, g.kernel_h, g.stride, g.dilation, g.pad_top + g.pad_end);
    const int32_t wo = OutputSize(g.w, g.kernel_w, g.stride, g.dilation, g.pad_left + g.pad_end);
    const int64_t macs = int64_t{ho} * wo * g.co * g.kernel_h * g.kernel_w * (g.ci / g.groups);
    if (macs > 0 && macs < kMaxMacs) all.push_back(g);
  }
  return all;
}

// For tables of vectors of pixels (plut), 1 to 8 rows of the map each: maps that end inside of one,
// outputs and channels that are no whole blocks; stride 1.
std::vector<Geometry> TableGeometries() {
  return {{3, 32, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1},  {2, 45, 20, 29, 3, 3, 1, 1, 1, 1, 1, 1},
          {5, 16, 72, 37, 3, 3, 1, 1, 1, 1, 1, 1}, {4, 13, 24, 40, 3, 3, 1, 1, 0, 1, 2, 1},
          {8, 8, 40, 32, 3, 3, 1, 1, 1, 1, 1, 1},  {7, 7, 88, 34, 3, 3, 1, 1, 1, 1, 1, 1},
          {6, 20, 9, 33, 5, 3, 1, 1, 2, 1, 1, 1},  {9, 17, 16, 35, 3, 3, 1, 2, 2, 2, 2, 1},
          {4, 8, 64, 256, 1, 1, 1, 1, 0, 0, 0, 1}, {5, 33, 16, 96, 1, 3, 1, 1, 0, 1, 1, 1},
          {1, 90, 24, 86, 1, 3, 1, 1, 0, 1, 1, 1}};
}

template <typename Params>
std::string DescribeGeometry(const Params& p) {
  const auto text = [](int32_t n) { return std::to_string(n); };
  return text(p.kernel_h) + "x" + text(p.kernel_w) + " s" + text(p.stride_h) + " d" +
         text(p.dilation_h) + " p" + text(p.pad_top) + "," + text(p.pad_left) + " g" +
         text(p.groups) + " [" + text(p.h) + "," + text(p.w) + "," + text(p.ci) + "]->[" +
         text(p.ho) + "," + text(p.wo) + "," + text(p.co) + "]";
}

// Calls `term(x index or -1, w index)` for each tap and channel of an output, w as [co,kh,kw,cig].
template <typename Params, typename Term>
void ForEachTerm(const Params& p, int32_t oy, int32_t ox, int32_t co, const Term& term) {
  const int32_t cig = p.ci / p.groups;
  const int32_t group = co / (p.co / p.groups);
  for (int32_t kh = 0; kh < p.kernel_h; ++kh) {
    for (int32_t kw = 0; kw < p.kernel_w; ++kw) {
      const int32_t iy = oy * p.stride_h - p.pad_top + kh * p.dilation_h;
      const int32_t ix = ox * p.stride_w - p.pad_left + kw * p.dilation_w;
      const bool inside = iy >= 0 && iy < p.h && ix >= 0 && ix < p.w;
      for (int32_t ci = 0; ci < cig; ++ci) {
        const int64_t x = inside ? (int64_t{iy} * p.w + ix) * p.ci + group * cig + ci : -1;
        term(x, ((int64_t{co} * p.kernel_h + kh) * p.kernel_w + kw) * cig + ci);
      }
    }
  }
}

// The inputs of one qconv call and the bytes that must come out.
struct QConvData {
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  std::vector<int32_t> thresholds;
  std::vector<int8_t> directions;
  std::vector<float> a, b;
  std::vector<uint8_t> residual;
  std::vector<int32_t> ratios;
  std::vector<uint8_t> expected;
};

void MakeEpilogue(const QConvParams& p, int32_t reach, Random& random, QConvData& data) {
  const int32_t kind = random.In(0, kThresholdKinds);  // the last: another for each output
  for (int32_t co = 0; co < p.co; ++co) {
    const int8_t direction = random.In(0, 1) == 0 ? int8_t{1} : int8_t{-1};
    data.directions.push_back(direction);
    // Small enough that some products are denormal: they must not be flushed.
    const float tiny = random.In(0, 4) == 0 ? 1e-41f : 1.0f;
    data.a.push_back(random.Real() * tiny);
    data.b.push_back(random.Real() * tiny);
    const auto own = static_cast<ThresholdKind>(
        kind < kThresholdKinds ? kind : random.In(0, kThresholdKinds - 1));
    const std::vector<int32_t> t = MakeThresholds(random, own, p.levels, direction < 0, reach);
    data.thresholds.insert(data.thresholds.end(), t.begin(), t.end());
  }
}

// Ratios of a step or of as much as the sums, of either sign; with the largest sums, of as much as
// s32 holds.
void MakeResidual(const QConvParams& p, int32_t reach, int64_t largest, Random& random,
                  QConvData& data) {
  const int32_t top = (1 << p.residual_bits) - 1;
  const auto most = static_cast<int32_t>((INT32_MAX - largest) / top);
  const int32_t kind = random.In(0, 3);
  for (int32_t co = 0; co < p.co; ++co) {
    const int32_t own = kind < 3 ? kind : random.In(0, 2);
    const int32_t step = own == 0 ? 3 : own == 1 ? reach / top + 1 : most;
    data.ratios.push_back(random.In(-std::min(step, most), std::min(step, most)));
  }
  for (int64_t i = 0; i < int64_t{p.ho} * p.wo * p.co; ++i) {
    data.residual.push_back(static_cast<uint8_t>(random.In(0, top)));
  }
}

template <typename T>
void Append(std::vector<uint8_t>& bytes, T value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

QConvData MakeQConvData(const QConvParams& p, uint64_t seed) {
  Random random(seed);
  QConvData data;
  const int32_t top = (1 << p.x_bits) - 1;
  const bool extreme = random.In(0, 3) == 0;  // the largest sums there can be
  // Sums that come near what QConvNarrowSteps allows.
  const bool one_sign = !extreme && random.In(0, 2) == 0;
  for (int64_t i = 0; i < int64_t{p.h} * p.w * p.ci; ++i) {
    data.x.push_back(static_cast<uint8_t>(extreme || one_sign ? top : random.In(0, top)));
  }
  // Where no weight is -128, sums of two products of bytes fit 16 bits (dot_neon.cc).
  const int32_t least = p.w_bits == 8 && seed % 2 == 0 ? -127 : -(1 << (p.w_bits - 1));
  const int32_t most = p.w_bits == 1 ? 1 : (1 << (p.w_bits - 1)) - 1;
  const int32_t terms = p.kernel_h * p.kernel_w * (p.ci / p.groups);
  for (int64_t i = 0; i < int64_t{p.co} * terms; ++i) {
    int32_t weight = random.In(least, most);
    if (extreme) weight = i / terms % 2 == 0 ? least : most;
    if (one_sign) weight = i / terms % 2 == 0 ? -std::abs(weight) : std::abs(weight);
    weight = std::min(weight, most);
    if (p.w_bits == 1 && weight == 0) weight = 1;
    data.w.push_back(static_cast<int8_t>(weight));
  }
  const int64_t largest = int64_t{terms} * top * -least;
  const auto reach = static_cast<int32_t>(extreme ? largest : largest / 8 + 1);
  MakeEpilogue(p, reach, random, data);
  if (p.residual_bits != 0) MakeResidual(p, reach, largest, random, data);
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox) {
      for (int32_t co = 0; co < p.co; ++co) {
        int32_t acc = 0;
        ForEachTerm(p, oy, ox, co, [&](int64_t x, int64_t w) {
          acc += (x < 0 ? p.pad_value : data.x[x]) * data.w[w];
        });
        if (p.residual_bits != 0) {
          const int64_t at = (int64_t{oy} * p.wo + ox) * p.co + co;
          acc += data.ratios[co] * data.residual[at];
        }
        if (p.epilogue == QConvEpilogue::kThreshold) {
          int32_t code = 0;
          for (int32_t k = 0; k < p.levels - 1; ++k) {
            const int32_t t = data.thresholds[co * (p.levels - 1) + k];
            code += data.directions[co] > 0 ? acc >= t : acc <= t;
          }
          data.expected.push_back(static_cast<uint8_t>(code));
        } else if (p.epilogue == QConvEpilogue::kAffine) {
          const volatile float product = static_cast<float>(acc) * data.a[co];
          const float v = product + data.b[co];
          Append(data.expected, p.relu && v < 0 ? 0.0f : v);
        } else {
          Append(data.expected, acc);
        }
      }
    }
  }
  return data;
}

std::string Difference(const Guarded& y, const std::vector<uint8_t>& expected) {
  if (!y.Intact()) return "wrote outside of y";
  for (size_t i = 0; i < expected.size(); ++i) {
    if (y.data()[i] != expected[i]) {
      return "byte " + std::to_string(i) + " of " + std::to_string(expected.size()) + ": got " +
             std::to_string(y.data()[i]) + ", expected " + std::to_string(expected[i]);
    }
  }
  return "";
}

// Runs one kernel on `data` and returns "" or what differs from what is expected.
std::string RunQConv(const QConvKernel& kernel, const QConvParams& whole, const QConvData& data,
                     uint64_t seed, size_t misalignment, int32_t parts, bool outputs) {
  QConvParams p = whole;
  Guarded x(data.x.size(), misalignment, 0);
  std::memcpy(x.data(), data.x.data(), data.x.size());
  Guarded weights(QConvPackedBytes(p), 0, 0xcc);
  QConvPackWeights(p, data.w.data(), weights.data());
  if (seed % 2 == 0) p.narrow_steps = QConvNarrowSteps(p, weights.data());
  Guarded residual(data.residual.size(), (misalignment + 1) % 4, 0);
  std::copy(data.residual.begin(), data.residual.end(), residual.data());
  const bool codes = p.epilogue == QConvEpilogue::kThreshold;
  Guarded y(data.expected.size(), codes ? misalignment : misalignment * 4, 0xcc);
  const QConvArgs args = {.x = x.data(),
                          .weights = weights.data(),
                          .thresholds = data.thresholds.data(),
                          .directions = data.directions.data(),
                          .a = data.a.data(),
                          .b = data.b.data(),
                          .residual = p.residual_bits == 0 ? nullptr : residual.data(),
                          .ratios = data.ratios.data(),
                          .y = y.data(),
                          .scratch = nullptr};
  if (!weights.Intact()) return "packing wrote outside of the weights";
  for (int32_t part = parts - 1; part >= 0; --part) {  // any order will do
    QConvParams params = p;
    QConvArgs own = args;
    const bool any = parts == 1 || (outputs ? TakeOutputs(part, parts, params, own)
                                            : TakePart(part, parts, params, own));
    if (!any) continue;
    Guarded scratch(kernel.scratch_bytes(params), 0, 0x5a);
    own.scratch = scratch.data();
    kernel.run(params, own);
    if (!scratch.Intact()) return "wrote outside of scratch";
  }
  return Difference(y, data.expected);
}

}  // namespace

std::vector<QConvParams> QConvCases() {
  std::vector<QConvParams> cases;
  Random random(7);
  const int32_t x_bits[] = {1, 2, 2, 3, 4, 5, 7, 8};
  const int32_t w_bits[] = {1, 1, 1, 2, 4, 8, 8, 7};
  const int32_t levels[] = {2, 4, 4, 8, 16, 17, 18, 256};
  int32_t index = 0;
  for (const Geometry& geometry : Geometries()) {
    QConvParams p = MakeParams<QConvParams>(geometry);
    // Each shape meets 1-bit and wider weights and, over the list, every pair of bits.
    for (int32_t round = 0; round < 2; ++round, ++index) {
      p.x_bits = x_bits[(index + index / 8) % 8];
      p.w_bits = round == 0 ? 1 : w_bits[random.In(0, 7)];
      p.pad_value = random.In(0, 2) == 0 ? random.In(0, (1 << p.x_bits) - 1) : 0;
      p.epilogue = static_cast<QConvEpilogue>(index % 5 < 3 ? 0 : index % 5 - 2);
      p.levels = p.epilogue == QConvEpilogue::kThreshold ? levels[random.In(0, 7)] : 1;
      p.relu = random.In(0, 1);
      cases.push_back(p);
    }
  }
  for (const Geometry& geometry : TableGeometries()) {
    for (int32_t bits = 1; bits <= 4; ++bits, ++index) {
      QConvParams p = MakeParams<QConvParams>(geometry);
      p.x_bits = bits;
      p.w_bits = 1;
      p.epilogue = QConvEpilogue::kThreshold;
      p.levels = levels[index % 6];
      cases.push_back(p);
    }
  }
  // Few values of a sum and many levels: every threshold is met, and the values beside it.
  for (const int32_t groups : {1, 40}) {
    for (const int32_t level_count : {16, 17, 18, 18, 18, 64, 255, 256}) {
      for (const int32_t bits : {1, 1, 1, 2, 2}) {
        QConvParams p = MakeParams<QConvParams>({16, 16, groups, 40, 1, 1, 1, 1, 0, 0, 0, groups});
        p.x_bits = 8;
        p.w_bits = bits;
        p.epilogue = QConvEpilogue::kThreshold;
        p.levels = level_count;
        cases.push_back(p);
      }
    }
  }
  // Of those that give codes, the same with a residual.
  const int32_t residual_bits[] = {2, 1, 2, 8, 4, 3, 2};
  const size_t without = cases.size();
  for (size_t i = 0; i < without; ++i) {
    QConvParams p = cases[i];
    if (p.epilogue != QConvEpilogue::kThreshold) continue;
    p.residual_bits = residual_bits[i % 7];
    cases.push_back(p);
  }
  return cases;
}

std::vector<QConvParams> QConvBenchCases() {
  std::vector<QConvParams> cases;
  const int32_t shapes[][4] = {{3, 32, 64, 64},  {3, 16, 128, 128}, {3, 8, 256, 256},
                               {3, 56, 64, 64},  {3, 28, 128, 128}, {3, 14, 256, 256},
                               {3, 7, 512, 512}, {1, 56, 256, 64},  {1, 14, 1024, 256}};
  for (const auto& [kernel, size, ci, co] : shapes) {
    const int32_t pad = kernel / 2;
    QConvParams p =
        MakeParams<QConvParams>({size, size, ci, co, kernel, kernel, 1, 1, pad, pad, pad, 1});
    p.x_bits = 2;
    p.w_bits = 1;
    p.epilogue = QConvEpilogue::kThreshold;
    p.levels = 4;
    cases.push_back(p);
  }
  return cases;
}

std::vector<FConvParams> FConvCases() {
  std::vector<FConvParams> cases;
  for (const Geometry& geometry : Geometries()) {
    cases.push_back(MakeParams<FConvParams>(geometry));
    cases.back().relu = geometry.ci % 2;
  }
  return cases;
}

std::string Describe(const QConvParams& p) {
  const char* epilogues[] = {"threshold", "affine", "raw"};
  return DescribeGeometry(p) + " u" + std::to_string(p.x_bits) + " w" + std::to_string(p.w_bits) +
         " " + epilogues[static_cast<int32_t>(p.epilogue)] + "/" + std::to_string(p.levels) +
         (p.residual_bits == 0 ? "" : " + u" + std::to_string(p.residual_bits));
}

std::string Describe(const FConvParams& p) {
  return DescribeGeometry(p);
}

std::string CheckQConv(const QConvKernel& kernel, const QConvParams& params, uint64_t seed,
                       size_t misalignment, int32_t parts, bool outputs) {
  const QConvData data = MakeQConvData(params, seed);
  return RunQConv(kernel, params, data, seed, misalignment, parts, outputs);
}

std::string CheckQConvRows(const QConvParams& params, uint64_t seed, IsaSet isas) {
  const QConvData data = MakeQConvData(params, seed);
  for (int32_t i = 0; i < kQConvKernelCount; ++i) {
    const QConvKernel& kernel = kQConvKernels[i];
    const bool runs = kernel.run != nullptr && (isas & IsaBit(kernel.isa)) != 0;
    if (!runs || kernel.refuses(params) != nullptr) continue;
    const int32_t most = kernel.isa == Isa::kReference ? 1 : 2;  // it is slow, and cut alike
    for (int32_t parts = 1; parts <= most; ++parts) {
      const bool outputs = kernel.cuts_outputs != nullptr && kernel.cuts_outputs(params, parts);
      const std::string what = RunQConv(kernel, params, data, seed, 0, parts, outputs);
      if (!what.empty()) return std::string(kernel.symbol) + ": " + what;
    }
  }
  return "";
}

std::string CheckFConv(const FConvKernel& kernel, const FConvParams& p, uint64_t seed,
                       size_t misalignment, int32_t parts) {
  Random random(seed);
  const auto reals = [&](int64_t count, float scale) {
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) values.push_back(random.Real() * scale);
    return values;
  };
  const float scale = random.In(0, 3) == 0 ? 1e-40f : 1.0f;  // denormal products
  const std::vector<float> x = reals(int64_t{p.h} * p.w * p.ci, 1.0f);
  const int32_t terms = p.kernel_h * p.kernel_w * (p.ci / p.groups);
  const std::vector<float> w = reals(int64_t{p.co} * terms, scale);
  const std::vector<float> bias = reals(p.co, scale);
  const std::vector<float> a = reals(p.co, 1.0f);
  const std::vector<float> b = reals(p.co, scale);
  const bool with_bias = random.In(0, 1) == 0;
  const bool with_affine = random.In(0, 1) == 0;
  std::vector<uint8_t> expected;
  for (int32_t oy = 0; oy < p.ho; ++oy) {
    for (int32_t ox = 0; ox < p.wo; ++ox) {
      for (int32_t co = 0; co < p.co; ++co) {
        volatile float v = 0.0f;
        ForEachTerm(p, oy, ox, co, [&](int64_t x_at, int64_t w_at) {
          if (x_at < 0) return;
          const volatile float product = x[x_at] * w[w_at];
          v = v + product;
        });
        if (with_bias) v = v + bias[co];
        if (with_affine) {
          const volatile float product = v * a[co];
          v = product + b[co];
        }
        Append<float>(expected, p.relu && v < 0 ? 0.0f : v);
      }
    }
  }
  Guarded x_buffer(x.size() * sizeof(float), misalignment * 4, 0);
  std::memcpy(x_buffer.data(), x.data(), x_buffer.size());
  Guarded weights(FConvPackedFloats(p) * sizeof(float), 0, 0xcc);
  FConvPackWeights(p, w.data(), weights.as<float>());
  if (!weights.Intact()) return "packing wrote outside of the weights";
  Guarded y(expected.size(), misalignment * 4, 0xcc);
  const FConvArgs args = {.x = x_buffer.as<float>(),
                          .weights = weights.as<float>(),
                          .bias = with_bias ? bias.data() : nullptr,
                          .a = with_affine ? a.data() : nullptr,
                          .b = with_affine ? b.data() : nullptr,
                          .y = y.as<float>()};
  for (int32_t part = parts - 1; part >= 0; --part) {
    FConvParams params = p;
    FConvArgs own = args;
    if (parts > 1 && !TakePart(part, parts, params, own)) continue;
    kernel.run(params, own);
  }
  return Difference(y, expected);
}

}  // namespace bluestem::kernels
