#include "bluestem/train/lowbit/integer_conv.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bluestem/base/check.h"
#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/train/lowbit/pool.h"
#include "bluestem/train/lowbit/rounding.h"
#include "bluestem/train/lowbit/weight_gradient.h"

namespace bluestem::train {
namespace {

using kernels::QConvArgs;
using kernels::QConvKernel;
using kernels::QConvParams;

constexpr size_t kAlign = 64;
constexpr int64_t kGradientSteps = 512;  // pixels times groups of a chunk
constexpr int32_t kFewPixels = 32;       // outputs of images that are stacked
constexpr int64_t kStack = 16;           // images

int64_t CeilDivide(int64_t n, int64_t d) {
  return (n + d - 1) / d;
}

// Bytes that nothing has written yet.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  void Resize(size_t size) {
    if (size + kAlign > capacity_) {
      capacity_ = size + kAlign;
      storage_ = std::make_unique_for_overwrite<uint8_t[]>(capacity_);
    }
    const auto address = reinterpret_cast<uintptr_t>(storage_.get());
    begin_ = storage_.get() + (kAlign - address % kAlign) % kAlign;
  }
  uint8_t* data() const { return begin_; }

 private:
  std::unique_ptr<uint8_t[]> storage_;
  size_t capacity_ = 0;
  uint8_t* begin_ = nullptr;
};

// One qconv with fixed geometry, on many images. Where matrix tiles would have few pixels for each
// tile of weights, images are stacked: one above the other with rows of padding between, in a call.
struct Pass {
  QConvParams params{};
  const QConvKernel* kernel = nullptr;
  AlignedBytes weights;
  std::vector<float> a, b;

  void Prepare(kernels::IsaSet isas) {
    kernel = &kernels::SelectQConv(params, isas);
    weights.Resize(kernels::QConvPackedBytes(params));
    a.resize(static_cast<size_t>(params.co));
    b.resize(static_cast<size_t>(params.co));
  }
  int64_t InputSize() const { return int64_t{params.h} * params.w * params.ci; }
  int64_t OutputSize() const { return int64_t{params.ho} * params.wo * params.co; }
  void Run(int64_t n, const uint8_t* x, float* y) {
    RunEach(n, x, [&](int64_t i, const auto& run) { run(y + i * OutputSize()); });
  }
  // Calls each(image, run) on all threads, which calls run(where the image's outputs are to be).
  template <typename Each>
  void RunEach(int64_t n, const uint8_t* x, const Each& each) {
    const int64_t x_size = InputSize();
    const bool few = kernel->isa == kernels::Isa::kAmx && params.ho * params.wo <= kFewPixels;
    const int64_t stack = few ? std::min<int64_t>(kStack, CeilDivide(n, omp_get_max_threads())) : 1;
#pragma omp parallel for schedule(static)
    for (int64_t first = 0; first < n; first += stack) {
      const int64_t count = std::min(stack, n - first);
      if (count > 1) {
        const float* y = CallStacked(count, x + first * x_size);
        const int64_t next = int64_t{Pitch() / params.stride_h} * params.wo * params.co;
        for (int64_t i = 0; i < count; ++i)
          each(first + i, [&](float* to) { std::copy_n(y + i * next, OutputSize(), to); });
      } else {
        each(first, [&](float* to) { Call(params, x + first * x_size, to); });
      }
    }
  }

