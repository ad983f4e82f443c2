#include "bluestem/core/core.h"

#include <gmock/gmock.h>

#include "bluestem/codegen/digest.h"
#include "bluestem/core/exported.h"
#include "tests/core/small_model.h"

namespace bluestem::core {
namespace {

using ::testing::HasSubstr;

Tensor Infer(const runtime::CompiledModel& model) {
  runtime::InferRequest request = model.CreateRequest();
  EXPECT_TRUE(request.SetInput(model.inputs()[0].name, Tensor::Of({1, 8, 8, 3}, Pixels())).ok());
  const Status ended = request.Infer();
  EXPECT_TRUE(ended.ok()) << ended.message();
  return *request.Output(model.outputs()[0].name);
}

std::string ImportError(const Path& path) {
  const auto imported = Core().Import(path, {});
  return imported.ok() ? "" : imported.status().message();
}

TEST(Core, ListsDevicesWithPropertiesOrAReason) {
  const std::vector<DeviceInfo> devices = Core().Devices();
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices[0].name, "CPU");
  for (const DeviceInfo& device : devices) {
    EXPECT_EQ(device.status.ok(), !device.properties.empty()) << device.name;
    EXPECT_FALSE(device.summary.empty());
  }
}

TEST(Core, AModelGivesTheSameBitsOnEveryDevice) {
  const Path path = WriteModel(Scratch("bits"));
  const auto first = Core().Open(path, {});
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(first->engine, "compiled in memory");
  EXPECT_EQ(first->graph_ops.size(), 4U);
  const Tensor expected = Infer(first->model);
  for (const char* device : {"REFERENCE", "AUTO", "HETERO:FPGA-MODEL,CPU"}) {
    const auto opened = Core().Open(path, {.device = device});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ(Infer(opened->model), expected) << device;
  }
}

TEST(Core, AModelMayReadRealValuesInsteadOfPixels) {
  const auto read = Core().Read(WriteModel(Scratch("real")));
  ASSERT_TRUE(read.ok()) << read.status().message();
  const auto compiled = Core().Compile(*read, {}, false);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_EQ(compiled->inputs()[0].dtype, DType::kF32);
}

TEST(Core, WhatIsNotThereIsNamed) {
  EXPECT_THAT(Core().Open("nowhere.onnx", {}).status().message(),
              HasSubstr("nowhere.onnx: no such file or folder"));
  EXPECT_THAT(Core().Open("nowhere.onnx", {.device = "TPU"}).status().message(), HasSubstr("TPU"));
}

TEST(Export, ComesBackWithTheSameBitsAndItsDevice) {
  const Path folder = Scratch("export");
  const auto opened = Core().Open(WriteModel(folder), {.device = "REFERENCE"});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Path file = folder / "model.bluestem";
  ASSERT_TRUE(Core().Export(opened->model, file).ok());
  const auto imported = Core().Import(file, {.device = ""});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_EQ(imported->settings().device, "REFERENCE");
  EXPECT_EQ(imported->model_hash(), opened->model.model_hash());
  EXPECT_EQ(Infer(*imported), Infer(opened->model));
  const auto again = Core().Open(file, {});
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->engine, "imported");
  EXPECT_EQ(program::ToText(*again->model.placed()->program),
            program::ToText(*opened->model.placed()->program));
}

TEST(Export, AFileThatIsNoGoodExportIsRefused) {
  const Path folder = Scratch("damaged");
  const auto opened = Core().Open(WriteModel(folder), {});
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const Path file = folder / "model.bluestem";
  ASSERT_TRUE(Core().Export(opened->model, file).ok());
  const Bytes good = *ReadFile(file);
  const auto refusal = [&](Bytes bytes, bool seal) {
    if (seal) {
      bytes.resize(bytes.size() - 64);
      const std::string digest = codegen::Sha256(bytes);
      bytes.insert(bytes.end(), digest.begin(), digest.end());
    }
    EXPECT_TRUE(WriteFile(file, bytes).ok());
    return ImportError(file);
  };
  Bytes bytes = good;
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_THAT(refusal(bytes, false), HasSubstr("damaged: its SHA-256 does not fit"));
  EXPECT_THAT(refusal({good.begin(), good.end() - 100}, false), HasSubstr("damaged"));
  EXPECT_THAT(refusal({'n', 'o'}, false), HasSubstr("not a model that Bluestem exported"));
  bytes = good;
  bytes[15] = '1';
  EXPECT_THAT(refusal(bytes, true), HasSubstr("in another version of the format"));
  bytes = good;
  bytes[17 + 8] = '9';  // of the version, behind the magic and a length
  EXPECT_THAT(refusal(bytes, true), HasSubstr("exported by another version of Bluestem (9"));
  bytes = good;
  bytes.insert(bytes.end() - 64, 1, 0);
  EXPECT_THAT(refusal(bytes, true), HasSubstr("its parts do not fit"));
  // Cut anywhere and sealed again: refused, never read past its end.
  for (size_t size = 17; size + 64 < good.size(); size += 97) {
    bytes.assign(good.begin(), good.begin() + static_cast<int64_t>(size));
    bytes.resize(size + 64);
    EXPECT_NE(refusal(bytes, true), "") << size;
  }
}

}  // namespace
}  // namespace bluestem::core
