// LoadLibrary: a compiled artefact behind Session, through the C interface of edge/model_abi.h.
#include <dlfcn.h>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/edge/model_abi.h"
#include "bluestem/program/kernel_choice.h"
#include "bluestem/runtime/elf.h"
#include "bluestem/runtime/session.h"
#include "bluestem/runtime/tensors.h"

namespace bluestem::runtime {
namespace {

constexpr int32_t kOldestAbi = 1;

// The library's functions, as dlsym finds them.
struct Abi {
  decltype(&bluestem_abi_version) abi_version;
  decltype(&bluestem_model_hash) model_hash;
  decltype(&bluestem_status_text) status_text;
  decltype(&bluestem_input_count) input_count;
  decltype(&bluestem_output_count) output_count;
  decltype(&bluestem_input) input;
  decltype(&bluestem_output) output;
  decltype(&bluestem_arena_bytes) arena_bytes;
  decltype(&bluestem_weight_bytes) weight_bytes;
  decltype(&bluestem_create) create;
  decltype(&bluestem_create_isa) create_isa;
  decltype(&bluestem_destroy) destroy;
  decltype(&bluestem_session_isa) session_isa;
  decltype(&bluestem_run) run;
  decltype(&bluestem_op_count) op_count;
  decltype(&bluestem_profile) profile;
  // Null in a library of version 1.
  decltype(&bluestem_create_with) create_with;
  decltype(&bluestem_session_threads) session_threads;
  decltype(&bluestem_scratch_bytes) scratch_bytes;
};

template <typename Function>
Status Find(void* library, const Path& path, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function != nullptr) return OkStatus();
  return Error(Code::kInvalidData,
               "{}: has no {}: not a Bluestem artefact, or made by an older version; convert the "
               "model again",
               path.string(), name);
}

Status FindAll(void* library, const Path& path, Abi& abi) {
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_abi_version", abi.abi_version));
  const int32_t version = abi.abi_version();
  if (version < kOldestAbi || version > BLUESTEM_ABI_VERSION) {
    return Error(
        Code::kInvalidData,
        "{}: artefact ABI version {}; this program speaks versions {} to {}: {}", path.string(),
        version, kOldestAbi, BLUESTEM_ABI_VERSION,
        version > BLUESTEM_ABI_VERSION ? "use a newer bluestem" : "convert the model again");
  }
  if (version >= 2) {
    BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_create_with", abi.create_with));
    BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_session_threads", abi.session_threads));
    BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_scratch_bytes", abi.scratch_bytes));
  }
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_model_hash", abi.model_hash));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_status_text", abi.status_text));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_input_count", abi.input_count));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_output_count", abi.output_count));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_input", abi.input));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_output", abi.output));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_arena_bytes", abi.arena_bytes));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_weight_bytes", abi.weight_bytes));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_create", abi.create));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_create_isa", abi.create_isa));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_destroy", abi.destroy));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_session_isa", abi.session_isa));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_run", abi.run));
  BLUESTEM_RETURN_IF_ERROR(Find(library, path, "bluestem_op_count", abi.op_count));
  return Find(library, path, "bluestem_profile", abi.profile);
}

Result<std::vector<program::TensorInfo>> ReadInfos(const Path& path, int32_t count,
                                                   const bluestem_tensor_info* (*get)(int32_t)) {
  std::vector<program::TensorInfo> infos;
  for (int32_t i = 0; i < count; ++i) {
    const bluestem_tensor_info* info = get(i);
    const bool sane = info != nullptr && info->name != nullptr && info->rank >= 0 &&
                      info->rank <= BLUESTEM_MAX_RANK && info->dtype >= BLUESTEM_F32 &&
                      info->dtype <= BLUESTEM_S32;
    if (!sane) return Error(Code::kInvalidData, "{}: malformed tensor {}", path.string(), i);
    constexpr DType kDTypes[] = {DType::kF32, DType::kU8, DType::kS32};
    program::TensorInfo tensor{.name = info->name,
                               .dtype = kDTypes[info->dtype],
                               .shape = Shape(info->shape, info->shape + info->rank),
                               .scale = info->scale,
                               .zero_point = info->zero_point};
    constexpr int64_t kMostElements = int64_t{1} << 40;
    int64_t elements = 1;
    for (const int64_t extent : tensor.shape) {
      if (extent < 0 || extent > kMostElements / elements) {
        return Error(Code::kInvalidData, "{}: tensor '{}' has the shape {}", path.string(),
                     tensor.name, ShapeText(tensor.shape));
      }
      elements *= extent > 0 ? extent : 1;
    }
    if (static_cast<size_t>(tensor.bytes()) != info->bytes) {
      return Error(Code::kInvalidData, "{}: tensor '{}' says {} bytes, but {} {} has {}",
                   path.string(), tensor.name, info->bytes, DTypeName(tensor.dtype),
                   ShapeText(tensor.shape), tensor.bytes());
    }
    infos.push_back(std::move(tensor));
  }
  return infos;
}

struct CloseLibrary {
  void operator()(void* library) const { dlclose(library); }
};
using LibraryHandle = std::unique_ptr<void, CloseLibrary>;

