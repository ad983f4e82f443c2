// sensitivity: what a run's network loses layer by layer, as JSON for `bluestem sensitivity`. Its
// lines on stdout are JSON: {"done", "all"}, or the error.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bluestem/train/main/commands.h"
#include "bluestem/train/train.h"

namespace bluestem::train {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const Sensitivity& sensitivity) {
  Json layers = Json::array();
  for (const LayerSensitivity& layer : sensitivity.layers) {
    Json rows = Json::array();
    for (const SensitivityRow& row : layer.rows) {
      rows.push_back({{"bits", row.bits},
                      {"weight_bits", row.weight_bits},
                      {"code_bits", row.code_bits},
                      {"most_read", row.most_read},
                      {"loss", row.loss},
                      {"accuracy", row.accuracy}});
    }
    layers.push_back({{"layer", layer.layer},
                      {"shape", layer.shape},
                      {"bits", layer.bits},
                      {"macs", layer.macs},
                      {"weights", layer.weights},
                      {"rows", std::move(rows)}});
  }
  return {{"network", sensitivity.network},
          {"images", sensitivity.images},
          {"input_bits", sensitivity.input_bits},
          {"loss", sensitivity.loss},
          {"accuracy", sensitivity.accuracy},
          {"weight_quantizer", sensitivity.weight_quantizer},
          {"activation_quantizer", sensitivity.activation_quantizer},
          {"layers", std::move(layers)}};
}

Status Run(const Arguments& arguments) {
  if (arguments.run.empty()) return Error(Code::kInvalidArgument, "--run: name the run folder");
  if (arguments.limit < 1)
    return Error(Code::kInvalidArgument, "--limit: say how many pictures, from 1 on");
  if (arguments.output.empty())
    return Error(Code::kInvalidArgument, "--output: name the file to write");
  BLUESTEM_ASSIGN_OR_RETURN(
      const Sensitivity sensitivity,
      MeasureSensitivity(arguments.run, arguments.limit, [](int64_t done, int64_t all) {
        std::printf("%s\n", Json{{"done", done}, {"all", all}}.dump().c_str());
        std::fflush(stdout);
      }));
  return WriteFile(arguments.output, ToJson(sensitivity).dump() + "\n");
}

}  // namespace

int RunSensitivity(const Arguments& arguments) {
  const Status status = Run(arguments);
  return status.ok() ? 0 : Fail(status, /*json=*/true);
}

}  // namespace bluestem::train
