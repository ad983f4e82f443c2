#include "bluestem/train/internal/exact.h"

#include <algorithm>
#include <cstring>

#include "bluestem/image/image.h"
#include "bluestem/train/internal/batches.h"
#include "bluestem/train/internal/exact_math.h"
#include "bluestem/train/internal/mirror.h"
#include "bluestem/train/internal/torch.h"

namespace bluestem::train {
namespace {

// What flows between blocks, [count, h, w, c]: codes as floats with their scale, or real values.
struct Flow {
  std::vector<float> values;
  bool codes = false;
  double scale = 1.0;         // of one code
  std::vector<float> before;  // what the next block's shortcut adds; empty: it has none
};

struct ExactBlock {
  BlockConstants constants;
  std::vector<float> integer_weights;  // codes as f32, OHWI, for LibTorch
  std::vector<float> packed;           // for ordered sums of real values
};

// Calls work(image) for each image, on all threads.
template <typename Work>
void ForImages(int64_t count, const Work& work) {
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) work(i);
}

std::vector<float> IntegerConv(const Block& block, const BlockShape& shape, const ExactBlock& exact,
                               int64_t count, std::vector<float>& x) {
  const c10::InferenceMode no_tape;
  // from_blob wants mutable memory; nothing writes through it.
  auto* weights = const_cast<float*>(exact.integer_weights.data());
  const at::Tensor input = ChannelsLastView(x.data(), count, shape.h, shape.w, shape.ci);
  const at::Tensor kernel =
      ChannelsLastView(weights, shape.co, block.kernel, block.kernel, shape.ci);
  const at::Tensor sums =
      at::conv2d(input, kernel, {}, {block.stride, block.stride}, {block.pad, block.pad})
          .contiguous(at::MemoryFormat::ChannelsLast);
  const auto* first = sums.data_ptr<float>();
  return {first, first + sums.numel()};
}

std::vector<float> RealValues(const Flow& flow) {
  std::vector<float> real = flow.values;
  if (flow.codes) {
    for (float& x : real) x *= static_cast<float>(flow.scale);
  }
  return real;
}

}  // namespace

struct ExactNetwork::State {
  Network network;
  std::vector<BlockShape> shapes;
  std::vector<ExactBlock> blocks;

  Flow Input(int64_t count, const uint8_t* pixels) const;
  // Returns the means over the last map, [count, classes].
  std::vector<float> Means(int64_t count, const uint8_t* pixels, const CodesSeen& seen) const;
  // What block i's code_shortcut adds, of what its source put out.
  std::vector<float> Added(size_t i, int64_t count, const std::vector<float>& output) const;
  Flow Run(size_t i, int64_t count, Flow flow) const;
  // Norm, pool before it, shortcut and activation; `sums` are the convolution's. Fills values,
  // codes, scale, before.
  Flow Finish(size_t i, int64_t count, const Chain& chain, bool integer, std::vector<float> sums,
              const std::vector<float>& shortcut) const;
};

Flow ExactNetwork::State::Input(int64_t count, const uint8_t* pixels) const {
  const int64_t size = network.h * network.w * network.c;
  Flow flow;
  flow.values.resize(static_cast<size_t>(count * size));
  flow.codes = ReadsCodes(network);
  if (flow.codes) {
    flow.scale = static_cast<double>(PixelScale(network));
    std::copy(pixels, pixels + count * size, flow.values.begin());
    return flow;
  }
  for (int64_t i = 0; i < count; ++i) {
    Tensor image(DType::kU8, {network.h, network.w, network.c});
    std::memcpy(image.raw(), pixels + i * size, static_cast<size_t>(size));
    const Tensor real = image::NormalizePixels(image, network.normalize);
    std::copy(real.data<float>(), real.data<float>() + size, flow.values.begin() + i * size);
  }
  return flow;
}

