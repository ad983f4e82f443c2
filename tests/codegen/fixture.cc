#include "tests/codegen/fixture.h"

#include "bluestem/edge/cpu_features.h"

namespace bluestem::testing {

using program::Operand;
using program::Program;
using program::Space;

Operand ProgramBuilder::QConv(const std::string& op, kernels::QConvParams params, Operand x,
                              Operand residual) {
  const int64_t taps = int64_t{params.kernel_h} * params.kernel_w * (params.ci / params.groups);
  std::vector<int8_t> weights = Integers<int8_t>(params.co * taps, -7, 7);
  if (params.w_bits == 1) {
    for (int8_t& weight : weights) weight = weight >= 0 ? 1 : -1;
  }
  std::vector<uint8_t> packed(kernels::QConvPackedBytes(params));
  kernels::QConvPackWeights(params, weights.data(), packed.data());
  std::vector<Operand> inputs = {x, Constant(packed), {}, {}, {}, {}};
  int64_t element_bytes = 4;
  if (params.epilogue == kernels::QConvEpilogue::kThreshold) {
    element_bytes = 1;
    std::vector<int32_t> thresholds = Integers<int32_t>(params.co * (params.levels - 1), -200, 200);
    std::vector<int8_t> directions = Integers<int8_t>(params.co, 0, 1);
    for (int64_t c = 0; c < params.co; ++c) {
      auto first = thresholds.begin() + c * (params.levels - 1);
      std::sort(first, first + params.levels - 1);
      int8_t& direction = directions[static_cast<size_t>(c)];
      if (direction == 0) {
        std::reverse(first, first + params.levels - 1);
        direction = -1;
      }
    }
    inputs[2] = Constant(thresholds);
    inputs[3] = Constant(directions);
  }
  if (params.epilogue == kernels::QConvEpilogue::kAffine) {
    inputs[4] = Constant(Floats(params.co, -0.05f, 0.05f));
    inputs[5] = Constant(Floats(params.co, -1.0f, 1.0f));
  }
  if (params.residual_bits != 0) {
    inputs.push_back(residual);
    inputs.push_back(Constant(Integers<int32_t>(params.co, -30, 30)));
  }
  const Operand output = Arena(int64_t{params.ho} * params.wo * params.co * element_bytes);
  Add(op, params, inputs, output);
  program::Call& call = program_.calls.back();
  call.x_bits = params.x_bits;
  call.w_bits = params.w_bits;
  call.macs = int64_t{params.ho} * params.wo * params.co * taps;
  call.weight_count = params.co * taps;
  return output;
}

Operand ProgramBuilder::FConv(const std::string& op, kernels::FConvParams params, Operand x) {
  const int64_t taps = int64_t{params.kernel_h} * params.kernel_w * (params.ci / params.groups);
  std::vector<float> packed(kernels::FConvPackedFloats(params));
  kernels::FConvPackWeights(params, Floats(params.co * taps, -1.0f, 1.0f).data(), packed.data());
  const Operand output = Arena(int64_t{params.ho} * params.wo * params.co * 4);
  const Operand weights = Constant(packed);
  const Operand bias = Constant(Floats(params.co, -1.0f, 1.0f));
  const Operand a = Constant(Floats(params.co, 0.5f, 1.5f));
  const Operand b = Constant(Floats(params.co, -1.0f, 1.0f));
  Add(op, params, {x, weights, bias, a, b}, output);
  program_.calls.back().w_bits = 32;
  return output;
}

namespace {

kernels::QConvParams Conv(int32_t size, int32_t ci, int32_t co, int32_t kernel) {
  return {.h = size,
          .w = size,
          .ci = ci,
          .ho = size,
          .wo = size,
          .co = co,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = 1,
          .stride_w = 1,
          .pad_top = kernel / 2,
          .pad_left = kernel / 2,
          .dilation_h = 1,
          .dilation_w = 1,
          .groups = 1,
          .pad_value = 0,
          .x_bits = 2,
          .w_bits = 1,
          .epilogue = kernels::QConvEpilogue::kThreshold,
          .levels = 4,
          .relu = 0};
}

kernels::FConvParams FloatConv() {
  return {.h = 6,
          .w = 6,
          .ci = 5,
          .ho = 6,
          .wo = 6,
          .co = 8,
          .kernel_h = 3,
          .kernel_w = 3,
          .stride_h = 1,
          .stride_w = 1,
          .pad_top = 1,
          .pad_left = 1,
          .dilation_h = 1,
          .dilation_w = 1,
          .groups = 1,
          .relu = 0};
}

kernels::PoolParams Pool(int32_t size, int32_t channels, int32_t kernel) {
  return {.h = size,
          .w = size,
          .c = channels,
          .ho = size / kernel,
          .wo = size / kernel,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = kernel,
          .stride_w = kernel,
          .pad_top = 0,
          .pad_left = 0,
          .count_include_pad = 0};
}

// [size, size, c] -> [size/2, size/2, 4c]
kernels::CopyParams SpaceToDepth(int32_t size, int32_t c) {
  const int32_t half = size / 2;
  return {.element_bytes = 1,
          .rank = 5,
          .extent = {half, 2, half, 2, c, 0},
          .x_stride = {int64_t{2} * size * c, int64_t{size} * c, int64_t{2} * c, c, 1, 0},
          .y_stride = {int64_t{half} * 4 * c, int64_t{2} * c, int64_t{4} * c, c, 1, 0},
          .x_offset = 0,
          .y_offset = 0};
}

}  // namespace

std::shared_ptr<Program> SmallNetwork(uint32_t seed) {
  ProgramBuilder builder(seed);
  Program& program = builder.program();
  program.name = "small";
  program.model_hash = std::string(63, '0') + static_cast<char>('0' + seed % 10);
  program.inputs = {{.name = "image",
                     .dtype = DType::kU8,
                     .shape = {1, 8, 8, 3},
                     .scale = 1.0 / 255,
                     .zero_point = 0}};
  program.outputs = {{.name = "scores", .dtype = DType::kF32, .shape = {1, 10}}};
  kernels::QConvParams first = Conv(8, 3, 32, 3);
  first.x_bits = 8;
  first.w_bits = 4;
  Operand x = builder.QConv("conv1", first, {Space::kInput, 0});
  x = builder.QConv("conv2", Conv(8, 32, 40, 3), x);
  Operand y = builder.Arena(4 * 4 * 160);
  builder.Add("s2d", SpaceToDepth(8, 40), {x}, y);
  x = builder.QConv("conv3", Conv(4, 160, 64, 3), y);
  y = builder.Arena(2 * 2 * 64);
  builder.Add("pool", program::MaxPoolCall{Pool(4, 64, 2), DType::kU8}, {x}, y);
  kernels::QConvParams last = Conv(2, 64, 10, 1);
  last.w_bits = 8;
  last.epilogue = kernels::QConvEpilogue::kAffine;
  x = builder.QConv("conv4", last, y);
  y = builder.Arena(10 * 4);
  builder.Add("mean", program::AvgPoolCall{Pool(2, 10, 2)}, {x}, y);
  builder.Add("softmax", kernels::SoftmaxParams{.rows = 1, .channels = 10}, {y},
              {Space::kOutput, 0});
  return std::make_shared<Program>(program);
}

std::shared_ptr<Program> WideNetwork() {
  ProgramBuilder builder(8);
  Program& program = builder.program();
  program.name = "wide";
  program.model_hash = std::string(64, 'a');
  program.inputs = {{.name = "image",
                     .dtype = DType::kU8,
                     .shape = {1, 20, 20, 3},
                     .scale = 1.0 / 255,
                     .zero_point = 0}};
  program.outputs = {{.name = "map", .dtype = DType::kF32, .shape = {1, 20, 20, 16}}};
  kernels::QConvParams first = Conv(20, 3, 64, 3);
  first.x_bits = 8;
  first.w_bits = 4;
  Operand x = builder.QConv("conv1", first, {Space::kInput, 0});
  x = builder.QConv("conv2", Conv(20, 64, 64, 3), x);
  kernels::QConvParams depthwise = Conv(20, 64, 64, 3);
  depthwise.groups = 64;
  depthwise.w_bits = 8;
  const Operand source = x;
  x = builder.QConv("depthwise", depthwise, x);
  kernels::QConvParams residual = Conv(20, 64, 64, 3);
  residual.residual_bits = 2;
  x = builder.QConv("residual", residual, x, source);
  kernels::QConvParams pointwise = Conv(20, 64, 48, 1);
  pointwise.epilogue = kernels::QConvEpilogue::kAffine;
  x = builder.QConv("pointwise", pointwise, x);
  kernels::FConvParams real = FloatConv();
  real.h = real.w = real.ho = real.wo = 20;
  real.ci = 48;
  real.co = 16;
  builder.FConv("real", real, x);
  program.calls.back().output = {Space::kOutput, 0};
  return std::make_shared<Program>(program);
}

std::shared_ptr<Program> EveryCall() {
  ProgramBuilder builder(3);
  Program& program = builder.program();
  program.name = "every \"call\" \\\n*/ here";
  program.model_hash = std::string(64, 'e');
  program.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {1, 6, 6, 5}}};
  program.outputs = {{.name = "scores", .dtype = DType::kF32, .shape = {1, 7}},
                     {.name = "codes",
                      .dtype = DType::kU8,
                      .shape = {1, 6, 6, 8},
                      .scale = 0.25,
                      .zero_point = 3}};
  constexpr int64_t kCount = 6 * 6 * 8;
  Operand real = builder.FConv("fconv/with\nnewline", FloatConv(), {Space::kInput, 0});
  const auto next = [&](const std::string& op, program::CallParams params,
                        std::vector<Operand> inputs, int64_t bytes) {
    const Operand output = builder.Arena(bytes);
    builder.Add(op, std::move(params), std::move(inputs), output);
    return output;
  };
  real = next("clip",
              kernels::UnaryParams{
                  .op = kernels::UnaryOp::kClip, .count = kCount, .p0 = -3.0f, .p1 = HUGE_VALF},
              {real}, kCount * 4);
  real = next("affine", kernels::AffineParams{.rows = 36, .channels = 8, .relu = 0},
              {real, builder.Constant(builder.Floats(8, -2, 2)),
               builder.Constant(builder.Floats(8, -1, 1))},
              kCount * 4);
  kernels::BinaryParams add = {.op = kernels::BinaryOp::kAdd,
                               .rank = 2,
                               .extent = {36, 8},
                               .x_stride = {8, 1},
                               .y_stride = {0, 1}};
  real = next("add", add, {real, builder.Constant(builder.Floats(8, -1, 1))}, kCount * 4);
  real = next("max", program::MaxPoolCall{Pool(6, 8, 1), DType::kF32}, {real}, kCount * 4);
  Operand codes =
      next("quantize",
           kernels::QuantizeParams{
               .count = kCount, .scale = 0.1, .zero_point = 7, .low = 0, .high = 15, .rounding = 0},
           {real}, kCount);
  kernels::QConvParams raw = Conv(6, 8, 8, 3);
  raw.x_bits = 4;
  raw.w_bits = 4;
  raw.epilogue = kernels::QConvEpilogue::kRaw;
  Operand sums = builder.QConv("raw", raw, codes);
  sums = next("max32", program::MaxPoolCall{Pool(6, 8, 1), DType::kS32}, {sums}, kCount * 4);
  std::vector<int32_t> thresholds;
  for (int32_t c = 0; c < 8; ++c) {
    for (int32_t k = 0; k < 3; ++k) thresholds.push_back(100 * (k - 1) + c);
  }
  codes = next("threshold", kernels::ThresholdParams{.rows = 36, .channels = 8, .levels = 4},
               {sums, builder.Constant(thresholds), builder.Constant(std::vector<int8_t>(8, 1))},
               kCount);
  codes = next("lookup", program::LookupCall{kCount},
               {codes, builder.Constant(builder.Integers<uint8_t>(256, 0, 255))}, kCount);
  builder.Add("fill", program::FillCall{.element_bytes = 1, .count = kCount, .value = 9}, {},
              {Space::kOutput, 1});
  kernels::CopyParams inner = {.element_bytes = 1,
                               .rank = 3,
                               .extent = {4, 4, 8},
                               .x_stride = {48, 8, 1},
                               .y_stride = {48, 8, 1},
                               .x_offset = 0,
                               .y_offset = 56};
  builder.Add("copy", inner, {codes}, {Space::kOutput, 1});
  real = next("dequantize",
              kernels::DequantizeParams{.count = kCount, .zero_point = 3, .scale = 0.01f}, {codes},
              kCount * 4);
  real = next("fake_quantize",
              program::FakeQuantizeCall{{.count = kCount,
                                         .scale = 1.0 / 300,
                                         .zero_point = 0.5,
                                         .low = -256,
                                         .high = 255,
                                         .rounding = 6}},
              {real}, kCount * 4);
  std::vector<float> real_thresholds;
  for (int32_t i = 0; i < 8 * 15; ++i) {
    real_thresholds.push_back(0.004f * static_cast<float>(i % 15) - 0.02f);
  }
  codes =
      next("real_threshold", kernels::RealThresholdParams{.rows = 36, .channels = 8, .levels = 16},
           {real, builder.Constant(real_thresholds)}, kCount);
  real = next("dequantize_again",
              kernels::DequantizeParams{.count = kCount, .zero_point = 7, .scale = 0.05f}, {codes},
              kCount * 4);
  real = next("mean", kernels::ReduceParams{.outer = 1, .n = 36, .inner = 8, .op = 1}, {real}, 32);
  real = next("average", program::AvgPoolCall{Pool(1, 8, 1)}, {real}, 32);
  builder.Add("softmax", kernels::SoftmaxParams{.rows = 1, .channels = 7}, {real},
              {Space::kOutput, 0});
  return std::make_shared<Program>(program);
}

