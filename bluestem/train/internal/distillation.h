// Distillation: the student learns a teacher's answers besides the labels (Hinton, Vinyals, Dean,
// "Distilling the knowledge in a neural network", arXiv 1503.02531). Of a row with scores x of the
// student, z of the teacher, target t, temperature T and weight w:
//
//   loss       = (1 - w) CE(t, softmax(x)) + w T^2 KL(p || q)
//   p, q       = softmax(z / T), softmax(x / T);   KL(p || q) = sum_k p_k (log p_k - log q_k)
//   d / d x_k  = (1 - w) (softmax(x)_k - t_k) + w T (q_k - p_k)
//
// q falls as 1 / T with x, and p - q does once more: T^2 leaves the two parts the same balance
// whatever T. Threads: free functions without state. Ownership: the caller's buffers.
#pragma once

#include "bluestem/train/internal/loss.h"

namespace bluestem::train {

struct TeacherScores {
  const float* scores = nullptr;  // [rows, classes], before the softmax; null: no teacher
  double temperature = 1;         // above 0
  double weight = 0;              // 0..1
};

// Turns loss and gradient of a cross-entropy over the same rows into those above; rows count as
// they do there. gradient [rows, classes] of the mean, or null. Requires: teacher.scores.
void Distil(int64_t rows, int64_t classes, const float* scores, const TeacherScores& teacher,
            LossResult& loss, float* gradient);

}  // namespace bluestem::train