Flow ExactNetwork::State::Finish(size_t i, int64_t count, const Chain& chain, bool integer,
                                 std::vector<float> sums,
                                 const std::vector<float>& shortcut) const {
  const Block& block = network.blocks[i];
  const BlockShape& s = shapes[i];
  const ActivationQuantizer* activation = network.ActivationOf(block);
  const bool quantizes = activation != nullptr && activation->quantizes;
  const bool needed_later = i + 1 < blocks.size() && network.blocks[i + 1].shortcut;
  const bool codes_at_once = integer && quantizes && shortcut.empty() && !needed_later;
  Flow flow{.values = {},
            .codes = quantizes,
            .scale = quantizes ? static_cast<double>(block.spec.Scale()) : 1.0,
            .before = {}};

  std::vector<float> multiply, add;
  if (integer) {
    chain.Folded(multiply, add);
  } else {
    for (const double a : chain.a) multiply.push_back(static_cast<float>(a));
    for (const double b : chain.b) add.push_back(static_cast<float>(b));
  }
  const int64_t conv_size = s.conv_h * s.conv_w * s.co, norm_size = s.norm_h * s.norm_w * s.co;
  flow.values.resize(static_cast<size_t>(count * norm_size));
  if (needed_later) flow.before.resize(flow.values.size());
  ForImages(count, [&](int64_t image) {
    float* x = sums.data() + image * conv_size;
    for (int64_t k = 0; k < conv_size; ++k) {
      const auto c = static_cast<size_t>(k % s.co);
      if (codes_at_once) {
        x[k] = Code(chain.Value(x[k], c), block.spec);
      } else if (!multiply.empty()) {
        const float product = x[k] * multiply[c];
        x[k] = product + add[c];
      }
    }
    float* y = flow.values.data() + image * norm_size;
    if (block.pool_first && block.pool > 0) {
      RunMaxPool(s.conv_h, s.conv_w, s.co, block.pool, x, y);
    } else {
      std::copy(x, x + norm_size, y);
    }
    for (int64_t k = 0; !shortcut.empty() && k < norm_size; ++k)
      y[k] += shortcut[static_cast<size_t>(image * norm_size + k)];
    if (needed_later) std::copy(y, y + norm_size, flow.before.begin() + image * norm_size);
    for (int64_t k = 0; activation != nullptr && !codes_at_once && k < norm_size; ++k) {
      y[k] = quantizes ? Code(static_cast<double>(y[k]), block.spec) : std::max(y[k], 0.0F);
    }
  });
  return flow;
}

std::vector<float> ExactNetwork::State::Added(size_t i, int64_t count,
                                              const std::vector<float>& output) const {
  const BlockShape& s = shapes[i];
  const size_t next = i - static_cast<size_t>(network.blocks[i].code_shortcut) + 1;
  const Picked picked{.h = shapes[next].h,
                      .w = shapes[next].w,
                      .c = shapes[next].ci,
                      .stride = network.ShortcutStride(i),
                      .to_h = s.norm_h,
                      .to_w = s.norm_w,
                      .to_c = s.co};
  const int64_t from = picked.h * picked.w * picked.c, to = s.norm_h * s.norm_w * s.co;
  std::vector<float> added(static_cast<size_t>(count * to));
  ForImages(count, [&](int64_t image) {
    RunShortcut(picked, output.data() + image * from, added.data() + image * to);
  });
  return added;
}

Flow ExactNetwork::State::Run(size_t i, int64_t count, Flow flow) const {
  const Block& block = network.blocks[i];
  const BlockShape& s = shapes[i];
  const ExactBlock& exact = blocks[i];
  const bool integer = flow.codes && exact.constants.weights.bits != 0;
  const Chain chain = MakeChain(exact.constants, block.epsilon, s.co, flow.scale, integer);
  std::vector<float> sums;
  if (integer) {
    sums = IntegerConv(block, s, exact, count, flow.values);
  } else {
    const std::vector<float> real = RealValues(flow);
    sums.resize(static_cast<size_t>(count * s.conv_h * s.conv_w * s.co));
    const RealConv conv{
        .block = &block,
        .shape = &s,
        .packed = exact.packed.data(),
        .bias = exact.constants.bias.empty() ? nullptr : exact.constants.bias.data()};
    ForImages(count, [&](int64_t image) {
      RunRealConv(conv, real.data() + image * s.h * s.w * s.ci,
                  sums.data() + image * s.conv_h * s.conv_w * s.co);
    });
  }
  Flow next = Finish(i, count, chain, integer, std::move(sums), flow.before);
  const auto reshape = [&](int64_t h, int64_t w, int64_t out, auto move) {
    std::vector<float> moved(static_cast<size_t>(count * out));
    ForImages(count, [&](int64_t image) {
      move(h, w, next.values.data() + image * h * w * s.co, moved.data() + image * out);
    });
    next.values = std::move(moved);
  };
  int64_t h = s.norm_h, w = s.norm_w;
  if (block.pool > 0 && !block.pool_first) {
    reshape(h, w, h * w * s.co / (block.pool * block.pool),
            [&](int64_t rows, int64_t columns, const float* x, float* y) {
              RunMaxPool(rows, columns, s.co, block.pool, x, y);
            });
    h /= block.pool, w /= block.pool;
  }
  if (block.space_to_depth > 0) {
    reshape(h, w, h * w * s.co, [&](int64_t rows, int64_t columns, const float* x, float* y) {
      RunSpaceToDepth(rows, columns, s.co, block.space_to_depth, x, y);
    });
  }
  return next;
}

