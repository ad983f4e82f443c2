// Models that others made (../shared/models), read and evaluated in double.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "bluestem/image/image.h"
#include "bluestem/interchange/interchange.h"
#include "bluestem/ir/evaluate.h"

namespace bluestem::interchange {
namespace {

const Path kShared = Path(BLUESTEM_SOURCE_ROOT) / ".." / "shared";

#define SKIP_WITHOUT(path)                                          \
  do {                                                              \
    if (!std::filesystem::exists(path)) {                           \
      GTEST_SKIP() << (path).string() << " is not on this machine"; \
    }                                                               \
  } while (false)

std::string ReadGz(const Path& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  std::string content;
  std::vector<char> chunk(1 << 16);
  for (int got = 1; file != nullptr && got > 0;) {
    got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()));
    if (got > 0) content.append(chunk.data(), static_cast<size_t>(got));
  }
  if (file != nullptr) gzclose(file);
  return content;
}

// Returns the files of a tar archive by name, without folders.
std::map<std::string, std::string> Untar(const std::string& tar) {
  std::map<std::string, std::string> files;
  for (size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const std::string name = tar.substr(at, 100).c_str();
    const size_t size = std::stoull(tar.substr(at + 124, 11), nullptr, 8);
    files[name.substr(name.rfind('/') + 1)] = tar.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  return files;
}

// Returns the numbers of a .npy file of f32 or f64.
std::vector<double> Npy(const std::string& file) {
  const size_t header = 10 + static_cast<uint8_t>(file[8]) + 256 * static_cast<uint8_t>(file[9]);
  const bool wide = file.substr(0, header).find("<f8") != std::string::npos;
  const size_t bytes = wide ? 8 : 4;
  std::vector<double> numbers;
  for (size_t at = header; at + bytes <= file.size(); at += bytes) {
    float narrow = 0;
    double number = 0;
    std::memcpy(wide ? static_cast<void*>(&number) : &narrow, file.data() + at, bytes);
    numbers.push_back(wide ? number : static_cast<double>(narrow));
  }
  return numbers;
}

Tensor F32(const Shape& shape, const std::vector<double>& numbers) {
  return Tensor::Of<float>(shape, std::vector<float>(numbers.begin(), numbers.end()));
}

int64_t ArgMax(const Tensor& tensor) {
  const double* data = tensor.data<double>();
  return std::max_element(data, data + tensor.size()) - data;
}

TEST(ToyGraph, EveryNodeIsWithinOneMillionthOfBlueoil) {
  const Path folder = kShared / "models/blueoil/lmnet_v1_toy_graph";
  SKIP_WITHOUT(folder);
  const auto graph = LoadModel(folder / "minimal_graph_with_shape.pb");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto files = Untar(ReadGz(folder / "1000_dog.png.tar.gz"));
  std::map<std::string, std::vector<double>> expected;  // by node name with "_" for "/"
  for (const auto& [name, content] : files) {
    const size_t end = name.find(":0.npy");
    if (end != std::string::npos) expected[name.substr(4, end - 4)] = Npy(content);
  }
  int compared = 0;
  const auto compare = [&](const ir::Node& node, const std::vector<Tensor>& outputs) {
    std::string name = node.name;
    std::replace(name.begin(), name.end(), '/', '_');
    const auto it = expected.find(name);
    if (it == expected.end()) return;
    ++compared;
    // Weights are HWIO there and OHWI here; a quantizer's values keep their set under any order.
    std::vector<double> wanted = it->second;
    const Tensor real = outputs[0].Cast(DType::kF64);
    std::vector<double> got(real.data<double>(), real.data<double>() + real.size());
    if (node.op == "BinaryQuant") {
      std::sort(wanted.begin(), wanted.end());
      std::sort(got.begin(), got.end());
    }
    ASSERT_EQ(got.size(), wanted.size()) << node.name;
    for (size_t i = 0; i < got.size(); ++i) {
      if (node.op == "Quant") {
        // The same code: values apart by less than a step's rounding are equal, one step is 2/3.
        ASSERT_EQ(static_cast<float>(got[i]), static_cast<float>(wanted[i]))
            << node.name << " " << i;
      }
      ASSERT_NEAR(got[i], wanted[i], 1e-6 * std::max(1.0, std::fabs(wanted[i])))
          << node.name << " " << i;
    }
  };
  const Tensor input = F32({1, 32, 32, 3}, Npy(files.at("000_images_placeholder_0.npy")));
  const auto outputs = ir::EvaluateDouble(*graph, {input}, compare);
  ASSERT_TRUE(outputs.ok()) << outputs.status().message();
  EXPECT_EQ(compared, 9);
  const auto plain = ir::Evaluate(*graph, {input}, compare);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(compared, 18);
}

TEST(LeapMind, AirplaneIsAnAirplane) {
  const Path folder = kShared / "models/blueoil";
  SKIP_WITHOUT(folder);
  const auto graph = LoadModel(folder / "lmnet_quantize_cifar10/minimal_graph_with_shape.pb");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto picture = image::DecodeFile(folder / "airplane.png");
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  const image::Image small =
      image::Resize(image::ToChannels(*picture, 3), 32, 32, image::ResizeMethod::kBilinear);
  std::vector<double> numbers;
  for (const uint8_t pixel : small.pixels) numbers.push_back(pixel / 255.0);
  const auto outputs = ir::EvaluateDouble(*graph, {F32({1, 32, 32, 3}, numbers)});
  ASSERT_TRUE(outputs.ok()) << outputs.status().message();
  EXPECT_EQ(ArgMax((*outputs)[0]), 0);
}

// The whole test set: TFC_1W2A has 58,000 weights, so 10,000 digits take a second.
TEST(Tfc, Scores9474OfTenThousandDigits) {
  const Path model = kShared / "models/qonnx/TFC_1W2A.onnx";
  const Path digits = kShared / "data/mnist-t10k";
  SKIP_WITHOUT(model);
  SKIP_WITHOUT(digits);
  const auto graph = LoadModel(model);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto evaluator = ir::DoubleEvaluator::Prepare(*graph);
  ASSERT_TRUE(evaluator.ok()) << evaluator.status().message();
  const std::string images = ReadGz(digits / "t10k-images-idx3-ubyte.gz").substr(16);
  const std::string labels = ReadGz(digits / "t10k-labels-idx1-ubyte.gz").substr(8);
  ASSERT_EQ(images.size(), labels.size() * 784);
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    Tensor input(DType::kF32, {1, 1, 28, 28});
    for (size_t k = 0; k < 784; ++k) {
      input.data<float>()[k] = static_cast<uint8_t>(images[i * 784 + k]) / 255.0F;
    }
    const auto outputs = evaluator->Run({input});
    ASSERT_TRUE(outputs.ok()) << outputs.status().message();
    right += ArgMax((*outputs)[0]) == labels[i] ? 1 : 0;
  }
  EXPECT_EQ(right, 9474);
}

