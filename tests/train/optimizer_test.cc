// Optimizers against their formulas in double.
#include "bluestem/train/internal/optimizer.h"

#include <gtest/gtest.h>

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
  for (float& g : gradient) g = static_cast<float>(rng.Uniform(-1, 1));
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