 private:
  // Rows from an image to the next: whole strides, and apart as far as the kernel sees.
  int32_t Pitch() const {
    const int32_t gap = std::max(params.pad_top, params.kernel_h - 1 - params.pad_top);
    return (params.h + gap + params.stride_h - 1) / params.stride_h * params.stride_h;
  }
  void Call(const QConvParams& p, const uint8_t* x, float* y) const {
    thread_local AlignedBytes scratch;  // fresh pages would cost more than what is done in them
    scratch.Resize(kernel->scratch_bytes(p));
    QConvArgs args{};
    args.x = x;
    args.weights = weights.data();
    args.a = a.data();
    args.b = b.data();
    args.y = y;
    args.scratch = scratch.data();
    kernel->run(p, args);
  }
  // Returns the outputs of `count` images, those of an image Pitch() / stride_h rows after the last
  // one's.
  const float* CallStacked(int64_t count, const uint8_t* x) const {
    QConvParams p = params;
    const auto more = static_cast<int32_t>(count - 1) * Pitch();
    p.h += more, p.ho += more / p.stride_h;
    const int64_t row = int64_t{p.w} * p.ci, image = params.h * row, gap = Pitch() * row - image;
    thread_local AlignedBytes map, sums;
    map.Resize(static_cast<size_t>(p.h * row));
    sums.Resize(static_cast<size_t>(int64_t{p.ho} * p.wo * p.co) * sizeof(float));
    for (int64_t i = 0; i < count; ++i) {
      uint8_t* to = std::copy_n(x + i * image, image, map.data() + i * (image + gap));
      if (i + 1 < count) std::fill_n(to, gap, static_cast<uint8_t>(p.pad_value));
    }
    auto* y = reinterpret_cast<float*>(sums.data());
    Call(p, map.data(), y);
    return y;
  }
};

// Of one image.
int64_t GreatestGradientSum(const IntegerConvShape& s) {
  return s.oh * s.ow * ((int64_t{1} << s.code_bits) - 1) * 128;
}

QConvParams ForwardParams(const IntegerConvShape& s) {
  QConvParams p{};
  p.h = static_cast<int32_t>(s.h), p.w = static_cast<int32_t>(s.w),
  p.ci = static_cast<int32_t>(s.ci);
  p.ho = static_cast<int32_t>(s.oh), p.wo = static_cast<int32_t>(s.ow),
  p.co = static_cast<int32_t>(s.co);
  p.kernel_h = p.kernel_w = s.kernel;
  p.stride_h = p.stride_w = s.stride;
  p.pad_top = p.pad_left = s.pad;
  p.dilation_h = p.dilation_w = 1;
  p.groups = 1;
  p.x_bits = s.code_bits;
  p.w_bits = 1;
  p.epilogue = kernels::QConvEpilogue::kAffine;
  return p;
}

// The shape without its stride: outputs between those that there are.
IntegerConvShape Dense(IntegerConvShape s) {
  if (s.stride == 1) return s;
  s.oh = s.h + 2 * s.pad - s.kernel + 1, s.ow = s.w + 2 * s.pad - s.kernel + 1;
  s.stride = 1;
  return s;
}

// The convolution of the dense gradients: outputs are inputs, and the kernel is turned round.
QConvParams BackwardParams(const IntegerConvShape& s) {
  QConvParams p = ForwardParams(Dense(s));
  std::swap(p.h, p.ho), std::swap(p.w, p.wo), std::swap(p.ci, p.co);
  p.pad_top = p.pad_left = s.kernel - 1 - s.pad;
  p.pad_value = kZeroGradient;
  p.x_bits = 8;
  return p;
}

}  // namespace

struct IntegerConv::State {
  IntegerConvShape shape;
  GradientShape gradient;
  const WeightGradientKernel* weight_gradient;
  Pass forward, backward;
  std::vector<int8_t> turned;
  std::vector<int32_t> sign_sums;                 // of the turned weights, a channel of input each
  std::vector<std::vector<int32_t>> thread_sums;  // weight gradient of each thread
  AlignedBytes dense;                             // gradients with zeros between them

  int64_t WeightCount() const { return shape.co * shape.kernel * shape.kernel * shape.ci; }
  const uint8_t* DenseGradients(int64_t n, const uint8_t* gradients);
  void SumGradients(int64_t n, const uint8_t* codes, const uint8_t* gradients);
  template <typename Write>
  void ForSums(const Write& write) const;
};

const char* IntegerConv::Refuses(const IntegerConvShape& s) {
  if (s.stride > 2) return "its stride is not 1 or 2";
  if (s.ci % 16 != 0 || s.co % 16 != 0) return "its channels are not multiples of 16";
  if (s.pad >= s.kernel) return "its padding is as wide as its kernel";
  if (s.code_bits < 1 || s.code_bits > 7) return "its input is not codes of at most 7 bits";
  if (GreatestGradientSum(s) > INT32_MAX) return "its map is too large for sums of 32 bits";
  return nullptr;
}