TEST(MnistConv, EqualsItsGoldenOutput) {
  const Path folder = kShared / "models/qonnx/mnist_conv";
  SKIP_WITHOUT(folder);
  const auto graph = LoadModel(folder / "model.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto input = ReadTensorProto(folder / "input_0.pb");
  const auto golden = ReadTensorProto(folder / "output_0.pb");
  ASSERT_TRUE(input.ok() && golden.ok());
  for (const auto& outputs :
       {ir::EvaluateDouble(*graph, {*input}), ir::Evaluate(*graph, {*input})}) {
    ASSERT_TRUE(outputs.ok()) << outputs.status().message();
    ASSERT_EQ((*outputs)[0].size(), golden->size());
    for (int64_t i = 0; i < golden->size(); ++i) {
      // Logits reach 1e3: the bound is relative where they do.
      const double wanted = golden->At(i);
      EXPECT_NEAR((*outputs)[0].At(i), wanted, 1e-5 * std::max(1.0, std::fabs(wanted)));
    }
  }
}

// The sums are numpy's, from a float64 evaluation of the QONNX definition of each node.
TEST(Espcn, AgreesWithAnIndependentFloat64Evaluation) {
  const Path folder = kShared / "models/qonnx/espcn_subpixel";
  SKIP_WITHOUT(folder);
  const auto graph = LoadModel(folder / "quant_model.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto input = ReadTensorProto(folder / "input_0.pb");
  ASSERT_TRUE(input.ok()) << input.status().message();
  const auto outputs = ir::EvaluateDouble(*graph, {*input});
  ASSERT_TRUE(outputs.ok()) << outputs.status().message();
  const Tensor& y = (*outputs)[0];
  ASSERT_EQ(y.shape(), (Shape{1, 3, 256, 256}));
  double sum = 0;
  for (int64_t i = 0; i < y.size(); ++i) sum += y.At(i);
  EXPECT_NEAR(sum, 71914.43170392653, 1e-6);
  EXPECT_NEAR(y.At(0), 0.1764706, 1e-7);
  EXPECT_NEAR(y.At(3), 0.27058825, 1e-7);
}

}  // namespace
}  // namespace bluestem::interchange
