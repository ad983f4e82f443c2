// What tests of readers ask of a file that they made: its outputs, or why it is refused.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bluestem/ir/evaluate.h"

namespace bluestem::interchange {

// Evaluates `graph` on `x` and returns its first output in double.
inline std::vector<double> FirstOutput(const Result<ir::Graph>& graph,
                                       const std::vector<float>& x) {
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  if (!graph.ok()) return {};
  const auto outputs =
      ir::EvaluateDouble(*graph, {Tensor::Of<float>(graph->value(graph->inputs[0]).shape, x)});
  EXPECT_TRUE(outputs.ok()) << outputs.status().message();
  std::vector<double> values;
  for (int64_t i = 0; i < (*outputs)[0].size(); ++i) values.push_back((*outputs)[0].At(i));
  return values;
}

inline std::string RefusalOf(const Result<ir::Graph>& graph) {
  EXPECT_FALSE(graph.ok());
  return graph.ok() ? "" : graph.status().message();
}

}  // namespace bluestem::interchange
