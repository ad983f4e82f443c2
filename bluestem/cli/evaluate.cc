// bluestem evaluate: accuracy of a model over a dataset, and the comparison of two models image by
// image.
#include <cstring>
#include <nlohmann/json.hpp>

#include "bluestem/cli/absent_devices.h"
#include "bluestem/cli/commands.h"
#include "bluestem/cli/op_table.h"
#include "bluestem/cli/scoring.h"
#include "bluestem/core/core.h"
#include "bluestem/task/macs.h"

namespace bluestem::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kListed = 50;  // differences that are listed one by one

struct EvaluateOptions {
  std::string model;
  std::string meta;
  std::string compare;
  std::string scores;
  std::string inputs;
  DataOptions data;
  ScoringOptions scoring;
};

struct ImageDifference {
  std::string name;
  std::vector<int32_t> labels;
  std::vector<int32_t> answer;
  std::vector<int32_t> other_answer;
  bool bits_only = false;
  double greatest = 0;
};

std::vector<ImageDifference> Compare(const data::Dataset& dataset, const task::Meta& meta,
                                     const predict::Evaluation& own,
                                     const predict::Evaluation& other) {
  std::vector<ImageDifference> differences;
  for (size_t i = 0; i < own.scores.size(); ++i) {
    const std::vector<float>& a = own.scores[i];
    const std::vector<float>& b = other.scores[i];
    if (a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0) {
      continue;
    }
    ImageDifference difference{dataset.Name(own.indices[i]), own.labels[i], task::Answer(a, meta),
                               task::Answer(b, meta)};
    difference.bits_only = difference.answer == difference.other_answer;
    for (size_t c = 0; c < std::min(a.size(), b.size()); ++c) {
      difference.greatest =
          std::max(difference.greatest, std::abs(static_cast<double>(a[c]) - b[c]));
    }
    differences.push_back(std::move(difference));
  }
  return differences;
}

Status WriteScores(const Path& path, const predict::Evaluation& evaluation) {
  Bytes bytes;
  for (const std::vector<float>& row : evaluation.scores) {
    const auto* raw = reinterpret_cast<const uint8_t*>(row.data());
    bytes.insert(bytes.end(), raw, raw + row.size() * sizeof(float));
  }
  return WriteFile(path, bytes);
}

// Writes what the network reads for each image, as the artefact's bluestem-run --raw-in takes it.
Status WriteInputs(const Path& path, const Scorer& scorer, const data::Dataset& dataset,
                   const std::vector<int64_t>& indices) {
  if (scorer.predictors.empty()) {
    return Error(Code::kInvalidArgument,
                 "--inputs: the trainer has no raw inputs; name an artefact");
  }
  const image::PreprocessSpec& spec = scorer.meta.preprocess;
  const program::TensorInfo& info = scorer.predictors[0]->session().inputs()[0];
  const auto images = static_cast<size_t>(predict::BatchOf({info}));
  Bytes bytes;
  std::vector<Tensor> pictures;
  for (size_t at = 0; at < indices.size(); ++at) {
    BLUESTEM_ASSIGN_OR_RETURN(const data::Sample sample, dataset.Get(indices[at]));
    pictures.push_back(image::ToPixels(sample.image, spec));
    if (pictures.size() < images && at + 1 < indices.size()) continue;
    const Tensor input = predict::MakeInput(pictures, spec.normalize, info);
    bytes.insert(bytes.end(), input.raw(), input.raw() + input.bytes());
    pictures.clear();
  }
  return WriteFile(path, bytes);
}

// Images that run together on the device.
int32_t Together(const Scorer& scorer) {
  return scorer.predictors.empty() ? 1 : scorer.predictors[0]->batch();
}

Json Report(const Scorer& scorer, const predict::Evaluation& evaluation) {
  Json report = {{"model", scorer.name}, {"engine", scorer.engine}, {"isa", scorer.isa}};
  report.update(Json::parse(evaluation.counts->ToJson()));
  report["latency_seconds_median"] = evaluation.latency_seconds_median > 0
                                         ? Json(evaluation.latency_seconds_median)
                                         : Json(nullptr);
  report["images_per_second"] = evaluation.images_per_second;
  report["together"] = Together(scorer);
  return report;
}

