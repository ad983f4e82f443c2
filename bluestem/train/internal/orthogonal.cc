#include "bluestem/train/internal/orthogonal.h"

#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

void Orthogonalize(int64_t rows, int64_t columns, float* x) {
  constexpr int kSteps = 5;
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315, kTiny = 1e-7;
  const c10::InferenceMode no_tape;
  const at::Tensor given = at::from_blob(x, {rows, columns}, at::kFloat);
  const bool tall = rows > columns;  // the small side inside: A is [short, short]
  at::Tensor m = (tall ? given.t() : given) / (given.norm().item<double>() + kTiny);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor a = at::mm(m, m.t());
    m = at::addmm(m, at::addmm(a, a, a, kB, kC), m, kA, 1.0);
  }
  given.copy_(tall ? m.t() : m);
}

}  // namespace bluestem::train
