// Optimizers against their formulas in double.
#include "bluestem/train/internal/optimizer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bluestem/base/rng.h"

namespace bluestem::train {
namespace {

struct Toy {
  std::vector<float> value{1.0F, -2.0F}, gradient{0.5F, 0.25F};
  std::vector<ParameterView> Views(Role role = Role::kWeight) {
    return {{.name = "w",
             .role = role,
             .block = 0,
             .count = 2,
             .value = value.data(),
             .gradient = gradient.data()}};
  }
};

TEST(Optimizer, MomentumAndNesterovFollowTheirFormulas) {
  for (const bool nesterov : {false, true}) {
    Toy toy;
    Optimizer optimizer(
        {.name = nesterov ? "nesterov" : "momentum", .momentum = 0.9, .weight_decay = 0.1},
        toy.Views());
    double w = 1.0, v = 0;
    for (int step = 0; step < 4; ++step) {
      optimizer.Update(step, 0.1, 0);
      const double g = 0.5 + 0.1 * w;
      v = 0.9 * v + g;
      w -= 0.1 * (nesterov ? g + 0.9 * v : v);
    }
    EXPECT_NEAR(static_cast<double>(toy.value[0]), w, 1e-6) << nesterov;
  }
}

TEST(Optimizer, AdamAndAdamWFollowTheirFormulas) {
  for (const bool decoupled : {false, true}) {
    Toy toy;
    Optimizer optimizer({.name = decoupled ? "adamw" : "adam", .weight_decay = 0.1}, toy.Views());
    double w = 1.0, m = 0, v = 0;
    for (int step = 0; step < 5; ++step) {
      optimizer.Update(step, 0.01, 0);
      const double g = 0.5 + (decoupled ? 0.0 : 0.1 * w);
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const double mean = m / (1 - std::pow(0.9, step + 1)),
                   square = v / (1 - std::pow(0.999, step + 1));
      w -= (decoupled ? 0.01 * 0.1 * w : 0.0) + 0.01 * mean / (std::sqrt(square) + 1e-8);
    }
    EXPECT_NEAR(static_cast<double>(toy.value[0]), w, 1e-5) << decoupled;
  }
}

TEST(Optimizer, DecaysWeightsOnlyAndScalesTheRateOfBetas) {
  Toy beta;
  Optimizer optimizer({.name = "sgd", .weight_decay = 0.1, .beta_rate = 8},
                      beta.Views(Role::kBeta));
  optimizer.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(beta.value[0], 1.0F - 0.1F * 8 * 0.5F);
  Toy gamma;
  Optimizer plain({.name = "sgd", .weight_decay = 0.1, .beta_rate = 8}, gamma.Views(Role::kGamma));
  plain.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(gamma.value[0], 1.0F - 0.1F * 0.5F);
  for (const Role role : {Role::kBias, Role::kMax, Role::kStep}) {
    Toy toy;
    Optimizer of_role({.name = "sgd", .weight_decay = 0.1, .beta_rate = 8}, toy.Views(role));
    of_role.Update(0, 0.1, 0);
    EXPECT_FLOAT_EQ(toy.value[0], 1.0F - 0.1F * 0.5F) << static_cast<int>(role);
  }
  Toy weight;
  Optimizer decayed({.name = "sgd", .weight_decay = 0.1}, weight.Views());
  decayed.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(weight.value[0], 1.0F - 0.1F * (0.5F + 0.1F));
}

TEST(Optimizer, LarsTrustsAnArrayAsFarAsItsNormSays) {
  Toy toy;
  Optimizer optimizer({.name = "lars", .momentum = 0.9, .weight_decay = 0.1}, toy.Views());
  optimizer.Update(0, 2.0, 0);
  const double w = std::sqrt(1.0 + 4.0), g = std::sqrt(0.25 + 0.0625);
  const double local = 2.0 * 0.001 * w / (g + 0.1 * w);
  EXPECT_NEAR(static_cast<double>(toy.value[0]), 1.0 - local * (0.5 + 0.1 * 1.0), 1e-6);
  EXPECT_NEAR(static_cast<double>(toy.value[1]), -2.0 - local * (0.25 + 0.1 * -2.0), 1e-6);
  Toy bias;  // no trust for what is no weight
  Optimizer plain({.name = "lars", .momentum = 0.9, .weight_decay = 0.1}, bias.Views(Role::kBias));
  plain.Update(0, 0.1, 0);
  EXPECT_FLOAT_EQ(bias.value[0], 1.0F - 0.1F * 0.5F);
}

// A rate and a trust that change later leave what the velocity took in before as it was.
TEST(Optimizer, LarsRatesAGradientAsItComesIn) {
  Toy toy;
  Optimizer optimizer({.name = "lars", .momentum = 0.9, .weight_decay = 0.1}, toy.Views());
  double w[] = {1.0, -2.0}, v[] = {0, 0};
  for (int step = 0; step < 4; ++step) {
    const double rate = 8.0 / (step + 1);
    toy.gradient = {0.5F / static_cast<float>(step + 1), 0.25F};
    const double g[] = {0.5 / (step + 1), 0.25};
    optimizer.Update(step, rate, 0);
    const double norm = std::hypot(w[0], w[1]);
    const double local = rate * 0.001 * norm / (std::hypot(g[0], g[1]) + 0.1 * norm);
    for (int i = 0; i < 2; ++i) {
      v[i] = 0.9 * v[i] + local * (g[i] + 0.1 * w[i]);
      w[i] -= v[i];
    }
  }
  EXPECT_NEAR(static_cast<double>(toy.value[0]), w[0], 1e-6);
  EXPECT_NEAR(static_cast<double>(toy.value[1]), w[1], 1e-6);
}

TEST(Optimizer, LambStepsAsFarAsTheArrayIsLong) {
  Toy toy;
  Optimizer optimizer({.name = "lamb", .weight_decay = 0.1}, toy.Views());
  optimizer.Update(0, 0.01, 0);
  const double r[] = {1.0 + 0.1, 1.0 - 0.2};  // Adam's first step is the gradient's sign
  const double trust = std::sqrt(5.0) / std::hypot(r[0], r[1]);
  EXPECT_NEAR(static_cast<double>(toy.value[0]), 1.0 - 0.01 * trust * r[0], 1e-6);
  EXPECT_NEAR(static_cast<double>(toy.value[1]), -2.0 - 0.01 * trust * r[1], 1e-6);
}

using Reals = std::vector<double>;

double Length(const Reals& x) {
  double square = 0;
  for (const double value : x) square += value * value;
  return std::sqrt(square);
}

void FillAtRandom(Rng& rng, std::vector<float>& values) {
  for (float& value : values) value = static_cast<float>(rng.Uniform(-1, 1));
}

void ExpectNear(const std::vector<float>& values, const Reals& expected, double tolerance,
                const std::string& where) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(static_cast<double>(values[i]), expected[i], tolerance) << where << " " << i;
}

// Both moments go on from step to step, and so does the array whose length a step has.
TEST(Optimizer, LambFollowsItsFormulaOverSteps) {
  constexpr size_t kCount = 12;
  Rng rng(8);
  std::vector<float> value(kCount), gradient(kCount);
  FillAtRandom(rng, value);
  Reals w(value.begin(), value.end()), m(kCount), v(kCount), r(kCount);
  Optimizer optimizer(
      {.name = "lamb", .weight_decay = 0.1},
      {{.name = "w", .count = kCount, .value = value.data(), .gradient = gradient.data()}});
  for (int step = 0; step < 10; ++step) {
    const double rate = 0.2 / (step + 1);
    FillAtRandom(rng, gradient);
    optimizer.Update(step, rate, 0);
    for (size_t i = 0; i < kCount; ++i) {
      const auto g = static_cast<double>(gradient[i]);
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const double mean = m[i] / (1 - std::pow(0.9, step + 1)),
                   square = v[i] / (1 - std::pow(0.999, step + 1));
      r[i] = mean / (std::sqrt(square) + 1e-8) + 0.1 * w[i];
    }
    const double trust = Length(w) / Length(r);
    for (size_t i = 0; i < kCount; ++i) w[i] -= rate * trust * r[i];
    ExpectNear(value, w, 2e-6, fmt::format("step {}", step));
  }
}

TEST(Optimizer, WhatIsNoWeightMovesAsInThePlainOptimizer) {
  const std::pair<const char*, const char*> names[] = {
      {"lars", "momentum"}, {"lamb", "adam"}, {"muon", "nesterov"}};
  for (const auto& [name, plain] : names) {
    for (const Role role : {Role::kBias, Role::kGamma, Role::kBeta, Role::kMax, Role::kStep}) {
      Toy toys[2];
      Optimizer by_name({.name = name, .weight_decay = 0.1}, toys[0].Views(role));
      Optimizer by_plain({.name = plain, .weight_decay = 0.1}, toys[1].Views(role));
      for (int step = 0; step < 3; ++step) {
        by_name.Update(step, 0.1, 0);
        by_plain.Update(step, 0.1, 0);
      }
      EXPECT_EQ(toys[0].value, toys[1].value) << name << static_cast<int>(role);
    }
  }
}

// a [m, k] times b [k, n].
Reals Product(size_t m, size_t k, size_t n, const Reals& a, const Reals& b) {
  Reals c(m * n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t at = 0; at < k; ++at) c[i * n + j] += a[i * k + at] * b[at * n + j];
    }
  }
  return c;
}

