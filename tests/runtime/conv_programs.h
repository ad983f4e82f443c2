// Random Programs of low-bit convolutions, as lowering would make them.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bluestem/kernels/qconv/qconv.h"
#include "bluestem/program/program.h"

namespace bluestem::runtime {

// What a convolution is besides its input's shape.
struct ConvSpec {
  int32_t co = 32, kernel = 3, stride = 1, dilation = 1, pad = 1, levels = 4, x_bits = 2;
  // Others than kThreshold only for the last one: their result is no code.
  kernels::QConvEpilogue epilogue = kernels::QConvEpilogue::kThreshold;
  // What is added, of 2 bits and of its output's shape: 1: what it reads; 2: what the call before
  // it read; and so on. 0: nothing.
  size_t residual = 0;
};
constexpr size_t kPicked = SIZE_MAX;  // a residual: what ChainBuilder::Pick has made

// What is picked of a map [stride * h, stride * w, from].
struct PickSpec {
  int32_t from = 32;
  int32_t stride = 2;
  int32_t plane = 0;    // (y % 2) * 2 + x % 2 of the pixels that are picked
  int32_t first = 0;    // codes of 0 before the channels
  bool in_two = false;  // pixels, and then channels, as lowering does
};

// Appends calls one after the other; each reads what the last one wrote.
class ChainBuilder {
 public:
  ChainBuilder(int32_t h, int32_t w, int32_t c, uint64_t seed)
      : random_(seed), h_(h), w_(w), c_(c) {
    program_->name = "chain";
    program_->inputs = {{.name = "x", .dtype = DType::kU8, .shape = {1, h, w, c}}};
    at_ = {program::Space::kInput, 0};
  }

  void Conv(const ConvSpec& spec) {
    kernels::QConvParams p{};
    p.h = h_;
    p.w = w_;
    p.ci = c_;
    const int32_t reach = (spec.kernel - 1) * spec.dilation + 1;
    p.ho = (h_ + 2 * spec.pad - reach) / spec.stride + 1;
    p.wo = (w_ + 2 * spec.pad - reach) / spec.stride + 1;
    p.co = spec.co;
    p.kernel_h = p.kernel_w = spec.kernel;
    p.stride_h = p.stride_w = spec.stride;
    p.pad_top = p.pad_left = spec.pad;
    p.dilation_h = p.dilation_w = spec.dilation;
    p.groups = 1;
    p.x_bits = spec.x_bits;
    p.w_bits = 1;
    p.epilogue = spec.epilogue;
    p.levels = spec.levels;
    p.relu = static_cast<int32_t>(random_() % 2);
    const int64_t terms = int64_t{spec.kernel} * spec.kernel * c_;
    std::vector<int8_t> weights(static_cast<size_t>(terms * spec.co));
    for (int8_t& w : weights) w = random_() % 2 == 0 ? -1 : 1;
    std::vector<uint8_t> packed(kernels::QConvPackedBytes(p));
    kernels::QConvPackWeights(p, weights.data(), packed.data());
    std::vector<int32_t> thresholds;
    std::vector<int8_t> directions;
    const auto spread = static_cast<int32_t>(2 + terms / 4);
    for (int32_t o = 0; o < spec.co; ++o) {
      std::vector<int32_t> own;
      for (int32_t k = 0; k < spec.levels - 1; ++k) {
        own.push_back(static_cast<int32_t>(random_() % static_cast<uint64_t>(2 * spread)) - spread);
      }
      if (random_() % 8 == 0) own[0] = random_() % 2 == 0 ? INT32_MIN : INT32_MAX;  // always, never
      std::sort(own.begin(), own.end());
      directions.push_back(random_() % 3 == 0 ? -1 : 1);
      if (directions.back() < 0) std::reverse(own.begin(), own.end());
      thresholds.insert(thresholds.end(), own.begin(), own.end());
    }
    program::Call call;
    call.op = "conv" + std::to_string(program_->calls.size());
    call.params = p;
    call.inputs = {at_, Constant(packed), Constant(thresholds), Constant(directions), {}, {}};
    if (spec.residual > 0) {
      std::get<kernels::QConvParams>(call.params).residual_bits = 2;
      std::vector<int32_t> ratios;
      for (int32_t o = 0; o < spec.co; ++o)
        ratios.push_back(static_cast<int32_t>(random_() % 9) - 4);
      call.inputs.push_back(spec.residual == kPicked ? picked_
                            : spec.residual == 1     ? at_
                                                     : read_[read_.size() - spec.residual + 1]);
      call.inputs.push_back(Constant(ratios));
    }
    if (spec.epilogue != kernels::QConvEpilogue::kThreshold) {
      std::vector<float> a, b;
      for (int32_t o = 0; o < spec.co; ++o) {
        a.push_back(static_cast<float>(random_() % 2000) * 1e-4F - 0.1F);
        b.push_back(static_cast<float>(random_() % 2000) * 1e-3F - 1);
      }
      call.inputs = {at_, call.inputs[1], {}, {}, Constant(a), Constant(b)};
      dtype_ = spec.epilogue == kernels::QConvEpilogue::kRaw ? DType::kS32 : DType::kF32;
    }
    call.x_bits = spec.x_bits;
    call.w_bits = 1;
    call.macs = terms * p.ho * p.wo * p.co;
    Append(std::move(call), p.ho, p.wo, p.co);
  }

