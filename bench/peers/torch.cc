#include <torch/torch.h>

#include <memory>

#include "bench/harness.h"
#include "bench/peers/contender.h"

namespace bluestem::bench {
namespace {

struct TorchConvLayer {
  torch::Tensor w, bias;
  int64_t padding, stride;
  // torch::conv2d would not take oneDNN for one picture on one thread (its use_mkldnn), and loses
  // an order of magnitude with Debian's BLAS.
  torch::Tensor operator()(const torch::Tensor& x) const {
    return torch::mkldnn_convolution(x, w, bias, {padding, padding}, {stride, stride}, {1, 1}, 1);
  }
};

TorchConvLayer MakeLayer(int64_t ci, int64_t co, int64_t kernel, int64_t stride,
                         torch::MemoryFormat format) {
  return {torch::randn({co, ci, kernel, kernel}).contiguous(format), torch::randn({co}), kernel / 2,
          stride};
}

// Both memory formats are tried once; the faster one competes.
template <typename MakeRun>
Contender Faster(MakeRun make) {
  const auto plain = make(torch::MemoryFormat::Contiguous);
  const auto channels_last = make(torch::MemoryFormat::ChannelsLast);
  const bool last =
      SecondsPerRun(channels_last, Clock::kWall, 0.02) < SecondsPerRun(plain, Clock::kWall, 0.02);
  return {"libtorch_f32", last ? "channels last" : "contiguous", last ? channels_last : plain};
}

}  // namespace

void SetTorchThreads(int threads) {
  at::set_num_threads(threads);
}

Contender TorchConv(const ConvShape& s) {
  return Faster([&s](torch::MemoryFormat format) -> std::function<void()> {
    const auto layer =
        std::make_shared<TorchConvLayer>(MakeLayer(s.ci, s.co, s.kernel, s.stride, format));
    const torch::Tensor x = torch::rand({1, s.ci, s.size, s.size}).contiguous(format);
    return [layer, x] {
      const torch::InferenceMode guard;
      torch::Tensor y = (*layer)(x);
      torch::relu_(y);
    };
  });
}

Contender TorchLmnet() {
  return Faster([](torch::MemoryFormat format) -> std::function<void()> {
    const auto layers = std::make_shared<std::vector<TorchConvLayer>>();
    const int64_t sizes[][3] = {{3, 32, 3},    {32, 64, 3},  {256, 128, 3}, {128, 64, 3},
                                {256, 128, 3}, {512, 64, 1}, {64, 10, 1}};
    for (const auto& [ci, co, kernel] : sizes) {
      layers->push_back(MakeLayer(ci, co, kernel, 1, format));
    }
    const torch::Tensor bytes = torch::randint(256, {1, 3, 32, 32}, torch::kByte);
    return [layers, bytes, format] {
      const torch::InferenceMode guard;
      torch::Tensor x = bytes.to(torch::kFloat).div_(255).contiguous(format);
      for (size_t i = 0; i < layers->size(); ++i) {
        x = (*layers)[i](x);
        if (i + 1 < layers->size()) x = torch::relu_(x);
        if (i == 1 || i == 3 || i == 4) x = torch::pixel_unshuffle(x, 2).contiguous(format);
      }
      torch::softmax(x.mean({2, 3}), 1);
    };
  });
}

}  // namespace bluestem::bench