// What orthogonal.h says of x [rows, columns], of a tall matrix without turning it.
Reals Orthogonal(size_t rows, size_t columns, Reals x) {
  const double length = Length(x);
  for (double& value : x) value /= length;
  for (int iteration = 0; iteration < 5; ++iteration) {
    Reals turned(x.size());
    for (size_t k = 0; k < x.size(); ++k) turned[k % columns * rows + k / columns] = x[k];
    const Reals a = Product(rows, columns, rows, x, turned), aa = Product(rows, rows, rows, a, a);
    Reals polynomial(a.size());
    for (size_t k = 0; k < a.size(); ++k) polynomial[k] = -4.7750 * a[k] + 2.0315 * aa[k];
    const Reals rest = Product(rows, rows, columns, polynomial, x);
    for (size_t k = 0; k < x.size(); ++k) x[k] = 3.4445 * x[k] + rest[k];
  }
  return x;
}

TEST(Optimizer, MuonFollowsItsFormulaOverStepsForWideAndTallMatrices) {
  const std::pair<size_t, size_t> shapes[] = {{4, 9}, {9, 4}, {5, 5}, {1, 6}, {6, 1}};
  Rng rng(3);
  for (const auto& [rows, columns] : shapes) {
    const size_t count = rows * columns;
    std::vector<float> value(count), gradient(count);
    FillAtRandom(rng, value);
    Reals w(value.begin(), value.end()), v(count), u(count);
    Optimizer optimizer({.name = "muon", .momentum = 0.8, .weight_decay = 0.1},
                        {{.name = "w",
                          .count = static_cast<int64_t>(count),
                          .rows = static_cast<int64_t>(rows),
                          .value = value.data(),
                          .gradient = gradient.data()}});
    for (int step = 0; step < 4; ++step) {
      const double rate = 0.5 / (step + 1);
      FillAtRandom(rng, gradient);
      optimizer.Update(step, rate, 0);
      for (size_t k = 0; k < count; ++k) {
        v[k] = 0.8 * v[k] + static_cast<double>(gradient[k]);
        u[k] = static_cast<double>(gradient[k]) + 0.8 * v[k];
      }
      const Reals direction = Orthogonal(rows, columns, u);
      const double far = 0.2 * std::sqrt(static_cast<double>(std::max(rows, columns)));
      for (size_t k = 0; k < count; ++k) w[k] -= rate * 0.1 * w[k] + rate * far * direction[k];
      ExpectNear(value, w, 1e-5, fmt::format("{}x{} step {}", rows, columns, step));
    }
  }
}