std::shared_ptr<Program> FloatNetwork() {
  ProgramBuilder builder(5);
  Program& program = builder.program();
  program.name = "float";
  program.model_hash = std::string(64, 'f');
  program.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {1, 6, 6, 5}}};
  program.outputs = {{.name = "y", .dtype = DType::kF32, .shape = {36, 8}}};
  const Operand real = builder.FConv("conv", FloatConv(), {Space::kInput, 0});
  builder.Add("softmax", kernels::SoftmaxParams{.rows = 36, .channels = 8}, {real},
              {Space::kOutput, 0});
  return std::make_shared<Program>(program);
}

std::vector<Tensor> RandomInputs(const Program& program, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Tensor> tensors;
  for (const program::TensorInfo& info : program.inputs) {
    Tensor tensor(info.dtype, info.shape);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const auto pixel = static_cast<uint8_t>(random() % 256);
      if (info.dtype == DType::kU8) {
        tensor.data<uint8_t>()[i] = pixel;
      } else {
        tensor.data<float>()[i] = static_cast<float>(pixel) / 64.0f - 2.0f;
      }
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Bytes Concatenated(const std::vector<Tensor>& tensors) {
  Bytes bytes;
  for (const Tensor& tensor : tensors) {
    bytes.insert(bytes.end(), tensor.raw(), tensor.raw() + tensor.bytes());
  }
  return bytes;
}

std::vector<std::string> IsasHere() {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < 6; ++i) {
    const auto isa = static_cast<kernels::Isa>(i);
    if ((edge::CpuIsas() & kernels::IsaBit(isa)) != 0) names.emplace_back(kernels::IsaName(isa));
  }
  return names;
}

codegen::EmitOptions Options(const std::vector<std::string>& targets) {
  codegen::EmitOptions options;
  for (const std::string& name : targets) options.targets.push_back(codegen::FindTarget(name));
  options.provenance_json = R"({"source": "made by hand"})";
  options.source_root = BLUESTEM_SOURCE_ROOT;
  options.tool_version = "test";
  return options;
}

namespace {

// Emits once; the folder goes with the process.
Path EmitOnce(const Program& program, const Path& name) {
  static const TestFolder folder;
  const Status status = codegen::Emit(program, folder.path() / name, Options({"x86-64"}));
  EXPECT_TRUE(status.ok()) << status.message();
  return folder.path() / name;
}

}  // namespace

const Path& SmallArtefact() {
  static const Path kPath = EmitOnce(*SmallNetwork(1), "small");
  return kPath;
}

const Path& WideArtefact() {
  static const Path kPath = EmitOnce(*WideNetwork(), "wide");
  return kPath;
}

const Path& EveryCallArtefact() {
  static const Path kPath = EmitOnce(*EveryCall(), "every");
  return kPath;
}

Path LibraryOf(const Path& artefact, const std::string& target) {
  return artefact / "models/lib" / ("libbluestem_" + target + ".so");
}

}  // namespace bluestem::testing
