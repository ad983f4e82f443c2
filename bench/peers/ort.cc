#include <dlfcn.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>

#include "bench/harness.h"
#include "bench/peers/contender.h"
#include "bench/peers/onnx_models.h"
#include "bench/peers/ort_api.h"
#include "bluestem/base/check.h"

namespace bluestem::bench {
namespace {

namespace fs = std::filesystem;

// The opened library, for as long as the process runs.
struct Ort {
  const void* const* table = nullptr;
  OrtEnv* env = nullptr;
  OrtMemoryInfo* memory = nullptr;
  std::string version;
  int threads = 1;

  template <typename Entry, typename... Arguments>
  void Call(const Entry& entry, Arguments... arguments) const {
    const OrtStatus* status = entry.In(table)(arguments...);
    BLUESTEM_CHECK(status == nullptr, kGetErrorMessage.In(table)(status));
  }
};

Ort& TheOrt() {
  static Ort ort;
  return ort;
}

// An empty folder, gone with this.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "bench_peers.XXXXXX").string();
    BLUESTEM_CHECK(mkdtemp(name.data()) != nullptr, "no temporary folder");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A model that runs, with its input "x" u8 and its output "y".
class OrtModel {
 public:
  OrtModel(const std::string& model, std::vector<int64_t> x_shape, std::vector<int64_t> y_shape,
           int y_type)
      : x_(Elements(x_shape)), y_(Elements(y_shape) * sizeof(float)) {
    const Ort& ort = TheOrt();
    const TemporaryFolder folder;
    const std::string optimized = folder.path() / "optimized.onnx";
    OrtSessionOptions* options = nullptr;
    ort.Call(kCreateSessionOptions, &options);
    ort.Call(kSetSessionGraphOptimizationLevel, options, kOrtEnableAll);
    ort.Call(kSetSessionExecutionMode, options, kOrtSequential);
    ort.Call(kSetIntraOpNumThreads, options, ort.threads);
    ort.Call(kSetOptimizedModelFilePath, options, optimized.c_str());
    ort.Call(kCreateSessionFromArray, ort.env, model.data(), model.size(), options, &session_);
    kReleaseSessionOptions.In(ort.table)(options);
    std::ifstream file(optimized, std::ios::binary);
    operators_ = OnnxOperators({std::istreambuf_iterator<char>(file), {}});
    std::mt19937 random(1);
    for (size_t i = 0; i < Elements(x_shape); ++i) x()[i] = static_cast<uint8_t>(random() % 100);
    x_value_ = Value(x_, x_shape, kOrtU8);
    y_value_ = Value(y_, y_shape, y_type);
  }
  OrtModel(const OrtModel&) = delete;
  OrtModel& operator=(const OrtModel&) = delete;
  ~OrtModel() {
    kReleaseValue.In(TheOrt().table)(x_value_);
    kReleaseValue.In(TheOrt().table)(y_value_);
    kReleaseSession.In(TheOrt().table)(session_);
  }

  void Run() {
    const char* x = "x";
    const char* y = "y";
    const OrtRunOptions* none = nullptr;
    const OrtValue* input = x_value_;
    TheOrt().Call(kRun, session_, none, &x, &input, size_t{1}, &y, size_t{1}, &y_value_);
  }
  uint8_t* x() { return x_.data(); }
  const uint8_t* y() const { return y_.data(); }
  // What ONNX Runtime made of the model.
  const std::string& operators() const { return operators_; }

 private:
  static size_t Elements(const std::vector<int64_t>& shape) {
    size_t elements = 1;
    for (const int64_t extent : shape) elements *= static_cast<size_t>(extent);
    return elements;
  }
  static OrtValue* Value(const Buffer& buffer, const std::vector<int64_t>& shape, int type) {
    OrtValue* value = nullptr;
    const size_t bytes = Elements(shape) * (type == kOrtF32 ? sizeof(float) : 1);
    TheOrt().Call(kCreateTensorWithDataAsOrtValue, TheOrt().memory, buffer.data(), bytes,
                  shape.data(), shape.size(), type, &value);
    return value;
  }

