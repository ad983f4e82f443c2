#include <fmt/core.h>
#include <omp.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>

#include "bench/peers/contender.h"

namespace bluestem::bench {
namespace {

using dnnl::memory;
using Type = memory::data_type;
using Tag = memory::format_tag;

struct Device {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

Device& TheDevice() {
  static Device device;
  return device;
}

// Random bytes; as floats small numbers.
void Fill(const memory& m) {
  std::mt19937 random(1);
  const size_t size = m.get_desc().get_size();
  if (m.get_desc().data_type() == Type::f32) {
    auto* values = static_cast<float*>(m.get_data_handle());
    for (size_t i = 0; i < size / sizeof(float); ++i) {
      values[i] = static_cast<float>(random() >> 8) * 0x1p-24f - 0.5f;
    }
    return;
  }
  auto* bytes = static_cast<uint8_t*>(m.get_data_handle());
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(random() % 100);
}

memory Make(const memory::desc& desc) {
  memory m(desc, TheDevice().engine);
  Fill(m);
  return m;
}

// One convolution with its scale, ReLU and buffers.
struct Conv {
  dnnl::convolution_forward primitive;
  memory x, w, bias, y;
  std::string implementation;

  void Run() const {
    primitive.execute(
        TheDevice().stream,
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, y}});
  }
};

struct ConvTypes {
  Type x, w, bias, y;
};
constexpr ConvTypes kInt8 = {Type::u8, Type::s8, Type::s32, Type::u8};
constexpr ConvTypes kInt8ToF32 = {Type::u8, Type::s8, Type::s32, Type::f32};
constexpr ConvTypes kF32 = {Type::f32, Type::f32, Type::f32, Type::f32};

// `tag`: of activations; any lets oneDNN choose. `x`: the buffer to read, or none to make one.
Conv MakeConv(const ConvShape& s, const ConvTypes& types, Tag tag, const memory* x, bool relu) {
  const int out = s.size / s.stride;
  const int pad = s.kernel / 2;
  const int pad_end = (out - 1) * s.stride + s.kernel - s.size - pad;
  const memory::desc xd({1, s.ci, s.size, s.size}, types.x, tag);
  const memory::desc wd({s.co, s.ci, s.kernel, s.kernel}, types.w, Tag::any);
  const memory::desc bd({s.co}, types.bias, Tag::a);
  const memory::desc yd({1, s.co, out, out}, types.y, tag);
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference,
                                             dnnl::algorithm::convolution_direct, xd, wd, bd, yd,
                                             {s.stride, s.stride}, {pad, pad}, {pad_end, pad_end});
  dnnl::primitive_attr attributes;
  if (types.w == Type::s8) attributes.set_output_scales(0, {0.01f});
  if (relu) {
    dnnl::post_ops post;
    post.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post);
  }
  const dnnl::convolution_forward::primitive_desc pd(desc, attributes, TheDevice().engine);
  return {dnnl::convolution_forward(pd), x != nullptr ? *x : Make(pd.src_desc()),
          Make(pd.weights_desc()),       Make(pd.bias_desc()),
          Make(pd.dst_desc()),           pd.impl_info_str()};
}

// Space to depth 2 of rows in NHWC: two pixels of a row are neighbours already.
void SpaceToDepth(const memory& x, const memory& y, int size, size_t pixel_bytes) {
  const auto* from = static_cast<const uint8_t*>(x.get_data_handle());
  auto* to = static_cast<uint8_t*>(y.get_data_handle());
  const size_t pair = 2 * pixel_bytes;
  for (int row = 0; row < size; ++row) {
    for (int column = 0; column < size / 2; ++column) {
      std::memcpy(
          to + (static_cast<size_t>(row / 2) * size / 2 + column) * 2 * pair + row % 2 * pair,
          from + (static_cast<size_t>(row) * size / 2 + column) * pair, pair);
    }
  }
}

