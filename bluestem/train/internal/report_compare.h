// Another run beside the report's own: its accuracy among the figures on top, its curves dashed,
// its cost under the table. They stand in marked parts of report.html, so that they can be put in
// once the other run is there, and replaced. Threads: free functions without state.
#pragma once

#include <string>
#include <vector>

#include "bluestem/train/internal/run_folder.h"

namespace bluestem::train {

// The marked parts.
constexpr char kComparedTile[] = "compared accuracy";
constexpr char kComparedCurves[] = "compared curves";
constexpr char kComparedCost[] = "compared cost";

// Returns `html` between the marks of the part.
std::string ComparedPart(const std::string& part, const std::string& html = "");

// Returns the rows of a run's finished epochs; none before the first. Errors: as ReadMetrics.
Result<std::vector<EpochMetrics>> MetricsSoFar(const RunPaths& run);

// Returns the charts of a run; `other` null: alone.
std::string CurvesSection(const std::vector<EpochMetrics>& metrics,
                          const std::vector<EpochMetrics>* other = nullptr,
                          const std::string& name = "");

// "12.3 M".
std::string CountText(double value);

struct ComparedNames {
  std::string legend;  // "fp32"
  std::string words;   // "the same net in fp32"
};
// Puts the other run into the report, in place of what was compared before. Errors: kIo where
// the other is not finished or the run has no report; kInvalidData for a report without the marks,
// or other classes.
Status CompareInReport(const RunPaths& run, const RunPaths& other, const ComparedNames& names);

}  // namespace bluestem::train
