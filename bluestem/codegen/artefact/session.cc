// The C interface of an artefact (edge/model_abi.h) over its generated model (model.h).
#include <stdlib.h>
#include <string.h>

#include "bluestem/codegen/artefact/model.h"
#include "bluestem/edge/cpu_features.h"
#include "bluestem/kernels/isa.h"

namespace artefact = bluestem::artefact;
namespace edge = bluestem::edge;
namespace kernels = bluestem::kernels;
using artefact::kModel;

// A block of memory: this struct, the pointers to inputs and outputs, the profile's times, the
// chosen kernels, the arena, and room for those inputs and outputs that a caller may hand over
// misaligned. A second block: the pool of several threads, and each thread's scratch.
struct bluestem_session {
  const char* isa;
  const uint8_t** in;
  uint8_t** out;
  int64_t* nanoseconds;
  void* kernels;
  uint8_t* arena;
  uint8_t* staging;
  void* workers_block;  // null: none
  bluestem::edge::Workers workers;
};

namespace {

constexpr size_t kAlignment = 64;

size_t Align(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// Hands out aligned parts of one block; with a null block it only counts.
struct Carver {
  uint8_t* block;
  size_t used;
  uint8_t* Take(size_t bytes) {
    uint8_t* part = block == nullptr ? nullptr : block + used;
    used += Align(bytes);
    return part;
  }
};

// u8 has no alignment; the others are staged when they need to be.
size_t StagedBytes(const bluestem_tensor_info& info) {
  return info.dtype == BLUESTEM_U8 ? 0 : Align(info.bytes);
}

size_t AllStagedBytes() {
  size_t bytes = 0;
  for (int32_t i = 0; i < kModel.input_count; ++i) bytes += StagedBytes(kModel.inputs[i]);
  for (int32_t i = 0; i < kModel.output_count; ++i) bytes += StagedBytes(kModel.outputs[i]);
  return bytes;
}

void Carve(Carver& carver, bluestem_session& session) {
  carver.Take(sizeof(bluestem_session));
  session.in = reinterpret_cast<const uint8_t**>(
      carver.Take(sizeof(void*) * static_cast<size_t>(kModel.input_count)));
  session.out = reinterpret_cast<uint8_t**>(
      carver.Take(sizeof(void*) * static_cast<size_t>(kModel.output_count)));
  session.nanoseconds = reinterpret_cast<int64_t*>(
      carver.Take(sizeof(int64_t) * static_cast<size_t>(kModel.op_count)));
  session.kernels = carver.Take(static_cast<size_t>(kModel.kernels_bytes));
  session.arena = carver.Take(static_cast<size_t>(kModel.arena_bytes));
  session.staging = carver.Take(AllStagedBytes());
}

// Makes room to work in and starts the session's threads. Requires: kernels are chosen.
bluestem_status AddWorkers(bluestem_session& session, int32_t threads) {
  const size_t pool_bytes = threads == 1 ? 0 : Align(edge::ThreadPoolBytes(threads));
  const size_t scratch = kModel.scratch_bytes(session.kernels, threads);
  const size_t bytes = pool_bytes + scratch * static_cast<size_t>(threads);
  session.workers = {nullptr, threads, nullptr, scratch};
  if (bytes == 0) return BLUESTEM_OK;
  auto* block = static_cast<uint8_t*>(aligned_alloc(kAlignment, bytes));
  if (block == nullptr) return BLUESTEM_ERROR_MEMORY;
  memset(block, 0, bytes);
  session.workers.scratch = block + pool_bytes;
  if (threads > 1) {
    session.workers.pool = edge::StartThreads(threads, block);
    if (session.workers.pool == nullptr) {
      free(block);
      return BLUESTEM_ERROR_THREADS;
    }
  }
  session.workers_block = block;
  return BLUESTEM_OK;
}

bluestem_status Create(kernels::IsaSet isas, int32_t threads, bluestem_session** session) {
  bluestem_session layout = {};
  Carver count = {nullptr, 0};
  Carve(count, layout);
  auto* block = static_cast<uint8_t*>(aligned_alloc(kAlignment, count.used));
  if (block == nullptr) return BLUESTEM_ERROR_MEMORY;
  memset(block, 0, count.used);
  auto* made = reinterpret_cast<bluestem_session*>(block);
  Carver carver = {block, 0};
  Carve(carver, *made);
  made->isa = kernels::IsaName(edge::BestIsa(isas));
  kModel.select(isas, made->kernels);
  const bluestem_status status = AddWorkers(*made, threads);
  if (status != BLUESTEM_OK) {
    free(block);
    return status;
  }
  *session = made;
  return BLUESTEM_OK;
}

bool Misaligned(const void* pointer, const bluestem_tensor_info& info) {
  return info.dtype != BLUESTEM_U8 && reinterpret_cast<uintptr_t>(pointer) % 4 != 0;
}

bluestem_status Run(bluestem_session* session, const void* const* inputs, void* const* outputs,
                    int64_t* nanoseconds) {
  if (session == nullptr || (inputs == nullptr && kModel.input_count > 0) || outputs == nullptr) {
    return BLUESTEM_ERROR_ARGUMENT;
  }
  uint8_t* staging = session->staging;
  for (int32_t i = 0; i < kModel.input_count; ++i) {
    if (inputs[i] == nullptr) return BLUESTEM_ERROR_ARGUMENT;
    session->in[i] = static_cast<const uint8_t*>(inputs[i]);
    if (Misaligned(inputs[i], kModel.inputs[i])) {
      memcpy(staging, inputs[i], kModel.inputs[i].bytes);
      session->in[i] = staging;
    }
    staging += StagedBytes(kModel.inputs[i]);
  }
  for (int32_t i = 0; i < kModel.output_count; ++i) {
    if (outputs[i] == nullptr) return BLUESTEM_ERROR_ARGUMENT;
    session->out[i] =
        Misaligned(outputs[i], kModel.outputs[i]) ? staging : static_cast<uint8_t*>(outputs[i]);
    staging += StagedBytes(kModel.outputs[i]);
  }
  const artefact::Memory memory = {session->arena, kModel.constants, session->in, session->out,
                                   session->workers};
  kModel.run(session->kernels, memory, artefact::Stopwatch(nanoseconds));
  for (int32_t i = 0; i < kModel.output_count; ++i) {
    if (session->out[i] != outputs[i]) memcpy(outputs[i], session->out[i], kModel.outputs[i].bytes);
  }
  return BLUESTEM_OK;
}

}  // namespace

extern "C" {

int32_t bluestem_abi_version(void) {
  return BLUESTEM_ABI_VERSION;
}
const char* bluestem_model_name(void) {
  return kModel.name;
}
const char* bluestem_model_hash(void) {
  return kModel.hash;
}
const char* bluestem_tool_version(void) {
  return kModel.tool_version;
}
int32_t bluestem_input_count(void) {
  return kModel.input_count;
}
int32_t bluestem_output_count(void) {
  return kModel.output_count;
}
size_t bluestem_arena_bytes(void) {
  return static_cast<size_t>(kModel.arena_bytes);
}
size_t bluestem_scratch_bytes(const bluestem_session* session) {
  return session->workers.scratch_bytes * static_cast<size_t>(session->workers.threads);
}
size_t bluestem_weight_bytes(void) {
  return static_cast<size_t>(kModel.constant_bytes);
}
int32_t bluestem_op_count(void) {
  return kModel.op_count;
}

const char* bluestem_status_text(bluestem_status status) {
  switch (status) {
    case BLUESTEM_OK: return "ok";
    case BLUESTEM_ERROR_ARGUMENT: return "a null pointer, or a number out of range";
    case BLUESTEM_ERROR_MEMORY: return "not enough memory for the session";
    case BLUESTEM_ERROR_ISA: return "this CPU or this library does not have the instruction set";
    case BLUESTEM_ERROR_THREADS: return "the system did not start that many threads";
  }
  return "unknown status";
}

const bluestem_tensor_info* bluestem_input(int32_t index) {
  return index >= 0 && index < kModel.input_count ? &kModel.inputs[index] : nullptr;
}

const bluestem_tensor_info* bluestem_output(int32_t index) {
  return index >= 0 && index < kModel.output_count ? &kModel.outputs[index] : nullptr;
}

bluestem_status bluestem_create(bluestem_session** session) {
  if (session == nullptr) return BLUESTEM_ERROR_ARGUMENT;
  *session = nullptr;
  return Create(edge::CpuIsas(), 1, session);
}

bluestem_status bluestem_create_isa(const char* isa, bluestem_session** session) {
  if (isa == nullptr) return BLUESTEM_ERROR_ARGUMENT;
  const bluestem_options options = {sizeof(options), isa, 1};
  return bluestem_create_with(&options, session);
}

bluestem_status bluestem_create_with(const bluestem_options* options, bluestem_session** session) {
  if (session == nullptr || options == nullptr) return BLUESTEM_ERROR_ARGUMENT;
  *session = nullptr;
  // A caller of another version has fewer fields, or more; the ones that both know count.
  bluestem_options known = {sizeof(known), nullptr, 1};
  if (options->struct_bytes < sizeof(known.struct_bytes)) return BLUESTEM_ERROR_ARGUMENT;
  memcpy(&known, options,
         options->struct_bytes < sizeof(known) ? options->struct_bytes : sizeof(known));
  const int32_t threads = edge::ResolveThreads(known.threads);
  if (threads < 1) return BLUESTEM_ERROR_ARGUMENT;
  if (known.isa == nullptr) return Create(edge::CpuIsas(), threads, session);
  const kernels::IsaSet isas = edge::IsaSetFromName(known.isa);
  if (isas == 0 || (isas & ~edge::CpuIsas()) != 0) return BLUESTEM_ERROR_ISA;
  return Create(isas, threads, session);
}

void bluestem_destroy(bluestem_session* session) {
  if (session == nullptr) return;
  edge::StopThreads(session->workers.pool);
  free(session->workers_block);
  free(session);
}

const char* bluestem_session_isa(const bluestem_session* session) {
  return session == nullptr ? nullptr : session->isa;
}

int32_t bluestem_session_threads(const bluestem_session* session) {
  return session == nullptr ? 0 : session->workers.threads;
}

bluestem_status bluestem_run(bluestem_session* session, const void* const* inputs,
                             void* const* outputs) {
  return Run(session, inputs, outputs, nullptr);
}

bluestem_status bluestem_profile(bluestem_session* session, const void* const* inputs,
                                 void* const* outputs, bluestem_op_info* ops) {
  if (session == nullptr || ops == nullptr) return BLUESTEM_ERROR_ARGUMENT;
  const bluestem_status status = Run(session, inputs, outputs, session->nanoseconds);
  if (status != BLUESTEM_OK) return status;
  for (int32_t i = 0; i < kModel.op_count; ++i) {
    ops[i] = {kModel.ops[i].name,   kModel.symbol(session->kernels, i),
              kModel.ops[i].x_bits, kModel.ops[i].w_bits,
              kModel.ops[i].macs,   session->nanoseconds[i]};
  }
  return BLUESTEM_OK;
}

}  // extern "C"
