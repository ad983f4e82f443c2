// Classifies a picture on any device, four requests at a time:
//   classify_cpp MODEL PICTURE.ppm [DEVICE]
// MODEL: a run folder, an artefact, an .onnx, a .pb, or an exported file. The picture is a binary
// PPM of the model's size. Built with the tests; the C form is classify.c.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "bluestem/core/core.h"

namespace {

using bluestem::Code;
using bluestem::Error;
using bluestem::Result;
using bluestem::Status;
using bluestem::Tensor;

Result<Tensor> ReadPpm(const std::string& path, const bluestem::program::TensorInfo& port) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int64_t width = 0, height = 0, most = 0;
  file >> magic >> width >> height >> most;
  file.get();
  const bool fits = port.dtype == bluestem::DType::kU8 && port.bytes() == 3 * width * height;
  if (magic != "P6" || most != 255 || !fits) {
    return Error(Code::kInvalidData, "{}: not a binary PPM of the model's input, {} {}", path,
                 bluestem::DTypeName(port.dtype), bluestem::ShapeText(port.shape));
  }
  Tensor pixels(port.dtype, port.shape);
  file.read(reinterpret_cast<char*>(pixels.raw()), pixels.bytes());
  if (!file) return Error(Code::kInvalidData, "{}: too short", path);
  return pixels;
}

Status Classify(const std::string& path, const std::string& picture, const std::string& device) {
  const bluestem::core::Core core;
  bluestem::runtime::CompileSettings settings;
  settings.device = device;
  settings.hint = bluestem::runtime::Hint::kThroughput;
  BLUESTEM_ASSIGN_OR_RETURN(const auto opened, core.Open(path, settings));
  const bluestem::runtime::CompiledModel& model = opened.model;
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor pixels, ReadPpm(picture, model.inputs()[0]));

  std::atomic<int> done = 0;
  std::vector<bluestem::runtime::InferRequest> requests;
  for (int i = 0; i < 4; ++i) {
    requests.push_back(model.CreateRequest());
    requests.back().SetCallback([&](const Status& status) { done += status.ok() ? 1 : 0; });
    BLUESTEM_RETURN_IF_ERROR(requests.back().SetInput(model.inputs()[0].name, pixels));
    BLUESTEM_RETURN_IF_ERROR(requests.back().StartAsync());
  }
  for (auto& request : requests) BLUESTEM_RETURN_IF_ERROR(request.Wait());
  BLUESTEM_ASSIGN_OR_RETURN(const Tensor scores, requests[0].Output(model.outputs()[0].name));
  const float* first = scores.data<float>();
  const auto best = std::max_element(first, first + scores.size()) - first;
  fmt::print("class {}: {:.4f} ({}, {} of 4 requests, {})\n", best, first[best], device,
             done.load(), opened.engine);
  return bluestem::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: classify_cpp MODEL PICTURE.ppm [DEVICE]\n");
    return 2;
  }
  const Status status = Classify(argv[1], argv[2], argc > 3 ? argv[3] : "CPU");
  if (!status.ok()) fmt::print(stderr, "classify_cpp: {}\n", status.message());
  return static_cast<int>(status.code());
}
