#include "bluestem/train/internal/orthogonal.h"

#include "bluestem/train/internal/torch.h"

namespace bluestem::train {
namespace {

// a [m, k] times b [k, n], as a 1x1 convolution: LibTorch gives those to oneDNN, and products of
// matrices to whatever BLAS there is, which in Debian may be the reference, 20 times slower.
at::Tensor Product(const at::Tensor& a, const at::Tensor& b) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  return at::conv2d(b.reshape({1, k, n, 1}), a.reshape({m, k, 1, 1})).reshape({m, n});
}

}  // namespace

void Orthogonalize(int64_t rows, int64_t columns, float* x) {
  constexpr int kSteps = 5;
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315, kTiny = 1e-7;
  const c10::InferenceMode no_tape;
  const at::Tensor given = at::from_blob(x, {rows, columns}, at::kFloat);
  const bool tall = rows > columns;  // the small side inside: A is [short, short]
  at::Tensor m = (tall ? given.t() : given) / (given.norm().item<double>() + kTiny);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor a = Product(m, m.t());
    m = kA * m + Product(kB * a + kC * Product(a, a), m);
  }
  given.copy_(tall ? m.t() : m);
}

}  // namespace bluestem::train
