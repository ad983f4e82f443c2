// How well each class is told, for report.html of a task with any number of classes a picture: ROC
// curves and a table. Threads: a free function without state.
#pragma once

#include <string>

#include "bluestem/task/multi_label.h"

namespace bluestem::train {

std::string LabelsSection(const task::MultiLabelCounts& counts);

}  // namespace bluestem::train
