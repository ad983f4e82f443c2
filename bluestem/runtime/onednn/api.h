// api: oneDNN, loaded when the first session asks for it. A program that links a library of 40 MB
// pays for it at each start; this one's other commands do not.
//
// Threads: any.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "bluestem/base/status.h"
#include "bluestem/kernels/isa.h"

namespace bluestem::runtime {

// The C functions that are used; a list, as each is declared and looked up. Every run of the
// formatter would lay it out anew.
// clang-format off
#define BLUESTEM_ONEDNN_FUNCTIONS(X) \
  X(engine_create) X(get_effective_cpu_isa) X(stream_create) X(stream_destroy) \
  X(memory_create) X(memory_destroy) X(memory_desc_init_by_tag) X(memory_desc_equal) \
  X(memory_desc_get_size) X(memory_set_data_handle) X(post_ops_create) \
  X(post_ops_destroy) X(post_ops_append_eltwise) X(primitive_attr_create) \
  X(primitive_attr_destroy) X(primitive_attr_set_output_scales) \
  X(primitive_attr_set_post_ops) X(primitive_attr_set_scratchpad_mode) \
  X(dilated_convolution_forward_desc_init) X(primitive_desc_create) \
  X(primitive_desc_destroy) X(primitive_desc_query_md) X(reorder_primitive_desc_create) \
  X(primitive_create) X(primitive_destroy) X(primitive_execute)
// clang-format on

struct OnednnApi {
#define BLUESTEM_DECLARE(name) decltype(&dnnl_##name) name = nullptr;
  BLUESTEM_ONEDNN_FUNCTIONS(BLUESTEM_DECLARE)
#undef BLUESTEM_DECLARE
  // Of its OpenMP: how many threads the calling one may use.
  int (*get_threads)() = nullptr;
  void (*set_threads)(int) = nullptr;
  dnnl_engine_t engine = nullptr;  // the CPU; never destroyed
};

// Returns the functions of that library. Errors: kUnavailable where it is not installed, lacks one
// of them or has no OpenMP, saying which.
Result<OnednnApi> LoadOnednnFrom(const char* library);

// Returns those of libdnnl.so.2, as they were found the first time.
Result<const OnednnApi*> LoadOnednn();

// Returns the instruction set that its best kernels need, of ours. AVX-VNNI is none of ours.
kernels::Isa NeededIsa(dnnl_cpu_isa_t isa);
// Returns "avx512_core_vnni", ...: its own names.
const char* IsaText(dnnl_cpu_isa_t isa);
// Returns true if four products are summed in 32 bits; otherwise two are in 16, and saturate.
bool SumsInWords(dnnl_cpu_isa_t isa);

}  // namespace bluestem::runtime
