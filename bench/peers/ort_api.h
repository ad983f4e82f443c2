// The part of ONNX Runtime's C interface that bench_peers calls. Its npm package brings the library
// and no header, so this names the entries by their places in the table OrtApi, which only grows:
// include/onnxruntime/core/session/onnxruntime_c_api.h has names and signatures in this order, and
// onnxruntime/core/session/onnxruntime_c_api.cc asserts that version 1 of the table ends behind
// them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bluestem::bench {

struct OrtStatus;  // null: ok
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtMemoryInfo;
struct OrtValue;

// What the library exports: OrtApiBase* OrtGetApiBase().
struct OrtApiBase {
  const void* const* (*get_api)(uint32_t version);  // null where it has no such version
  const char* (*version)();
};
constexpr uint32_t kOrtApiVersion = 1;

// An entry: its place in the table and its type.
template <int kPlace, typename Function>
struct OrtEntry {
  Function* In(const void* const* table) const {
    return reinterpret_cast<Function*>(const_cast<void*>(table[kPlace]));
  }
};

constexpr int kOrtErrors = 3;           // OrtLoggingLevel
constexpr int kOrtEnableAll = 99;       // GraphOptimizationLevel
constexpr int kOrtSequential = 0;       // ExecutionMode
constexpr int kOrtDeviceAllocator = 0;  // OrtAllocatorType
constexpr int kOrtDefaultMemory = 0;    // OrtMemType
constexpr int kOrtF32 = 1;              // ONNXTensorElementDataType
constexpr int kOrtU8 = 2;

constexpr OrtEntry<2, const char*(const OrtStatus*)> kGetErrorMessage;
constexpr OrtEntry<3, OrtStatus*(int level, const char* id, OrtEnv** out)> kCreateEnv;
constexpr OrtEntry<8, OrtStatus*(const OrtEnv*, const void* model, size_t bytes,
                                 const OrtSessionOptions*, OrtSession** out)>
    kCreateSessionFromArray;
constexpr OrtEntry<9, OrtStatus*(OrtSession*, const OrtRunOptions*, const char* const* input_names,
                                 const OrtValue* const* inputs, size_t input_count,
                                 const char* const* output_names, size_t output_count,
                                 OrtValue** outputs)>
    kRun;
constexpr OrtEntry<10, OrtStatus*(OrtSessionOptions** out)> kCreateSessionOptions;
constexpr OrtEntry<11, OrtStatus*(OrtSessionOptions*, const char* path)> kSetOptimizedModelFilePath;
constexpr OrtEntry<13, OrtStatus*(OrtSessionOptions*, int mode)> kSetSessionExecutionMode;
constexpr OrtEntry<23, OrtStatus*(OrtSessionOptions*, int level)> kSetSessionGraphOptimizationLevel;
constexpr OrtEntry<24, OrtStatus*(OrtSessionOptions*, int threads)> kSetIntraOpNumThreads;
constexpr OrtEntry<49, OrtStatus*(const OrtMemoryInfo*, void* data, size_t bytes,
                                  const int64_t* shape, size_t rank, int type, OrtValue** out)>
    kCreateTensorWithDataAsOrtValue;
constexpr OrtEntry<69, OrtStatus*(int allocator, int memory, OrtMemoryInfo** out)>
    kCreateCpuMemoryInfo;
constexpr OrtEntry<95, void(OrtSession*)> kReleaseSession;
constexpr OrtEntry<96, void(OrtValue*)> kReleaseValue;
constexpr OrtEntry<100, void(OrtSessionOptions*)> kReleaseSessionOptions;

}  // namespace bluestem::bench