// What a picture costs as it was computed: of the calls of one inference, which may be of several
// pictures. None of a graph, which is not made of calls.
Result<task::Macs> MacsOfCalls(const Scorer& scorer) {
  runtime::Session& session = scorer.predictors[0]->session();
  std::vector<Tensor> inputs;
  for (const program::TensorInfo& info : session.inputs())
    inputs.emplace_back(info.dtype, info.shape);
  std::vector<runtime::OpProfile> ops;
  BLUESTEM_RETURN_IF_ERROR(session.Profile(inputs, ops).status());
  task::Macs macs;
  for (const runtime::OpProfile& op : ops) {
    if (op.macs > 0) task::AddMacs(BitsText(op.x_bits, op.w_bits, op.macs), op.macs, macs);
  }
  for (auto& [bits, count] : macs) count /= predict::BatchOf(session.inputs());
  task::SortMacs(macs);
  return macs;
}

// What a picture costs. Of a run as its run.json says; none of older ones.
Result<task::Macs> MacsOf(const Scorer& scorer) {
  task::Macs macs;
  if (scorer.run.empty()) return MacsOfCalls(scorer);
  const Result<std::string> text = ReadTextFile(scorer.run / "run.json");
  if (!text.ok()) return macs;
  const Json state = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains("macs") || !state["macs"].is_object()) return macs;
  for (const auto& [bits, count] : state["macs"].items()) {
    if (count.is_number_integer()) macs.emplace_back(bits, count);
  }
  return macs;
}

std::string Names(const std::vector<int32_t>& labels, const std::vector<std::string>& classes) {
  std::string text;
  for (const int32_t label : labels)
    text += (text.empty() ? "" : ", ") + classes[static_cast<size_t>(label)];
  return text.empty() ? "none" : text;
}

void PrintDifferences(Output& output, const Scorer& other, const predict::Evaluation& evaluation,
                      const std::vector<std::string>& classes,
                      const std::vector<ImageDifference>& differences) {
  output.Line("\ncompared with {}: {} of {} correct", other.name, evaluation.counts->correct(),
              evaluation.counts->total());
  output.Line("{} of {} images differ in a class or in a bit of a score", differences.size(),
              evaluation.counts->total());
  for (size_t i = 0; i < std::min(kListed, differences.size()); ++i) {
    const ImageDifference& d = differences[i];
    output.Line("  {}: {} against {} (label {}), greatest difference {:.6g}", d.name,
                Names(d.answer, classes), Names(d.other_answer, classes), Names(d.labels, classes),
                d.greatest);
  }
}

// A class where there is one a picture, else a list of them.
Json DifferencesJson(const std::vector<ImageDifference>& differences, bool multi_label) {
  const auto label = [&](const std::vector<int32_t>& all) {
    return multi_label ? Json(all) : Json(all[0]);
  };
  Json list = Json::array();
  for (const ImageDifference& d : differences) {
    list.push_back({{"image", d.name},
                    {"label", label(d.labels)},
                    {"top", label(d.answer)},
                    {"other_top", label(d.other_answer)},
                    {"bits_only", d.bits_only},
                    {"greatest_difference", d.greatest}});
  }
  return list;
}

