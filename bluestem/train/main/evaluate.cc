// evaluate, export and report: a run folder's best checkpoint on a dataset, as ONNX, on a page.
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bluestem/data/dataset.h"
#include "bluestem/task/counts.h"
#include "bluestem/task/meta.h"
#include "bluestem/train/main/commands.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

Status Evaluation(const Arguments& arguments) {
  if (arguments.run.empty()) return Error(Code::kInvalidArgument, "--run: name the run folder");
  if (arguments.data.empty()) return Error(Code::kInvalidArgument, "--data: name the images");
  BLUESTEM_ASSIGN_OR_RETURN(const task::Meta meta,
                            task::ReadMeta(Path(arguments.run) / "meta.yaml"));
  const Path config =
      arguments.config.empty() ? Path(arguments.run) / "config.yaml" : Path(arguments.config);
  BLUESTEM_ASSIGN_OR_RETURN(const config::Experiment experiment, config::Load(config));
  BLUESTEM_ASSIGN_OR_RETURN(
      std::shared_ptr<const data::Dataset> dataset,
      data::Open({.format = arguments.format,
                  .path = arguments.data,
                  .split = arguments.split,
                  .classes = meta.classes,
                  .labels = meta.multi_label() ? data::LabelCount::kAny : data::LabelCount::kOne,
                  .csv = data::OptionsOf(experiment).csv}));
  if (arguments.limit > 0 && arguments.limit < dataset->size()) {
    // Spread evenly, as `bluestem evaluate --limit` does for artefacts.
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < arguments.limit; ++i)
      indices.push_back(i * dataset->size() / arguments.limit);
    dataset = data::Subset(dataset, indices);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<std::vector<float>> scores,
                            Evaluate(arguments.run, *dataset, {}));
  const std::unique_ptr<task::Counts> counts = task::MakeCounts(meta);
  Bytes raw;
  for (size_t i = 0; i < scores.size(); ++i) {
    counts->Add(dataset->Labels(static_cast<int64_t>(i)), scores[i]);
    const auto* bytes = reinterpret_cast<const uint8_t*>(scores[i].data());
    raw.insert(raw.end(), bytes, bytes + scores[i].size() * sizeof(float));
  }
  if (!arguments.scores.empty()) BLUESTEM_RETURN_IF_ERROR(WriteFile(arguments.scores, raw));
  if (arguments.json) {
    std::printf("%s\n", counts->ToJson().c_str());
  } else if (!arguments.quiet) {
    std::printf("%s", counts->ToText().c_str());
  }
  return OkStatus();
}

Status Exporting(const Arguments& arguments) {
  if (arguments.run.empty()) return Error(Code::kInvalidArgument, "--run: name the run folder");
  if (arguments.output.empty())
    return Error(Code::kInvalidArgument, "--output: name the file to write");
  BLUESTEM_RETURN_IF_ERROR(Export(arguments.run, arguments.output));
  if (!arguments.quiet) std::printf("%s\n", arguments.output.c_str());
  return OkStatus();
}

Status Reporting(const Arguments& arguments) {
  if (arguments.run.empty()) return Error(Code::kInvalidArgument, "--run: name the run folder");
  if (arguments.compare.empty()) return RefreshReport(arguments.run);
  return CompareReports(arguments.run, arguments.compare);
}

}  // namespace

int RunEvaluate(const Arguments& arguments) {
  const Status status = Evaluation(arguments);
  return status.ok() ? 0 : Fail(status, arguments.json);
}

int RunReport(const Arguments& arguments) {
  const Status status = Reporting(arguments);
  return status.ok() ? 0 : Fail(status, arguments.json);
}

int RunExport(const Arguments& arguments) {
  const Status status = Exporting(arguments);
  return status.ok() ? 0 : Fail(status, arguments.json);
}

}  // namespace bluestem::train
