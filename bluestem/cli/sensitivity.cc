// bluestem sensitivity: has the trainer measure a run layer by layer and bits by bits, and chooses
// the bits of each layer under a budget.
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "bluestem/cli/commands.h"
#include "bluestem/cli/process.h"
#include "bluestem/cli/sensitivity_report.h"
#include "bluestem/cli/trainer.h"

namespace bluestem::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct SensitivityOptions {
  std::string run;
  std::string page;
  double kilobytes = 0, mmac = 0;  // 0: not given
  int64_t images = 1000;
};

Result<Json> HaveMeasured(const SensitivityOptions& options, Output& output) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path trainer, FindTrainer());
  BLUESTEM_ASSIGN_OR_RETURN(const StagedFolder scratch,
                            StagedFolder::Create(fs::temp_directory_path() / "bluestem-bits"));
  const Path file = scratch.path() / "sensitivity.json";
  std::string message;
  const auto read = [&](const std::string& line) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return;
    if (json.contains("error")) message = json["error"].value("message", "");
    if (json.contains("done"))
      output.Progress(fmt::format("{}: {} of {} measured", options.run,
                                  json.value("done", int64_t{0}), json.value("all", int64_t{0})));
  };
  BLUESTEM_ASSIGN_OR_RETURN(
      const int code,
      WatchProcess({trainer.string(), "sensitivity", "--run", options.run, "--limit",
                    fmt::format("{}", options.images), "--output", file.string()},
                   read));
  output.EndProgress();
  if (Interrupted()) return InterruptedStatus();
  if (code != 0) return TrainerFailure(code, message);
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file));
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

SensitivityResult FromJson(const std::string& run, const Json& json) {
  SensitivityResult result{.run = run,
                           .network = json.at("network"),
                           .images = json.at("images"),
                           .input_bits = json.at("input_bits"),
                           .loss = json.at("loss"),
                           .accuracy = json.at("accuracy"),
                           .weight_quantizer = json.at("weight_quantizer"),
                           .activation_quantizer = json.at("activation_quantizer"),
                           .layers = {},
                           .measured = {},
                           .front = {},
                           .choice = {}};
  for (const Json& row : json.at("layers")) {
    tune::BitLayer layer{.name = row.at("layer"),
                         .macs = row.at("macs"),
                         .weights = row.at("weights"),
                         .options = {}};
    MeasuredLayer measured{.shape = row.at("shape"), .trained = row.at("bits"), .accuracies = {}};
    for (const Json& option : row.at("rows")) {
      layer.options.push_back({.text = option.at("bits"),
                               .weight_bits = option.at("weight_bits"),
                               .code_bits = option.at("code_bits"),
                               .most_read = option.at("most_read"),
                               .rise = option.at("loss").get<double>() - result.loss});
      measured.accuracies.push_back(option.at("accuracy"));
    }
    result.layers.push_back(std::move(layer));
    result.measured.push_back(std::move(measured));
  }
  return result;
}

// Errors: kInvalidArgument for a budget that nothing fits, with the smallest that something does.
Status Choose(const SensitivityOptions& options, SensitivityResult& result) {
  const bool by_macs = options.mmac > 0;
  result.cost = by_macs ? tune::BitCost::kBitOperations : tune::BitCost::kBytes;
  result.front = tune::BitFront(result.layers, result.input_bits, result.cost);
  BLUESTEM_CHECK(!result.front.empty(), "2-bit codes can be read by 1-bit weights");
  if (options.kilobytes == 0 && options.mmac == 0) return OkStatus();
  const double budget = by_macs ? options.mmac * 64e6 : options.kilobytes * 1e3;
  const tune::BitChoice* choice =
      tune::Within(result.front, static_cast<int64_t>(std::min(budget, 9e18)));
  if (choice == nullptr) {
    const int64_t least = result.front.front().cost;
    // Rounded up: what is said to be enough must be.
    const double unit = by_macs ? 64e6 : 1e3;
    return Error(Code::kInvalidArgument,
                 "{}: got {}; the smallest choice of bits takes {:.3f}; expected at least that, or "
                 "a smaller network",
                 by_macs ? "--max-mmac" : "--max-kilobytes",
                 by_macs ? options.mmac : options.kilobytes,
                 std::ceil(static_cast<double>(least) / unit * 1e3) / 1e3);
  }
  result.choice = *choice;
  return OkStatus();
}

// The latent weights of few-bit layers are no weights that more bits would come nearer to.
void WarnOfFewBits(const SensitivityResult& result, Output& output) {
  std::string few;
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const std::string& trained = result.measured[i].trained;
    if (std::atoi(trained.c_str() + 1) < 8)
      few += (few.empty() ? "" : ", ") + result.layers[i].name;
  }
  if (few.empty()) return;
  output.Warn(
      "{}: {} were trained with fewer than 8 bits, so that more bits need not lose less; a run "
      "with float or 8-bit weights tells more",
      result.run, few);
}

