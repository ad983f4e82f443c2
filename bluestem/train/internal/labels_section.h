// How well each class is told, for report.html of a task with any number of classes a picture: ROC
// curves and a table. Threads: a free function without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/task/multi_label.h"

namespace bluestem::train {

// Classes with a curve and with pictures of their own.
constexpr size_t kShownClasses = 6;

// Returns the classes with an AUROC that the most pictures have, from the most frequent on, at most
// kShownClasses.
std::vector<size_t> ShownClasses(const task::MultiLabelQuality& quality);

std::string LabelsSection(const task::MultiLabelCounts& counts);

}  // namespace bluestem::train