  Buffer x_, y_;
  OrtSession* session_ = nullptr;
  OrtValue* x_value_ = nullptr;
  OrtValue* y_value_ = nullptr;
  std::string operators_;
};

// Compares some outputs with the definition. One code off is a tie that was scaled in f32.
void CheckOutputs(const ConvShape& s, OrtModel& model) {
  const Int8Conv conv = MakeInt8Conv(s, true);
  const float scale = conv.x_scale * conv.w_scale / conv.y_scale;
  const int out = s.size / s.stride;
  std::mt19937 random(2);
  model.Run();
  for (int trial = 0; trial < 100; ++trial) {
    const int row = static_cast<int>(random() % out);
    const int column = static_cast<int>(random() % out);
    const int co = static_cast<int>(random() % s.co);
    int32_t sum = conv.bias[co];
    for (int tap = 0; tap < s.kernel * s.kernel; ++tap) {
      const int y = row * s.stride + tap / s.kernel - s.kernel / 2;
      const int x = column * s.stride + tap % s.kernel - s.kernel / 2;
      if (y < 0 || y >= s.size || x < 0 || x >= s.size) continue;
      for (int ci = 0; ci < s.ci; ++ci) {
        const size_t w = (static_cast<size_t>(co) * s.ci + ci) * s.kernel * s.kernel + tap;
        sum += model.x()[(static_cast<size_t>(y) * s.size + x) * s.ci + ci] * conv.w[w];
      }
    }
    const float code = std::clamp(std::nearbyint(static_cast<float>(sum) * scale), 0.0f, 255.0f);
    const float got = model.y()[(static_cast<size_t>(row) * out + column) * s.co + co];
    BLUESTEM_CHECK(std::abs(got - code) <= 1, "ONNX Runtime computes another convolution");
  }
}

Contender ContenderOf(const std::shared_ptr<OrtModel>& model) {
  return {"ort_int8", fmt::format("ONNX Runtime {}: {}", TheOrt().version, model->operators()),
          [model] { model->Run(); }};
}

#if defined(__aarch64__)
constexpr const char* kMachine = "arm64";
#else
constexpr const char* kMachine = "x64";
#endif

// Returns the library of the npm package in `folder`, or "".
std::string FindOrt(const fs::path& folder) {
  std::error_code error;
  const fs::path package = folder / "node_modules" / "onnxruntime-node" / "bin";
  for (const auto& napi : fs::directory_iterator(package, error)) {
    const fs::path library = napi.path() / "linux" / kMachine / "libonnxruntime.so.1";
    if (fs::exists(library, error)) return library;
  }
  return "";
}

}  // namespace

Status OpenOrt(const std::string& place, int threads) {
  const fs::path folder = place == "auto" ? fs::current_path() : fs::path(place);
  const std::string library = FindOrt(folder);
  if (library.empty()) {
    return Error(
        Code::kUnavailable,
        "--ort {}: no {}; install it by: npm install --prefix {} onnxruntime-node", place,
        (folder / "node_modules/onnxruntime-node/bin/*/linux" / kMachine / "libonnxruntime.so.1")
            .string(),
        folder.string());
  }
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return Error(Code::kUnavailable, "--ort {}: {}", place, dlerror());
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  Ort& ort = TheOrt();
  ort.table = get_base == nullptr ? nullptr : get_base()->get_api(kOrtApiVersion);
  if (ort.table == nullptr) {
    return Error(Code::kUnavailable, "--ort {}: {} has not version {} of OrtApi", place, library,
                 kOrtApiVersion);
  }
  ort.version = get_base()->version();
  ort.threads = threads;
  ort.Call(kCreateEnv, kOrtErrors, "bench_peers", &ort.env);
  ort.Call(kCreateCpuMemoryInfo, kOrtDeviceAllocator, kOrtDefaultMemory, &ort.memory);
  return OkStatus();
}

Contender OrtConv(const ConvShape& s) {
  const int64_t out = s.size / s.stride;
  const auto model =
      std::make_shared<OrtModel>(OnnxConvModel(s), std::vector<int64_t>{1, s.size, s.size, s.ci},
                                 std::vector<int64_t>{1, out, out, s.co}, kOrtU8);
  CheckOutputs(s, *model);
  return ContenderOf(model);
}

Contender OrtLmnet() {
  return ContenderOf(std::make_shared<OrtModel>(OnnxLmnetModel(),
                                                std::vector<int64_t>{1, 32, 32, 3},
                                                std::vector<int64_t>{1, 10, 1, 1}, kOrtF32));
}

}  // namespace bluestem::bench