  void Pool() {
    const kernels::PoolParams p = {h_, w_, c_, h_ / 2, w_ / 2, 2, 2, 2, 2, 0, 0, 0};
    program::Call call;
    call.op = "pool" + std::to_string(program_->calls.size());
    call.params = program::MaxPoolCall{p, DType::kU8};
    call.inputs = {at_};
    Append(std::move(call), h_ / 2, w_ / 2, c_);
  }

  // Pixels of what the call before has read, with codes of 0 as further channels, in the shape of
  // what it wrote: for a residual. The chain goes on where it was.
  void Pick(const PickSpec& spec) {
    program::Operand source = read_.back();
    const int64_t row = int64_t{spec.stride} * w_ * spec.from;
    std::array<int64_t, 3> stride = {spec.stride * row, int64_t{spec.stride} * spec.from, 1};
    int64_t offset = spec.plane / 2 * row + spec.plane % 2 * spec.from;
    if (spec.in_two) {
      const std::array<int64_t, 3> packed = {int64_t{w_} * spec.from, spec.from, 1};
      source =
          Copy(source, Buffer(int64_t{h_} * w_ * spec.from), spec.from, stride, offset, packed, 0);
      stride = packed;
      offset = 0;
    }
    const int64_t bytes = int64_t{h_} * w_ * c_;
    picked_ = Buffer(bytes);
    if (spec.from < c_) {
      program::Call fill;
      fill.op = "fill" + std::to_string(program_->calls.size());
      fill.params = program::FillCall{1, bytes, 0};
      fill.output = picked_;
      program_->calls.push_back(fill);
    }
    Copy(source, picked_, spec.from, stride, offset, {int64_t{w_} * c_, c_, 1}, spec.first);
  }

  // [h, w, c] to [h/2, w/2, 4c].
  void SpaceToDepth() {
    kernels::CopyParams p{};
    p.element_bytes = 1;
    p.rank = 5;
    const int32_t extent[] = {h_ / 2, 2, w_ / 2, 2, c_};
    const int64_t row = int64_t{w_} * c_;
    const int64_t from[] = {2 * row, row, int64_t{2} * c_, c_, 1};
    const int64_t to[] = {int64_t{w_ / 2} * 4 * c_, int64_t{2} * c_, int64_t{4} * c_, c_, 1};
    std::copy(std::begin(extent), std::end(extent), p.extent);
    std::copy(std::begin(from), std::end(from), p.x_stride);
    std::copy(std::begin(to), std::end(to), p.y_stride);
    program::Call call;
    call.op = "space_to_depth" + std::to_string(program_->calls.size());
    call.params = p;
    call.inputs = {at_};
    Append(std::move(call), h_ / 2, w_ / 2, 4 * c_);
  }

  std::shared_ptr<program::Program> Finish() {
    program_->calls.back().output = {program::Space::kOutput, 0};
    program_->outputs = {{.name = "y", .dtype = dtype_, .shape = {1, h_, w_, c_}}};
    program_->arena_bytes = arena_;
    return program_;
  }

  const program::Operand& picked() const { return picked_; }
  int32_t h() const { return h_; }
  int32_t w() const { return w_; }

 private:
  template <typename T>
  program::Operand Constant(const std::vector<T>& values) {
    const size_t at = program_->constants.size();
    program_->constants.resize(at + (values.size() * sizeof(T) + 63) / 64 * 64);
    std::memcpy(program_->constants.data() + at, values.data(), values.size() * sizeof(T));
    return {program::Space::kConstants, static_cast<int64_t>(at)};
  }

  program::Operand Buffer(int64_t bytes) {
    const program::Operand buffer = {program::Space::kArena, arena_};
    arena_ += (bytes + 63) / 64 * 64;
    return buffer;
  }

  // Copies [h, w, c] bytes.
  program::Operand Copy(const program::Operand& x, const program::Operand& y, int32_t c,
                        const std::array<int64_t, 3>& x_stride, int64_t x_offset,
                        const std::array<int64_t, 3>& y_stride, int64_t y_offset) {
    kernels::CopyParams p{};
    p.element_bytes = 1;
    p.rank = 3;
    const int32_t extent[] = {h_, w_, c};
    std::copy(std::begin(extent), std::end(extent), p.extent);
    std::copy(x_stride.begin(), x_stride.end(), p.x_stride);
    std::copy(y_stride.begin(), y_stride.end(), p.y_stride);
    p.x_offset = x_offset;
    p.y_offset = y_offset;
    program::Call copy;
    copy.op = "pick" + std::to_string(program_->calls.size());
    copy.params = p;
    copy.inputs = {x};
    copy.output = y;
    program_->calls.push_back(copy);
    return y;
  }

  void Append(program::Call call, int32_t h, int32_t w, int32_t c) {
    call.output = Buffer(int64_t{h} * w * c);
    read_.push_back(at_);
    at_ = call.output;
    program_->calls.push_back(std::move(call));
    h_ = h;
    w_ = w;
    c_ = c;
  }

  std::mt19937_64 random_;
  std::shared_ptr<program::Program> program_ = std::make_shared<program::Program>();
  program::Operand at_, picked_;
  std::vector<program::Operand> read_;  // by each call
  DType dtype_ = DType::kU8;            // of the last result
  int64_t arena_ = 0;
  int32_t h_, w_, c_;
};

inline Tensor RandomCodes(const program::TensorInfo& info, int32_t bits, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor tensor(DType::kU8, info.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<uint8_t>()[i] = static_cast<uint8_t>(random() & ((1u << bits) - 1));
  }
  return tensor;
}

}  // namespace bluestem::runtime