IntegerConv::IntegerConv(const IntegerConvShape& shape, kernels::IsaSet isas)
    : state_(std::make_unique<State>()) {
  BLUESTEM_CHECK(Refuses(shape) == nullptr, "a convolution that integers can train");
  State& s = *state_;
  s.shape = shape;
  s.forward.params = ForwardParams(shape);
  s.backward.params = BackwardParams(shape);
  s.forward.Prepare(isas);
  s.backward.Prepare(isas);
  const QConvParams& p = s.backward.params;  // whose outputs are the inputs
  s.gradient = {.h = p.ho,
                .w = p.wo,
                .ci = p.co,
                .oh = p.h,
                .ow = p.w,
                .co = p.ci,
                .kernel = shape.kernel,
                .pad = shape.pad,
                .max_code = (1 << shape.code_bits) - 1};
  s.weight_gradient = &SelectWeightGradient(isas);
}

IntegerConv::~IntegerConv() = default;

void IntegerConv::SetSigns(const int8_t* signs) {
  State& s = *state_;
  const int64_t taps = int64_t{s.shape.kernel} * s.shape.kernel, ci = s.shape.ci, co = s.shape.co;
  s.turned.resize(static_cast<size_t>(s.WeightCount()));
  s.sign_sums.assign(static_cast<size_t>(ci), 0);
  for (int64_t tap = 0; tap < taps; ++tap) {
    for (int64_t first = 0; first < ci; first += kTileInputs) {  // few rows at a time
      for (int64_t o = 0; o < co; ++o) {
        const int8_t* from = signs + (o * taps + tap) * ci + first;
        int8_t* to = s.turned.data() + (first * taps + taps - 1 - tap) * co + o;
        for (int64_t c = 0; c < kTileInputs; ++c) {
          to[c * taps * co] = from[c];
          s.sign_sums[static_cast<size_t>(first + c)] += from[c];
        }
      }
    }
  }
  kernels::QConvPackWeights(s.forward.params, signs, s.forward.weights.data());
  kernels::QConvPackWeights(s.backward.params, s.turned.data(), s.backward.weights.data());
}

void IntegerConv::Forward(int64_t n, const uint8_t* codes, float scale, float* z) {
  Pass& pass = state_->forward;
  std::fill(pass.a.begin(), pass.a.end(), scale);
  pass.Run(n, codes, z);
}

void IntegerConv::ForwardPooled(int64_t n, const uint8_t* codes, float scale, int32_t pool,
                                float* z, uint8_t* choices) {
  Pass& pass = state_->forward;
  std::fill(pass.a.begin(), pass.a.end(), scale);
  const PoolShape shape{
      .h = state_->shape.oh, .w = state_->shape.ow, .channels = state_->shape.co, .pool = pool};
  const int64_t full = pass.OutputSize(), pooled = full / (int64_t{pool} * pool);
  pass.RunEach(n, codes, [&](int64_t i, const auto& run) {
    thread_local AlignedBytes map;
    map.Resize(static_cast<size_t>(full) * sizeof(float));
    auto* sums = reinterpret_cast<float*>(map.data());
    run(sums);
    MaxPool(shape, sums, z + i * pooled, choices + i * pooled);
  });
}

// Where there is a stride, the gradients of n maps as if there were none: zeros between them, so
// that the sums are the same.
const uint8_t* IntegerConv::State::DenseGradients(int64_t n, const uint8_t* gradients) {
  if (shape.stride == 1) return gradients;
  const int64_t size = backward.InputSize(), row = int64_t{gradient.ow} * shape.co;
  dense.Resize(static_cast<size_t>(n * size));
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < n; ++i) {
    uint8_t* to = dense.data() + i * size;
    std::fill_n(to, size, kZeroGradient);
    for (int64_t at = 0; at < shape.oh * shape.ow; ++at) {
      const int64_t y = at / shape.ow * shape.stride, x = at % shape.ow * shape.stride;
      std::copy_n(gradients + (i * shape.oh * shape.ow + at) * shape.co, shape.co,
                  to + y * row + x * shape.co);
    }
  }
  return dense.data();
}

void IntegerConv::InputGradient(int64_t n, const uint8_t* gradients, float scale, float* gx) {
  Pass& pass = state_->backward;
  std::fill(pass.a.begin(), pass.a.end(), scale);
  for (size_t c = 0; c < pass.b.size(); ++c)  // the zero of the gradients' codes
    pass.b[c] =
        -static_cast<float>(kZeroGradient) * scale * static_cast<float>(state_->sign_sums[c]);
  pass.Run(n, state_->DenseGradients(n, gradients), gx);
}

