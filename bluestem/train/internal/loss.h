// Softmax cross-entropy with label smoothing: the loss of a classifier and its gradient.
// Threads: free functions without state.
#pragma once

#include <cstdint>

namespace bluestem::train {

struct LossResult {
  double loss = 0;      // mean over the rows
  int64_t correct = 0;  // rows whose greatest score is the label's (the first of equal ones)
};

// loss = -sum_k t_k log softmax(x)_k, t = (1 - s) [k == label] + s / classes. gradient (or null)
// [rows, classes] of the mean loss.
LossResult CrossEntropy(int64_t rows, int64_t classes, const float* scores, const int32_t* labels,
                        double smoothing, float* gradient);

}  // namespace bluestem::train
