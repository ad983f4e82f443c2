// Calibration: whether answers given with 80 % are right 80 times of 100. The probability of the
// answer is put into bins of equal width; in each, its mean is compared with the share that is
// right. The expected calibration error is the mean gap, weighted by the images of each bin:
//
//   ECE = sum_b n_b / n |accuracy_b - confidence_b|
//
// Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017
// (arXiv 1706.04599); 15 bins as there.
//
// Where a picture has any number of classes, each pair of a picture and a class is a binary
// prediction: the score is compared with the share of the pairs that are there.
// Threads: free functions without state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/task/multi_label.h"

namespace bluestem::train {

constexpr size_t kCalibrationBins = 15;

struct CalibrationBin {
  int64_t images = 0;
  double confidence = 0;  // mean probability of the answer; 0 where there are no images
  double accuracy = 0;    // share that is right
};

struct Calibration {
  std::vector<CalibrationBin> bins;  // bin b holds probabilities in (b / 15, (b + 1) / 15]
  double expected_error = 0;         // 0..1
  double confidence = 0;             // means over all images
  double accuracy = 0;
};

// `scores` are rows of class probabilities; `labels` has as many entries.
Calibration Calibrate(const std::vector<std::vector<float>>& scores,
                      const std::vector<int32_t>& labels);

// Of all pairs of a picture and a class. In `pairs` a bin's images are pairs, its confidence their
// mean score and its accuracy the share that is there.
struct LabelCalibration {
  Calibration pairs;
  // Of the answers yes or no, each to the side of one half that the score is on.
  double confidence = 0;  // mean max(score, 1 - score)
  double accuracy = 0;    // share that is right
};
LabelCalibration CalibrateLabels(const task::MultiLabelCounts& counts);

// The reliability diagram and the distribution of the probabilities, for report.html.
std::string CalibrationSection(const Calibration& calibration);
std::string CalibrationSection(const LabelCalibration& calibration);

}  // namespace bluestem::train