// Leaves each thread's sums over its images in thread_sums.
void IntegerConv::State::SumGradients(int64_t n, const uint8_t* codes, const uint8_t* gradients) {
  const int64_t x_pixels = int64_t{gradient.h} * gradient.w;
  const int64_t g_pixels = int64_t{gradient.oh} * gradient.ow;
  const int64_t x_size = x_pixels * gradient.ci, g_size = g_pixels * gradient.co;
  // Chunks are as long as threads allow: each reads and writes all sums.
  const int threads = omp_get_max_threads();
  const int64_t each = CeilDivide(n, threads);
  const int64_t group =
      std::min<int64_t>(weight_gradient->group_images, CeilDivide(each, kFour) * kFour);
  const int64_t chunk_groups =
      std::clamp<int64_t>(kGradientSteps * kFour / (group * g_pixels), 1, CeilDivide(each, group));
  const int64_t chunk = chunk_groups * group, chunks = CeilDivide(n, chunk);
  // What groups take when packed.
  const int64_t packed = chunk_groups * weight_gradient->group_images;
  thread_sums.assign(static_cast<size_t>(threads), {});
#pragma omp parallel
  {
    std::vector<int32_t>& sums = thread_sums[static_cast<size_t>(omp_get_thread_num())];
    sums.assign(static_cast<size_t>(WeightCount()), 0);
    thread_local AlignedBytes x, g;
    x.Resize(static_cast<size_t>(packed * x_size));
    g.Resize(static_cast<size_t>(packed * g_size));
#pragma omp for schedule(static)
    for (int64_t k = 0; k < chunks; ++k) {
      const int64_t first = k * chunk, images = std::min(chunk, n - first);
      int32_t groups = 0;
      for (int64_t done = 0; done < images; done += group, ++groups) {
        const auto count = static_cast<int32_t>(std::min(group, images - done));
        const int64_t at = int64_t{groups} * weight_gradient->group_images;
        weight_gradient->pack_codes(codes + (first + done) * x_size, count, x_pixels, gradient.ci,
                                    x.data() + at * x_size);
        weight_gradient->pack_gradients(gradients + (first + done) * g_size, count, g_pixels,
                                        gradient.co, kZeroGradient, g.data() + at * g_size);
      }
      weight_gradient->add(gradient, groups, x.data(), g.data(), sums.data());
    }
  }
}

// Calls write(index in [co, kernel, kernel, ci], sum) for every weight, on all threads.
template <typename Write>
void IntegerConv::State::ForSums(const Write& write) const {
  const int64_t taps = int64_t{gradient.kernel} * gradient.kernel;
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < gradient.co * taps; ++row) {
    for (int64_t ci = 0; ci < gradient.ci; ci += kTileInputs) {
      const int64_t at = SumsAt(gradient, row / taps, row % taps, ci);
      int32_t total[kTileInputs] = {};
      for (const std::vector<int32_t>& part : thread_sums) {
        for (int64_t c = 0; !part.empty() && c < kTileInputs; ++c)
          total[c] += part[static_cast<size_t>(at + c)];
      }
      for (int64_t c = 0; c < kTileInputs; ++c) write(row * gradient.ci + ci + c, total[c]);
    }
  }
}

void IntegerConv::WeightGradient(int64_t n, const uint8_t* codes, const uint8_t* gradients,
                                 float scale, float* dw) {
  State& s = *state_;
  const IntegerConvShape& shape = s.shape;
  const int64_t slice = INT32_MAX / GreatestGradientSum(shape);  // images whose sums fit 32 bits
  for (int64_t first = 0; first < n; first += slice) {
    const int64_t images = std::min(slice, n - first);
    s.SumGradients(images, codes + first * shape.h * shape.w * shape.ci,
                   s.DenseGradients(images, gradients + first * shape.oh * shape.ow * shape.co));
    s.ForSums([&](int64_t i, int32_t sum) {
      const float part = static_cast<float>(sum) * scale;
      dw[i] = first == 0 ? part : dw[i] + part;
    });
  }
}

}  // namespace bluestem::train