void Print(const SensitivityResult& result, Output& output) {
  output.Line("{}: {}, loss {:.4f} and {:.2f} % right on {} held-out pictures as trained",
              result.run, result.network, result.loss, result.accuracy * 100, result.images);
  output.Line("rise of the loss when one layer alone is quantized so:");
  std::vector<std::string> header = {"layer", "shape", "MACs", "weights", "trained"};
  for (const tune::BitOption& option : result.layers[0].options) header.push_back(option.text);
  if (result.choice) header.emplace_back("chosen");
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const tune::BitLayer& layer = result.layers[i];
    rows.push_back({layer.name, result.measured[i].shape, CountText(layer.macs),
                    CountText(layer.weights), result.measured[i].trained});
    for (const tune::BitOption& option : layer.options)
      rows.back().push_back(fmt::format("{:.4f}", option.rise));
    if (result.choice) rows.back().push_back(layer.options[result.choice->options[i]].text);
  }
  output.Table(header, rows);
  if (!result.choice) {
    output.Line("{} to {}; --max-kilobytes or --max-mmac chooses the bits of each layer",
                CostText(result.front.front().cost, result.cost),
                CostText(result.front.back().cost, result.cost));
    return;
  }
  const auto cost = [&](tune::BitCost unit) {
    return CostText(tune::CostOf(result.layers, result.input_bits, result.choice->options, unit),
                    unit);
  };
  output.Line("chosen: {} of weights, {} of 8 x 8 bits a picture, summed rise {:.4f}",
              cost(tune::BitCost::kBytes), cost(tune::BitCost::kBitOperations),
              result.choice->rise);
  output.Line("network:");
  for (const std::string& line : ConfigLines(result)) output.Line("  {}", line);
}

Status Sensitivity(const SensitivityOptions& options, Output& output) {
  std::error_code ignored;
  if (!fs::exists(Path(options.run) / "config.yaml", ignored)) {
    return Error(Code::kIo,
                 "{}: no run folder (config.yaml is expected); `bluestem train -c config.yaml -o "
                 "{}` makes one",
                 options.run, options.run);
  }
  BLUESTEM_ASSIGN_OR_RETURN(const Json json, HaveMeasured(options, output));
  SensitivityResult result = FromJson(options.run, json);
  const Status chosen = Choose(options, result);  // what was measured is shown all the same
  WarnOfFewBits(result, output);
  if (!options.page.empty())
    BLUESTEM_RETURN_IF_ERROR(WriteFile(options.page, SensitivityPage(result)));
  Print(result, output);
  BLUESTEM_RETURN_IF_ERROR(chosen);
  output.Json(SensitivityJson(result));
  return OkStatus();
}

Runner Setup(CommandLine& line) {
  auto options = std::make_shared<SensitivityOptions>();
  line.Add("RUN", options->run, "A run folder").Required();
  const OptionHandle kilobytes = line.Add("--max-kilobytes", options->kilobytes,
                                          "Choose bits for at most so many kB of weights")
                                     .RealRange(1e-6, 1e12);
  line.Add("--max-mmac", options->mmac,
           "Choose bits for at most so many million multiply-accumulates a picture, each counted\n"
           "as bits of the weight times bits read / 64")
      .RealRange(1e-6, 1e12)
      .Excludes(kilobytes);
  line.Add("--images", options->images, "Held-out pictures to measure on, at most")
      .Range(1, 1'000'000)
      .ShowDefault();
  line.Add("-o,--output", options->page, "Write a page");
  return [options](Output& output) { return Sensitivity(*options, output); };
}

}  // namespace

Command SensitivityCommand() {
  return {
      .name = "sensitivity",
      .usage = "RUN",
      .summary = "Measure which layers need bits, and choose them under a budget",
      .description =
          "Quantizes one layer of a trained run at a time (w1a2, w2a2, w4a4, w8a8; the others as\n"
          "trained) and measures by how much the loss rises on held-out pictures. With a budget "
          "it\n"
          "chooses the bits of all layers with the least summed rise and prints\n"
          "network.layer_bits for config.yaml. Best on a run with float or 8-bit weights.",
      .example =
          "bluestem sensitivity runs/float --max-kilobytes 20 -o bits.html\n"
          "bluestem sensitivity runs/float --max-mmac 5 --json",
      .codes = {Code::kInvalidData, Code::kUnsupported, Code::kIo, Code::kUnavailable},
      .setup = Setup};
}

}  // namespace bluestem::cli