Status Evaluate(const EvaluateOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource source,
                            core::FindModel(options.model, options.meta));
  WarnOfAbsentDevices(output, options.scoring.device);
  BLUESTEM_ASSIGN_OR_RETURN(Scorer scorer, MakeScorer(source, options.scoring));
  BLUESTEM_ASSIGN_OR_RETURN(const auto dataset, OpenData(options.data, scorer));
  BLUESTEM_ASSIGN_OR_RETURN(const predict::Evaluation evaluation,
                            Score(scorer, *dataset, options.data, output));
  if (!options.scores.empty()) BLUESTEM_RETURN_IF_ERROR(WriteScores(options.scores, evaluation));
  if (!options.inputs.empty()) {
    BLUESTEM_RETURN_IF_ERROR(WriteInputs(options.inputs, scorer, *dataset, evaluation.indices));
  }
  Json report = Report(scorer, evaluation);
  BLUESTEM_ASSIGN_OR_RETURN(const task::Macs macs, MacsOf(scorer));
  for (const auto& [bits, count] : macs) report["macs"][bits] = count;
  output.Line("{}", scorer.name);
  output.Line("{}", evaluation.counts->ToText());
  if (!macs.empty()) output.Line("{} a picture", task::MacsText(macs));
  if (evaluation.latency_seconds_median > 0) {
    output.Line("latency {} an image (median, one thread{}); {:.0f} images/s with decoding",
                SecondsText(evaluation.latency_seconds_median),
                Together(scorer) > 1 ? fmt::format(", a share of {}", Together(scorer)) : "",
                evaluation.images_per_second);
  }
  if (options.compare.empty()) {
    output.Json(report);
    return OkStatus();
  }

  BLUESTEM_ASSIGN_OR_RETURN(const core::ModelSource other_source, core::FindModel(options.compare));
  BLUESTEM_ASSIGN_OR_RETURN(Scorer other, MakeScorer(other_source, {}));
  if (!other.meta_is_default && !scorer.meta_is_default &&
      other.meta.classes != scorer.meta.classes) {
    return Error(Code::kInvalidData, "{} and {} have other classes, or in another order",
                 options.model, options.compare);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const predict::Evaluation other_evaluation,
                            Score(other, *dataset, options.data, output));
  const auto differences = Compare(*dataset, scorer.meta, evaluation, other_evaluation);
  PrintDifferences(output, other, other_evaluation, scorer.meta.classes, differences);
  report["compare"] = Report(other, other_evaluation);
  report["differences"] = DifferencesJson(differences, scorer.meta.multi_label());
  output.Json(report);
  if (differences.empty()) return OkStatus();
  return Error(Code::kMismatch, "{} and {} differ on {} of {} images; the first is {}", scorer.name,
               other.name, differences.size(), evaluation.counts->total(), differences[0].name);
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<EvaluateOptions>();
  options->scoring.batch = runtime::kMostBatch;
  line.Add("MODEL", options->model, "A run folder, an artefact, an .onnx or a .pb file").Required();
  line.Add("--data", options->data.path, "The dataset: a folder, or an idx file").Required();
  line.Add("--format", options->data.format, "How it is laid out (default: auto)")
      .OneOf({"auto", "folder", "idx", "cifar10", "cifar100", "csv"});
  line.Add(
      "--config", options->data.config,
      "Configuration whose data.*_column, data.no_label and data.uncertain say how a CSV file is "
      "read (default: the run's)");
  line.Add("--split", options->data.split, "Which part of it: train or validation");
  line.Add("--limit", options->data.limit, "At most so many images, spread evenly")
      .Range(0, INT64_MAX);
  line.Add("--engine", options->scoring.engine,
           "What computes: compiled (artefacts), trainer (runs), interpreter, reference, double")
      .OneOf({"compiled", "trainer", "interpreter", "reference", "double"});
  AddDeviceOption(line, options->scoring.device);
  AddIsaOption(line, options->scoring.isa);
  line.Add("--threads", options->scoring.threads, "Images at a time (default: one a core)")
      .Range(1, 256);
  line.Add("--meta", options->meta, "meta.yaml of the model (default: the one beside it)");
  line.Add("--compare", options->compare,
           "Another model, run or artefact: list each image whose class or scores differ");
  line.Add("--scores", options->scores, "Write the scores: f32, images x classes");
  line.Add("--inputs", options->inputs,
           "Write the network's inputs, as an artefact's bluestem-run --raw-in reads them");
  return [options](Output& output) { return Evaluate(*options, output); };
}

}  // namespace

Command EvaluateCommand() {
  return {.name = "evaluate",
          .usage = "MODEL --data PATH",
          .summary = "Measure accuracy over a dataset, or compare two models on it",
          .description =
              "Scores every image: an artefact with its compiled library, a run folder with the "
              "trainer, a\n"
              "model file with the interpreter. Prints correct, top-5, accuracy a class and the "
              "confusion\n"
              "matrix; with any number of classes a picture AUROC, average precision, sensitivity "
              "and\n"
              "specificity of each. With --compare, ends with 7 if any class or any bit of a score "
              "differs.",
          .example =
              "bluestem evaluate first.artefact --data images/test --json\n"
              "bluestem evaluate first.artefact --data images/test --compare runs/first",
          .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable,
                    Code::kMismatch},
          .setup = Setup};
}

}  // namespace bluestem::cli
