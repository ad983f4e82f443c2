// Counts the instructions of XNNPACK's int8 convolutions (weights quantized by channel), run by
// bench/arm_insns.sh under qemu-user.
//
//   xnnpack COUNT     prints "INSTRUCTIONS NAME" for each layer of layers.h. COUNT: counter.h
//
// Operators are made before; what is counted is one run with its requantization to int8.
#include <xnnpack.h>

#include <cstdio>
#include <vector>

#include "bench/arm/counter.h"
#include "bench/arm/layers.h"

namespace bluestem::bench {
namespace {

bool CountLayer(const Counter& counter, const Layer& layer) {
  const size_t ci = static_cast<size_t>(layer.ci);
  const size_t co = static_cast<size_t>(layer.co);
  const size_t size = static_cast<size_t>(layer.size);
  const uint32_t kernel = static_cast<uint32_t>(layer.kernel);
  const uint32_t pad = kernel / 2;
  std::vector<int8_t> weights(co * kernel * kernel * ci);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(i * 40503u >> 8);
  const std::vector<int8_t> x(size * size * ci + XNN_EXTRA_BYTES, 5);
  std::vector<int8_t> y(size * size * co);
  const std::vector<int32_t> bias(co, 1);
  const std::vector<float> scales(co, 0.001f);
  xnn_operator_t conv = nullptr;
  const bool made = xnn_create_convolution2d_nhwc_qc8(
                        pad, pad, pad, pad, kernel, kernel, 1, 1, 1, 1, 1, ci, co, ci, co, -128,
                        1.0f, scales.data(), weights.data(), bias.data(), -128, 1.0f, -128, 127, 0,
                        &conv) == xnn_status_success &&
                    xnn_setup_convolution2d_nhwc_qc8(conv, 1, size, size, x.data(), y.data(),
                                                     nullptr) == xnn_status_success &&
                    xnn_run_operator(conv, nullptr) == xnn_status_success;
  if (!made) return false;
  const int64_t instructions = counter.Count([&] { xnn_run_operator(conv, nullptr); });
  std::printf("%lld %s\n", static_cast<long long>(instructions), layer.name);
  return xnn_delete_operator(conv) == xnn_status_success;
}

int Main(int argc, char** argv) {
  Counter counter;
  if (argc != 2 || !counter.Open(argv[1])) {
    std::fprintf(stderr, "xnnpack: the counter is missing or miscounts a loop of known length\n");
    return 2;
  }
  if (xnn_initialize(nullptr) != xnn_status_success) return 2;
  for (const Layer& layer : kLmnetV1) {
    if (!CountLayer(counter, layer)) return 2;
  }
  for (const Layer& layer : kShapes) {
    if (!CountLayer(counter, layer)) return 2;
  }
  return 0;
}

}  // namespace
}  // namespace bluestem::bench

int main(int argc, char** argv) {
  return bluestem::bench::Main(argc, argv);
}
