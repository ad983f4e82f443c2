// Who computes the same convolution, or the same net, as we do. Each contender owns its buffers and
// has them in the layout that it likes best; preparing weights is not timed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bluestem/base/status.h"
#include "bluestem/runtime/session.h"

namespace bluestem::bench {

// A convolution of batch 1, square, "same" padding.
struct ConvShape {
  std::string name;
  int size = 0, ci = 0, co = 0, kernel = 0, stride = 1;
  double macs() const {
    const double pixels = static_cast<double>(size / stride) * (size / stride);
    return pixels * ci * co * kernel * kernel;  // nominal: padding taps are counted
  }
};

struct Contender {
  std::string name;    // "ours", "onednn_int8", ...
  std::string detail;  // the kernel that runs
  std::function<void()> run;
};

// Ours: u<x_bits> codes, s<w_bits> weights, thresholds to codes of x_bits (at most 4: 8-bit codes
// leave as raw sums' thresholds of 4 levels). `isa` "" for the best. `kernels`: kOwn as an artefact
// runs it, kFastest as a session of this process does.
Contender OurConv(const ConvShape& shape, int x_bits, int w_bits, const std::string& isa,
                  int threads, runtime::Kernels kernels);
// oneDNN: f32 with ReLU, or u8 x s8 -> u8 with scale and ReLU. Formats are oneDNN's choice.
Contender OnednnConv(const ConvShape& shape, bool int8);
// ONNX Runtime: u8 x s8 -> u8 with ReLU, from a model with QuantizeLinear and DequantizeLinear.
// Requires: OpenOrt. Some outputs are compared with the definition.
Contender OrtConv(const ConvShape& shape);
// LibTorch f32 with ReLU.
Contender TorchConv(const ConvShape& shape);

// Blueoil's LmnetV1 for 32 x 32 x 3 and 10 classes, bytes in, scores out.
constexpr double kLmnetMacs = 133539840;
Contender OurLmnet(const std::string& isa, int threads);
Contender OnednnLmnet(bool int8);
Contender OrtLmnet();
Contender TorchLmnet();

void SetOnednnThreads(int threads);
// "oneDNN 2.6.3, ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI": "unset" where the environment has not that.
std::string OnednnText();
void SetTorchThreads(int threads);
// Loads the library of npm's onnxruntime-node from `place`, a folder where `npm install` put it;
// "auto" is the working folder. Errors: kUnavailable, naming where it looked and how to install.
Status OpenOrt(const std::string& place, int threads);

}  // namespace bluestem::bench
