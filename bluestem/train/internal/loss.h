// Cross-entropy: the loss of a classifier and its gradient, over a softmax where a picture has one
// class, over a sigmoid a class where it has any number.
// Threads: free functions without state. Ownership: the caller's buffers.
#pragma once

#include <cstdint>
#include <vector>

namespace bluestem::train {

struct LossResult {
  double loss = 0;             // weighted mean over the rows
  double weight = 0;           // what the rows count together
  std::vector<double> shares;  // of each row in the mean; together 1
  int64_t correct = 0;         // rows whose greatest score is the label's (the first of equal ones)
};

struct Targets {
  const int32_t* labels = nullptr;  // [rows]
  const int32_t* others = nullptr;  // [rows], or null: a second label each
  double share = 1;                 // of the first label; the second has the rest
  // Or, of pictures with any number of classes, [rows, classes]: how much of each there is, 0..1.
  const float* marks = nullptr;
  double smoothing = 0;                  // spread over all classes (Szegedy et al., 1512.00567)
  const float* class_weights = nullptr;  // [classes], or null: all 1
};

// Of a row with target t, t_k = (1 - s) * label share of k + s / classes: -sum_k t_k log
// softmax(x)_k. Rows count as much as their labels' class weights. gradient (or null) [rows,
// classes] of the mean.
// With marks, of score x with t = (1 - s) * mark + s / 2 and the class's weight w: -w t log
// sigmoid(x)
// - (1 - t) log sigmoid(-x), summed over the classes: a score's gradient, and so the learning rate,
// is what it is for a softmax. Rows count 1 each; correct are those whose every score is on its
// mark's side (x >= 0 where the mark is above 1/2).
LossResult CrossEntropy(int64_t rows, int64_t classes, const float* scores, const Targets& targets,
                        float* gradient);

}  // namespace bluestem::train
