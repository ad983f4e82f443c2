#include "bluestem/quant/rounding.h"

#include <cmath>

namespace bluestem::quant {
namespace {

struct RoundingRow {
  Rounding rounding;
  const char* name;
};

constexpr RoundingRow kRoundings[] = {
    {Rounding::kHalfEven, "ROUND"},
    {Rounding::kHalfUp, "HALF_UP"},
    {Rounding::kFloor, "FLOOR"},
    {Rounding::kCeil, "CEIL"},
    {Rounding::kToZero, "ROUND_TO_ZERO"},
    {Rounding::kFromZero, "FROM_ZERO"},
    {Rounding::kHalfFromZero, "HALF_FROM_ZERO"},
    {Rounding::kHalfToZero, "HALF_TO_ZERO"},
    {Rounding::kHalfOdd, "HALF_ODD"},
};

double HalfUp(double x) {
  const double below = std::floor(x);
  return x - below >= 0.5 ? below + 1 : below;  // x + 0.5 itself could round up across an integer
}

double HalfEven(double x) {
  const double below = std::floor(x);
  const double rest = x - below;  // exact: below and x lie within one binade, or |x| < 1
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1;
}

}  // namespace

double Round(double x, Rounding rounding) {
  switch (rounding) {
    case Rounding::kHalfEven: return HalfEven(x);
    case Rounding::kHalfUp: return HalfUp(x);
    case Rounding::kFloor: return std::floor(x);
    case Rounding::kCeil: return std::ceil(x);
    case Rounding::kToZero: return std::trunc(x);
    case Rounding::kHalfOdd: return HalfEven(x + 1) - 1;
    case Rounding::kFromZero: return x < 0 ? std::floor(x) : std::ceil(x);
    case Rounding::kHalfFromZero: return x < 0 ? -HalfUp(-x) : HalfUp(x);
    case Rounding::kHalfToZero: return x < 0 ? HalfUp(x) : -HalfUp(-x);
  }
  return x;
}

const char* RoundingName(Rounding rounding) {
  for (const RoundingRow& row : kRoundings) {
    if (row.rounding == rounding) return row.name;
  }
  return "?";
}

std::optional<Rounding> FindRounding(const std::string& name) {
  for (const RoundingRow& row : kRoundings) {
    if (name == row.name) return row.rounding;
  }
  return std::nullopt;
}

}  // namespace bluestem::quant