ExactNetwork::ExactNetwork(const Module& module) : state_(std::make_unique<State>()) {
  state_->network = module.network();
  state_->shapes = module.shapes();
  for (size_t i = 0; i < state_->network.blocks.size(); ++i) {
    const BlockShape& s = state_->shapes[i];
    ExactBlock block{.constants = ConstantsOf(module, i), .integer_weights = {}, .packed = {}};
    const QuantizedWeights& weights = block.constants.weights;
    block.integer_weights.assign(weights.codes.begin(), weights.codes.end());
    std::vector<float> real = block.constants.real_weights;
    for (size_t k = 0; k < weights.codes.size(); ++k) {
      const size_t c = k / static_cast<size_t>(s.k);
      real.push_back(static_cast<float>(weights.codes[k]) *
                     weights.scales[weights.scales.size() == 1 ? 0 : c]);
    }
    block.packed = PackForRealConv(real.data(), s.co, s.k);
    state_->blocks.push_back(std::move(block));
  }
}

ExactNetwork::~ExactNetwork() = default;

std::vector<float> ExactNetwork::State::Means(int64_t count, const uint8_t* pixels,
                                              const CodesSeen& seen) const {
  Flow flow = Input(count, pixels);
  std::vector<std::vector<float>> outputs(blocks.size());  // where a code_shortcut reads them
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto back = static_cast<size_t>(network.blocks[i].code_shortcut);
    if (back > 0) flow.before = Added(i, count, outputs[i - back]);
    flow = Run(i, count, std::move(flow));
    if (network.FeedsShortcut(i)) outputs[i] = RealValues(flow);
    if (seen && flow.codes) seen(i, flow.values);
  }
  const std::vector<float> scores = RealValues(flow);
  const int64_t classes = network.classes, left = shapes.back().out_h * shapes.back().out_w;
  std::vector<float> means(static_cast<size_t>(count * classes));
  for (int64_t i = 0; i < count; ++i)
    RunMean(left, classes, scores.data() + i * left * classes, means.data() + i * classes);
  return means;
}

std::vector<float> ExactNetwork::Probabilities(int64_t count, const uint8_t* pixels,
                                               const CodesSeen& seen) const {
  const Network& network = state_->network;
  std::vector<float> means = state_->Means(count, pixels, seen);
  if (network.mirror) {
    std::vector<uint8_t> mirrored(static_cast<size_t>(count * network.h * network.w * network.c));
    Mirror(count * network.h, network.w, network.c, pixels, mirrored.data());
    const std::vector<float> others = state_->Means(count, mirrored.data(), seen);
    for (size_t i = 0; i < means.size(); ++i) means[i] = (means[i] + others[i]) * 0.5F;
  }
  std::vector<float> probabilities(means.size());
  for (int64_t at = 0; at < count * network.classes; at += network.classes)
    RunHead(network.head, network.classes, means.data() + at, probabilities.data() + at);
  return probabilities;
}

std::vector<std::vector<float>> ExactScores(const Module& module, const data::PixelCache& cache,
                                            const std::function<void(int64_t)>& progress) {
  constexpr int64_t kExactBatch = 64;
  const ExactNetwork exact(module);
  const auto classes = static_cast<size_t>(module.network().classes);
  std::vector<std::vector<float>> rows;
  std::vector<uint8_t> pixels;
  for (int64_t first = 0; first < cache.size(); first += kExactBatch) {
    const int64_t count = std::min(kExactBatch, cache.size() - first);
    CopyPixels(cache, {}, first, count, pixels);
    const std::vector<float> scores = exact.Probabilities(count, pixels.data());
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      rows.emplace_back(scores.begin() + static_cast<int64_t>(i * classes),
                        scores.begin() + static_cast<int64_t>((i + 1) * classes));
    }
    if (progress) progress(first + count);
  }
  return rows;
}

}  // namespace bluestem::train
