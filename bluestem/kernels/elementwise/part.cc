#include "bluestem/kernels/elementwise/elementwise.h"

namespace bluestem::kernels {
namespace {

// Of `size` rows of `length` elements.
RowShift TakeRun(int32_t part, int32_t parts, int64_t length, int64_t& size) {
  const int64_t begin = PartBegin(size, part, parts);
  size = PartBegin(size, part + 1, parts) - begin;
  return {begin * length, begin * length};
}

}  // namespace

int64_t Elements(const UnaryParams& params) {
  return params.count;
}
int64_t Elements(const QuantizeParams& params) {
  return params.count;
}
int64_t Elements(const DequantizeParams& params) {
  return params.count;
}
int64_t Elements(const AffineParams& params) {
  return params.rows * params.channels;
}
int64_t Elements(const ThresholdParams& params) {
  return params.rows * params.channels;
}
int64_t Elements(const RealThresholdParams& params) {
  return params.rows * params.channels;
}

RowShift TakeRows(int32_t part, int32_t parts, UnaryParams& params) {
  return TakeRun(part, parts, 1, params.count);
}
RowShift TakeRows(int32_t part, int32_t parts, QuantizeParams& params) {
  return TakeRun(part, parts, 1, params.count);
}
RowShift TakeRows(int32_t part, int32_t parts, DequantizeParams& params) {
  return TakeRun(part, parts, 1, params.count);
}
RowShift TakeRows(int32_t part, int32_t parts, AffineParams& params) {
  return TakeRun(part, parts, params.channels, params.rows);
}
RowShift TakeRows(int32_t part, int32_t parts, ThresholdParams& params) {
  return TakeRun(part, parts, params.channels, params.rows);
}
RowShift TakeRows(int32_t part, int32_t parts, RealThresholdParams& params) {
  return TakeRun(part, parts, params.channels, params.rows);
}

}  // namespace bluestem::kernels