class LibrarySession : public Session {
 public:
  LibrarySession(LibraryHandle library, const Abi& abi, bluestem_session* session,
                 std::vector<program::TensorInfo> inputs, std::vector<program::TensorInfo> outputs)
      : library_(std::move(library)),
        abi_(abi),
        session_(session),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)) {}
  LibrarySession(const LibrarySession&) = delete;
  LibrarySession& operator=(const LibrarySession&) = delete;
  ~LibrarySession() override { abi_.destroy(session_); }

  const std::vector<program::TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<program::TensorInfo>& outputs() const override { return outputs_; }
  std::string isa() const override { return abi_.session_isa(session_); }
  int32_t threads() const override {
    return abi_.session_threads == nullptr ? 1 : abi_.session_threads(session_);
  }
  int64_t arena_bytes() const override { return static_cast<int64_t>(abi_.arena_bytes()); }
  int64_t scratch_bytes() const override {
    return abi_.scratch_bytes == nullptr ? 0 : static_cast<int64_t>(abi_.scratch_bytes(session_));
  }
  int64_t weight_bytes() const override { return static_cast<int64_t>(abi_.weight_bytes()); }
  std::string model_hash() const override { return abi_.model_hash(); }

  Result<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs) override {
    return Call(inputs, nullptr);
  }

  Result<std::vector<Tensor>> Profile(const std::vector<Tensor>& inputs,
                                      std::vector<OpProfile>& ops) override {
    std::vector<bluestem_op_info> infos(static_cast<size_t>(abi_.op_count()));
    auto outputs = Call(inputs, infos.data());
    ops.clear();
    if (!outputs.ok()) return outputs;
    for (const bluestem_op_info& info : infos) {
      ops.push_back({.op = info.op,
                     .kernel = info.kernel,
                     .x_bits = info.x_bits,
                     .w_bits = info.w_bits,
                     .macs = info.macs,
                     .nanoseconds = info.nanoseconds});
    }
    return outputs;
  }

 private:
  Result<std::vector<Tensor>> Call(const std::vector<Tensor>& inputs, bluestem_op_info* ops) {
    BLUESTEM_RETURN_IF_ERROR(CheckInputs(inputs_, inputs));
    std::vector<Tensor> outputs = MakeTensors(outputs_);
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const Tensor& tensor : inputs) in.push_back(tensor.raw());
    for (Tensor& tensor : outputs) out.push_back(tensor.raw());
    const bluestem_status status = ops == nullptr
                                       ? abi_.run(session_, in.data(), out.data())
                                       : abi_.profile(session_, in.data(), out.data(), ops);
    if (status != BLUESTEM_OK) {
      return Error(Code::kInternal, "the artefact refused to run: {}", abi_.status_text(status));
    }
    return outputs;
  }

  LibraryHandle library_;
  Abi abi_;
  bluestem_session* session_;
  std::vector<program::TensorInfo> inputs_;
  std::vector<program::TensorInfo> outputs_;
};

bluestem_status Create(const Abi& abi, const std::string& isa, int32_t threads,
                       bluestem_session** session) {
  if (abi.create_with == nullptr) {
    return isa.empty() ? abi.create(session) : abi.create_isa(isa.c_str(), session);
  }
  const bluestem_options options = {.struct_bytes = sizeof(options),
                                    .isa = isa.empty() ? nullptr : isa.c_str(),
                                    .threads = threads};
  return abi.create_with(&options, session);
}

}  // namespace

Result<std::unique_ptr<Session>> LoadLibrary(const Path& library, const std::string& isa,
                                             int32_t threads) {
  BLUESTEM_ASSIGN_OR_RETURN(const int32_t count, CheckThreads(threads));
  BLUESTEM_RETURN_IF_ERROR(CheckElf(library));
  // A name without a slash would be searched for in the system's folders.
  const std::string file = std::filesystem::absolute(library).string();
  LibraryHandle handle(dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (handle == nullptr) {
    return Error(Code::kInvalidData, "{}: cannot be loaded: {}", library.string(), dlerror());
  }
  Abi abi{};
  BLUESTEM_RETURN_IF_ERROR(FindAll(handle.get(), library, abi));
  BLUESTEM_ASSIGN_OR_RETURN(auto inputs, ReadInfos(library, abi.input_count(), abi.input));
  BLUESTEM_ASSIGN_OR_RETURN(auto outputs, ReadInfos(library, abi.output_count(), abi.output));
  bluestem_session* session = nullptr;
  if (count > 1 && abi.create_with == nullptr) {
    return Error(Code::kUnavailable,
                 "{}: made by an older bluestem (artefact ABI version 1), before there were "
                 "threads; convert the model again, or ask for 1 thread instead of {}",
                 library.string(), count);
  }
  const bluestem_status status = Create(abi, isa, count, &session);
  if (status != BLUESTEM_OK || session == nullptr) {
    const std::string wanted = isa.empty() ? "" : " for instruction set '" + isa + "'";
    const std::string has =
        status == BLUESTEM_ERROR_ISA
            ? "; this CPU has " + program::IsaNames(edge::CpuIsas()) + ": give one of them to --isa"
            : "";
    return Error(Code::kUnavailable, "{}: no session{}: {}{}", library.string(), wanted,
                 abi.status_text(status), has);
  }
  return std::unique_ptr<Session>(std::make_unique<LibrarySession>(
      std::move(handle), abi, session, std::move(inputs), std::move(outputs)));
}

}  // namespace bluestem::runtime