// LmnetV1, NHWC throughout, so that space-to-depth is a copy of rows.
struct Lmnet {
  explicit Lmnet(bool int8) : types(int8 ? kInt8 : kF32) {
    const size_t element = int8 ? 1 : 4;
    pixel = {64 * element, 64 * element, 128 * element};
    conv.push_back(Layer(32, 3, 32, 3, nullptr));
    conv.push_back(Layer(32, 32, 64, 3, &conv[0].y));
    depth.push_back(Map(16, 256));
    conv.push_back(Layer(16, 256, 128, 3, &depth[0]));
    conv.push_back(Layer(16, 128, 64, 3, &conv[2].y));
    depth.push_back(Map(8, 256));
    conv.push_back(Layer(8, 256, 128, 3, &depth[1]));
    depth.push_back(Map(4, 512));
    conv.push_back(Layer(4, 512, 64, 1, &depth[2]));
    conv.push_back(
        MakeConv({"", 4, 64, 10, 1, 1}, int8 ? kInt8ToF32 : kF32, Tag::nhwc, &conv[5].y, false));
    const memory::desc pooled({1, 10, 1, 1}, Type::f32, Tag::nhwc);
    const dnnl::pooling_forward::desc pool_desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::pooling_avg_exclude_padding,
        conv[6].y.get_desc(), pooled, {4, 4}, {4, 4}, {0, 0}, {0, 0});
    pool = dnnl::pooling_forward({pool_desc, TheDevice().engine});
    mean = Make(pooled);
    const dnnl::softmax_forward::desc softmax_desc(dnnl::prop_kind::forward_inference, pooled, 1);
    softmax = dnnl::softmax_forward({softmax_desc, TheDevice().engine});
    scores = Make(pooled);
  }

  void Run() const {
    conv[0].Run();
    conv[1].Run();
    SpaceToDepth(conv[1].y, depth[0], 32, pixel[0]);
    conv[2].Run();
    conv[3].Run();
    SpaceToDepth(conv[3].y, depth[1], 16, pixel[1]);
    conv[4].Run();
    SpaceToDepth(conv[4].y, depth[2], 8, pixel[2]);
    conv[5].Run();
    conv[6].Run();
    dnnl::stream& stream = TheDevice().stream;
    pool.execute(stream, {{DNNL_ARG_SRC, conv[6].y}, {DNNL_ARG_DST, mean}});
    softmax.execute(stream, {{DNNL_ARG_SRC, mean}, {DNNL_ARG_DST, scores}});
    stream.wait();
  }
  // Of the convolutions, in their order, each once.
  std::string implementations() const {
    std::string text;
    for (const Conv& each : conv) {
      if (text.find(each.implementation) != std::string::npos) continue;
      text += (text.empty() ? "" : ", ") + each.implementation;
    }
    return text;
  }

 private:
  Conv Layer(int size, int ci, int co, int kernel, const memory* x) const {
    return MakeConv({"", size, ci, co, kernel, 1}, types, Tag::nhwc, x, true);
  }
  memory Map(int size, int c) const {
    return Make(memory::desc({1, c, size, size}, types.x, Tag::nhwc));
  }
  ConvTypes types;
  std::vector<size_t> pixel;  // bytes of a pixel before each space-to-depth
  std::vector<Conv> conv;
  std::vector<memory> depth;
  dnnl::pooling_forward pool;
  dnnl::softmax_forward softmax;
  memory mean, scores;
};

}  // namespace

Contender OnednnConv(const ConvShape& shape, bool int8) {
  const auto conv =
      std::make_shared<Conv>(MakeConv(shape, int8 ? kInt8 : kF32, Tag::any, nullptr, true));
  return {int8 ? "onednn_int8" : "onednn_f32", conv->implementation, [conv] {
            conv->Run();
            TheDevice().stream.wait();
          }};
}

Contender OnednnLmnet(bool int8) {
  const auto net = std::make_shared<Lmnet>(int8);
  return {int8 ? "onednn_int8" : "onednn_f32", net->implementations(), [net] { net->Run(); }};
}

void SetOnednnThreads(int threads) {
  omp_set_num_threads(threads);
}

std::string OnednnText() {
  const dnnl_version_t& version = *dnnl_version();
  const char* isa = std::getenv("ONEDNN_MAX_CPU_ISA");
  return fmt::format("oneDNN {}.{}.{}, ONEDNN_MAX_CPU_ISA={}", version.major, version.minor,
                     version.patch, isa == nullptr ? "unset" : isa);
}

}  // namespace bluestem::bench
