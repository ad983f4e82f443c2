#include "bluestem/train/internal/run_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bluestem::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFlips[] = "flips/";  // and the layer

Json ToJson(const EpochMetrics& row) {
  Json json = {{"epoch", row.epoch},
               {"step", row.step},
               {"learning_rate", row.learning_rate},
               {"loss", row.loss},
               {"train_accuracy", row.train_accuracy},
               {"validation_loss", row.validation_loss},
               {"validation_accuracy", row.validation_accuracy},
               {"images_per_second", row.images_per_second},
               {"elapsed_seconds", row.elapsed_seconds}};
  for (const LayerShare& flips : row.flips) json[kFlips + flips.layer] = flips.share;
  if (row.validation_auroc < 0) return json;
  json["validation_auroc"] = row.validation_auroc;
  json["validation_average_precision"] = row.validation_average_precision;
  return json;
}

EpochMetrics FromJson(const Json& json) {
  EpochMetrics row{.epoch = json.at("epoch"),
                   .step = json.at("step"),
                   .learning_rate = json.at("learning_rate"),
                   .loss = json.at("loss"),
                   .train_accuracy = json.at("train_accuracy"),
                   .validation_loss = json.at("validation_loss"),
                   .validation_accuracy = json.at("validation_accuracy"),
                   .validation_auroc = json.value("validation_auroc", -1.0),
                   .validation_average_precision = json.value("validation_average_precision", -1.0),
                   .images_per_second = json.at("images_per_second"),
                   .elapsed_seconds = json.at("elapsed_seconds")};
  for (const auto& [name, value] : json.items()) {
    if (name.rfind(kFlips, 0) == 0)
      row.flips.push_back({.layer = name.substr(sizeof(kFlips) - 1), .share = value});
  }
  return row;
}

}  // namespace

std::string MetricsToJson(const std::vector<EpochMetrics>& rows) {
  Json array = Json::array();
  for (const EpochMetrics& row : rows) array.push_back(ToJson(row));
  return array.dump();
}

Result<std::vector<EpochMetrics>> MetricsFromJson(const std::string& json,
                                                  const std::string& place) {
  try {
    std::vector<EpochMetrics> rows;
    for (const Json& row : Json::parse(json)) rows.push_back(FromJson(row));
    return rows;
  } catch (const nlohmann::json::exception& error) {
    return Error(Code::kInvalidData, "{}: metrics: {}", place, error.what());
  }
}

Status WriteMetrics(const RunPaths& paths, const std::vector<EpochMetrics>& rows) {
  std::string lines, table;
  for (const EpochMetrics& row : rows) {
    const Json json = ToJson(row);
    lines += json.dump() + "\n";
    std::string names, values;
    for (const auto& [name, value] : json.items()) {
      names += (names.empty() ? "" : ",") + name;
      values += (values.empty() ? "" : ",") + value.dump();
    }
    if (table.empty()) table = names + "\n";
    table += values + "\n";
  }
  BLUESTEM_RETURN_IF_ERROR(WriteFile(paths.MetricsJsonl(), lines));
  return WriteFile(paths.MetricsCsv(), table);
}

Result<std::vector<EpochMetrics>> ReadMetrics(const RunPaths& paths) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string lines, ReadTextFile(paths.MetricsJsonl()));
  std::string rows;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    if (end > at) rows += (rows.empty() ? "" : ",") + lines.substr(at, end - at);
    at = end + 1;
  }
  return MetricsFromJson("[" + rows + "]", paths.MetricsJsonl().string());
}

Status WriteRunState(const RunPaths& paths, const RunState& state) {
  Json json = {{"status", state.status},
               {"step", state.step},
               {"steps", state.steps},
               {"steps_per_epoch", state.steps_per_epoch},
               {"seed", state.seed},
               {"threads", state.threads},
               {"ranks", state.ranks},
               {"started_unix", state.started_unix},
               {"images_per_second", state.images_per_second},
               {"train_seconds", state.train_seconds},
               {"cpu_seconds", state.cpu_seconds},
               {"loading_share", state.loading_share},
               {"best_validation_accuracy", state.best_validation_accuracy},
               {"best_epoch", state.best_epoch},
               {"device", state.device},
               {"versions", state.versions}};
  if (state.best_validation_auroc >= 0) json["best_validation_auroc"] = state.best_validation_auroc;
  for (const auto& [bits, macs] : state.macs) json["macs"][bits] = macs;
  for (const RateChange& rate : state.rates)
    json["learning_rates"].push_back({{"step", rate.step}, {"learning_rate", rate.learning_rate}});
  if (!state.notes.empty()) json["notes"] = state.notes;
  return WriteFile(paths.State(), json.dump(2) + "\n");
}

Result<RunState> ReadRunState(const RunPaths& paths) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(paths.State()));
  try {
    const Json json = Json::parse(text);
    std::vector<RateChange> rates;
    for (const Json& rate : json.value("learning_rates", Json::array()))
      rates.push_back({.step = rate.at("step"), .learning_rate = rate.at("learning_rate")});
    task::Macs macs;
    const Json found = json.value("macs", Json::object());
    for (const auto& [bits, count] : found.items()) macs.emplace_back(bits, count);
    return RunState{.status = json.at("status"),
                    .step = json.at("step"),
                    .steps = json.at("steps"),
                    .steps_per_epoch = json.at("steps_per_epoch"),
                    .seed = json.at("seed"),
                    .threads = json.at("threads"),
                    .ranks = json.value("ranks", int64_t{1}),
                    .started_unix = json.at("started_unix"),
                    .images_per_second = json.at("images_per_second"),
                    .train_seconds = json.at("train_seconds"),
                    .cpu_seconds = json.value("cpu_seconds", 0.0),
                    .loading_share = json.value("loading_share", 0.0),
                    .macs = std::move(macs),
                    .best_validation_accuracy = json.at("best_validation_accuracy"),
                    .best_validation_auroc = json.value("best_validation_auroc", -1.0),
                    .best_epoch = json.at("best_epoch"),
                    .device = json.value("device", "CPU"),  // older runs knew no other
                    .rates = std::move(rates),
                    .versions = json.at("versions"),
                    .notes = json.value("notes", std::vector<std::string>{})};
  } catch (const nlohmann::json::exception& error) {
    return Error(Code::kInvalidData, "{}: {}; delete the run folder and start again",
                 paths.State().string(), error.what());
  }
}

}  // namespace bluestem::train
