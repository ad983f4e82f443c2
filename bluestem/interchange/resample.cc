#include "bluestem/interchange/resample.h"

#include <algorithm>
#include <cmath>

namespace bluestem::interchange {
namespace {

constexpr int64_t kMaxMatrix = int64_t{1} << 24;  // elements

}  // namespace

std::vector<Tap> LinearTaps(double position) {
  const double below = std::floor(position);
  const auto first = static_cast<int64_t>(below);
  const double rest = position - below;
  return {{first, 1 - rest}, {first + 1, rest}};
}

std::vector<Tap> CubicTaps(double position, double a) {
  const double below = std::floor(position);
  std::vector<Tap> taps;
  for (int64_t i = -1; i <= 2; ++i) {
    const double d = std::fabs(position - below - static_cast<double>(i));
    const double weight =
        d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : (((d - 5) * d + 8) * d - 4) * a;
    taps.push_back({static_cast<int64_t>(below) + i, weight});
  }
  return taps;
}

Result<Symbol> Resample(Builder& builder, const std::string& name, const Symbol& x, size_t axis,
                        int64_t extent, const TapsFn& taps) {
  const Shape shape = builder.ShapeOf(x);
  const int64_t from = shape[axis];
  if (extent < 1 || extent > kMaxMatrix / from) {
    return Error(Code::kUnsupported, "resampling axis {} of {} to {} is too large", axis,
                 ShapeText(shape), extent);
  }
  std::vector<double> sums(static_cast<size_t>(extent * from), 0.0);
  for (int64_t i = 0; i < extent; ++i) {
    for (const Tap& tap : taps(i)) {
      const int64_t position = std::clamp<int64_t>(tap.position, 0, from - 1);
      sums[static_cast<size_t>(i * from + position)] += tap.weight;
    }
  }
  const Symbol matrix =
      ConstantSymbol(Tensor::Of<float>({extent, from}, {sums.begin(), sums.end()}));
  // The axis goes last (a swap, which undoes itself), and all others become rows.
  std::vector<int64_t> perm(shape.size());
  for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[axis], perm.back());
  Shape swapped = shape;
  std::swap(swapped[axis], swapped.back());
  const bool moves = axis + 1 != shape.size();
  const auto step = [&](const char* op, const std::vector<Symbol>& inputs, const char* key,
                        std::vector<int64_t> values) {
    ir::Attributes attributes;
    if (*key != '\0') attributes.Set(key, std::move(values));
    return builder.Append(op, name + "/axis" + std::to_string(axis), inputs, attributes);
  };
  Symbol y = x;
  if (moves) {
    BLUESTEM_ASSIGN_OR_RETURN(y, step("Transpose", {y}, "perm", perm));
  }
  BLUESTEM_ASSIGN_OR_RETURN(y, step("Reshape", {y}, "shape", {-1, from}));
  BLUESTEM_ASSIGN_OR_RETURN(y, step("Dense", {y, matrix}, "", {}));
  swapped.back() = extent;
  BLUESTEM_ASSIGN_OR_RETURN(y, step("Reshape", {y}, "shape", swapped));
  if (!moves) return y;
  return step("Transpose", {y}, "perm", perm);
}

}  // namespace bluestem::interchange
