// Small networks with random constants, and the comparison of a graph before and after the
// pipeline.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "bluestem/ir/graph.h"
#include "bluestem/passes/passes.h"

namespace bluestem::passes {

// Builds a graph node by node; every constant is drawn from one seeded generator.
class Net {
 public:
  explicit Net(uint32_t seed, std::string layout = "NHWC")
      : layout_(std::move(layout)), random_(seed) {}

  ir::ValueId Input(Shape shape);
  ir::ValueId Constant(Shape shape, double low, double high);
  ir::ValueId Scalar(double value);
  ir::ValueId Node(const std::string& op, std::vector<ir::ValueId> inputs,
                   ir::Attributes attributes = {});
  // Conv with binary (bits 1), `bits`-bit signed or real (bits 32) weights; per-channel scales
  // where asked.
  ir::ValueId Conv(ir::ValueId x, int64_t co, int64_t kernel, int64_t bits,
                   bool per_channel = false, bool bias = false, int64_t groups = 1);
  ir::ValueId Dense(ir::ValueId x, int64_t co, int64_t bits);
  // gamma in [-1.5, 1.5] where falling channels are wanted, else above 0.
  ir::ValueId BatchNorm(ir::ValueId x, bool falling);
  ir::ValueId Quant(ir::ValueId x, double scale, int64_t bits, bool is_signed = false,
                    bool narrow = false, const std::string& rounding = "ROUND",
                    double zero_point = 0);
  ir::ValueId MaxPool(ir::ValueId x, int64_t kernel = 2);
  ir::Graph Finish(std::vector<ir::ValueId> outputs);

  ir::Graph graph;
  std::mt19937& random() { return random_; }

 private:
  int64_t Channels(ir::ValueId x) const;
  ir::Attributes Layout(ir::Attributes attributes) const;
  std::string layout_;
  std::mt19937 random_;
  int count_ = 0;
};

struct Outcome {
  ir::Graph after;
  std::vector<Decision> decisions;
  double worst = 0;           // greatest |before - after| over all outputs and inputs tried
  double worst_relative = 0;  // the same over the greatest |before| of the output
  int Count(const std::string& op) const;
  // Returns the joined decisions of a node, for messages.
  std::string Explain() const;
};

// Runs the pipeline and compares ir::EvaluateDouble before with ir::Evaluate after on `images`
// random inputs; where the new graph reads u8, random codes are drawn and the old graph gets their
// real values. Fails the test where either is refused.
Outcome RunAndCompare(const ir::Graph& before, const Options& options = {}, int images = 3,
                      uint32_t seed = 1);

}  // namespace bluestem::passes
