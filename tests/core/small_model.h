// A small classifier of 8x8 pictures as an ONNX file.
#pragma once

#include "bluestem/base/file.h"
#include "tests/interchange/onnx_model.h"

namespace bluestem::core {

// An empty folder, removed by the next run.
inline Path Scratch(const std::string& name) {
  const Path folder = Path(BLUESTEM_BINARY_DIR) / "tests" / "core" / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// Writes folder/model.onnx, from f32 [1,3,8,8] to 5 scores, and returns its path.
inline Path WriteModel(const Path& folder) {
  interchange::Model model({1, 3, 8, 8});
  std::vector<float> weights(5 * 3 * 3 * 3);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>((i * 37 + i / 27 * 11) % 64) / 32.0F - 1.0F;
  model.Floats("w", {5, 3, 3, 3}, weights);
  model.Node("Conv", {"x", "w"}, {"c"});
  model.Node("Relu", {"c"}, {"r"});
  model.Node("GlobalAveragePool", {"r"}, {"g"});
  model.Node("Flatten", {"g"});
  const Path path = folder / "model.onnx";
  const Status written = WriteFile(path, model.proto().SerializeAsString());
  EXPECT_TRUE(written.ok()) << written.message();
  return path;
}

// 8 x 8 pixels of three channels.
inline std::vector<uint8_t> Pixels() {
  std::vector<uint8_t> pixels(8 * 8 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7 % 256);
  return pixels;
}

}  // namespace bluestem::core
