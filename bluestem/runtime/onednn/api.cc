#ifdef BLUESTEM_HAS_ONEDNN

#include "bluestem/runtime/onednn/api.h"

#include <dlfcn.h>

namespace bluestem::runtime {
namespace {

// Looks functions up and remembers the first that is not there.
struct Symbols {
  void* handle;
  const char* missing = nullptr;

  template <typename Function>
  void Find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(::dlsym(handle, name));
    if (function == nullptr && missing == nullptr) missing = name;
  }
};

}  // namespace

Result<OnednnApi> LoadOnednnFrom(const char* library) {
  void* handle = ::dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    return Error(Code::kUnavailable, "oneDNN is not installed ({}): tools/setup onednn",
                 ::dlerror());
  }
  OnednnApi api;
  Symbols symbols{handle};
#define BLUESTEM_FIND(name) symbols.Find(api.name, "dnnl_" #name);
  BLUESTEM_ONEDNN_FUNCTIONS(BLUESTEM_FIND)
#undef BLUESTEM_FIND
  symbols.Find(api.get_threads, "omp_get_max_threads");
  symbols.Find(api.set_threads, "omp_set_num_threads");
  if (symbols.missing != nullptr) {
    return Error(Code::kUnavailable, "{} has no {}: install Debian 12's oneDNN (libdnnl2)", library,
                 symbols.missing);
  }
  if (api.engine_create(&api.engine, dnnl_cpu, 0) != dnnl_success) {
    return Error(Code::kUnavailable, "{} makes no engine of this CPU", library);
  }
  return api;
}

Result<const OnednnApi*> LoadOnednn() {
  static const Result<OnednnApi> api = LoadOnednnFrom("libdnnl.so.2");
  if (!api.ok()) return api.status();
  return &*api;
}

kernels::Isa NeededIsa(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41: return kernels::Isa::kSse4;
    case dnnl_cpu_isa_avx:
    case dnnl_cpu_isa_avx2:
    case dnnl_cpu_isa_avx2_vnni: return kernels::Isa::kAvx2;
    case dnnl_cpu_isa_avx512_core: return kernels::Isa::kAvx512;
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16: return kernels::Isa::kAvx512Vnni;
    default: return kernels::Isa::kAmx;
  }
}

const char* IsaText(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    default: return "avx512_core_amx";
  }
}

bool SumsInWords(dnnl_cpu_isa_t isa) {
  constexpr uint32_t kVnni512 = dnnl_cpu_isa_avx512_core_vnni;
  const auto bits = static_cast<uint32_t>(isa);
  return isa == dnnl_cpu_isa_avx2_vnni || (bits & kVnni512) == kVnni512;
}

}  // namespace bluestem::runtime

#endif  // BLUESTEM_HAS_ONEDNN
