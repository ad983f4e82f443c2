// Programs made by hand, and what tests of codegen/ and runtime/ do with them.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include "bluestem/base/process.h"
#include "bluestem/codegen/codegen.h"
#include "bluestem/edge/model_abi.h"
#include "bluestem/runtime/session.h"

namespace bluestem::testing {

// A folder of one test, removed with it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bluestem-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

// Adds calls, operands and random constants to a Program.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(uint32_t seed) : random_(seed) {}

  program::Operand Arena(int64_t bytes) {
    const program::Operand operand{program::Space::kArena, program_.arena_bytes};
    program_.arena_bytes += (bytes + 63) / 64 * 64;
    return operand;
  }
  template <typename T>
  program::Operand Constant(const std::vector<T>& values) {
    const program::Operand operand{program::Space::kConstants,
                                   static_cast<int64_t>(program_.constants.size())};
    const size_t bytes = values.size() * sizeof(T);
    program_.constants.resize(program_.constants.size() + (bytes + 63) / 64 * 64);
    std::memcpy(program_.constants.data() + operand.offset, values.data(), bytes);
    return operand;
  }
  std::vector<float> Floats(int64_t count, float low, float high) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) {
      value = low + (high - low) * static_cast<float>(random_() % 10007) / 10006.0f;
    }
    return values;
  }
  template <typename T>
  std::vector<T> Integers(int64_t count, int32_t low, int32_t high) {
    std::vector<T> values(static_cast<size_t>(count));
    for (T& value : values) {
      value = static_cast<T>(
          low + static_cast<int32_t>(random_() % static_cast<uint32_t>(high - low + 1)));
    }
    return values;
  }
  void Add(const std::string& op, program::CallParams params, std::vector<program::Operand> inputs,
           program::Operand output) {
    program_.calls.push_back({.op = op,
                              .comment = op + ": made by hand",
                              .params = params,
                              .inputs = std::move(inputs),
                              .output = output});
  }
  // A same-size convolution with random weights; returns its output.
  program::Operand QConv(const std::string& op, kernels::QConvParams params, program::Operand x,
                         program::Operand residual = {});
  program::Operand FConv(const std::string& op, kernels::FConvParams params, program::Operand x);

  program::Program& program() { return program_; }

 private:
  std::mt19937 random_;
  program::Program program_;
};

// A small network: u8 [1,8,8,3] -> conv, conv, space to depth, pool, conv, mean, softmax -> f32
// [1,10].
std::shared_ptr<program::Program> SmallNetwork(uint32_t seed);
// An f32 network whose kernels compile quickly: f32 [1,6,6,5] -> conv, softmax -> f32 [36,8].
std::shared_ptr<program::Program> FloatNetwork();
// Convolutions that are worth cutting in parts, one of each way to cut: u8 [1,20,20,3] -> 3x3,
// 3x3 of one bit, depthwise, 3x3 with a residual, 1x1, f32 3x3 -> f32 [1,20,20,16].
std::shared_ptr<program::Program> WideNetwork();
// Every kind of call once: f32 [1,6,6,5] -> f32 [1,7] and u8 [1,6,6,8].
std::shared_ptr<program::Program> EveryCall();

std::vector<Tensor> RandomInputs(const program::Program& program, uint32_t seed);
// All inputs (or outputs) one after the other.
Bytes Concatenated(const std::vector<Tensor>& tensors);

// The instruction sets of this machine, by name.
std::vector<std::string> IsasHere();

codegen::EmitOptions Options(const std::vector<std::string>& targets);

// Emits SmallNetwork(1), WideNetwork() and EveryCall() for x86-64 once a process.
const Path& SmallArtefact();
const Path& WideArtefact();
const Path& EveryCallArtefact();
Path LibraryOf(const Path& artefact, const std::string& target = "x86-64");

// A library's C functions, without what runtime::LoadLibrary puts around them.
struct RawLibrary {
  explicit RawLibrary(const Path& path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    Find("bluestem_run", run);
    Find("bluestem_profile", profile);
    Find("bluestem_create_isa", create_isa);
    Find("bluestem_create_with", create_with);
    Find("bluestem_session_threads", session_threads);
    Find("bluestem_destroy", destroy);
    Find("bluestem_input", input);
    Find("bluestem_op_count", op_count);
    create_isa("portable", &session);
  }
  RawLibrary(const RawLibrary&) = delete;
  RawLibrary& operator=(const RawLibrary&) = delete;
  ~RawLibrary() {
    destroy(session);
    dlclose(handle);
  }
  template <typename Function>
  void Find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
  }

  void* handle;
  decltype(&bluestem_run) run;
  decltype(&bluestem_profile) profile;
  decltype(&bluestem_create_isa) create_isa;
  decltype(&bluestem_create_with) create_with;
  decltype(&bluestem_session_threads) session_threads;
  decltype(&bluestem_destroy) destroy;
  decltype(&bluestem_input) input;
  decltype(&bluestem_op_count) op_count;
  bluestem_session* session = nullptr;
};

}  // namespace bluestem::testing