// Products of the rows of u [rows, columns], rows <= columns.
std::vector<double> Gram(int64_t rows, int64_t columns, const std::vector<float>& u) {
  std::vector<double> gram;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < columns; ++k)
        sum += static_cast<double>(u[static_cast<size_t>(i * columns + k)]) *
               static_cast<double>(u[static_cast<size_t>(j * columns + k)]);
      gram.push_back(sum);
    }
  }
  return gram;
}

TEST(Optimizer, MuonStepsAlongANearlyOrthogonalMatrix) {
  constexpr int64_t kRows = 4, kColumns = 9;
  Rng rng(3);
  std::vector<float> value(kRows * kColumns, 1.0F), gradient(kRows * kColumns);
  FillAtRandom(rng, gradient);
  Optimizer optimizer({.name = "muon", .momentum = 0.9}, {{.name = "w",
                                                           .count = kRows * kColumns,
                                                           .rows = kRows,
                                                           .value = value.data(),
                                                           .gradient = gradient.data()}});
  optimizer.Update(0, 0.5, 0);
  std::vector<float> step;
  for (const float w : value) step.push_back((1.0F - w) / (0.5F * 0.2F * 3.0F));
  const std::vector<double> gram = Gram(kRows, kColumns, step);
  double along = 0;
  for (size_t k = 0; k < step.size(); ++k)
    along += static_cast<double>(step[k]) * static_cast<double>(gradient[k]);
  EXPECT_GT(along, 0);
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = 0; j < kRows; ++j) {
      const double product = gram[static_cast<size_t>(i * kRows + j)];
      if (i == j) {
        EXPECT_GT(product, 0.4) << i;  // singular values of 0.7 to 1.2
        EXPECT_LT(product, 1.5) << i;
      } else {
        EXPECT_LT(std::abs(product), 0.45) << i << j;
      }
    }
  }
}

TEST(Optimizer, ClipsAllGradientsTogether) {
  Toy toy;  // the norm of the gradients is 0.559
  Optimizer optimizer({.name = "sgd", .clip = 0.1}, toy.Views());
  optimizer.Update(0, 1.0, 0);
  const double scale = 0.1 / std::hypot(0.5, 0.25);
  EXPECT_NEAR(static_cast<double>(toy.value[0]), 1.0 - scale * 0.5, 1e-6);
  Toy shorter;
  Optimizer loose({.name = "sgd", .clip = 1.0}, shorter.Views());
  loose.Update(0, 1.0, 0);
  EXPECT_FLOAT_EQ(shorter.value[0], 0.5F);
}

}  // namespace
}  // namespace bluestem::train
