// What a process that trains sets once, and what it is linked with.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "bluestem/train/internal/device.h"
#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/torch.h"

namespace bluestem::train {
namespace {

#if __has_include(<malloc.h>)
// Has what the heap's beginning will hold in pages of 2 MB: maps that are read once a pass miss a
// table of pages of 4 KB. Reserves addresses, not memory; where it cannot, pages stay as they are.
void UseLargePages() {
#if defined(MADV_HUGEPAGE)
  constexpr size_t kHeap = size_t{3} << 28, kPage = size_t{1} << 21;
  void* const begin = std::malloc(kHeap);
  if (begin == nullptr) return;
  const size_t skip = kPage - reinterpret_cast<uintptr_t>(begin) % kPage;
  madvise(static_cast<char*>(begin) + skip, kHeap - 2 * kPage, MADV_HUGEPAGE);
  std::free(begin);  // keeps its place in the heap
#endif
}

// Each step takes and frees the same maps: handing them back to the system costs a tenth of it.
// An older glibc refuses the first, without which the second makes it worse.
bool KeepMemory() {
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) != 1) return false;
  mallopt(M_TRIM_THRESHOLD, INT32_MAX);
  UseLargePages();
  return true;
}
#endif

}  // namespace

int UseThreads(int64_t threads) {
  // LibTorch's own default may be one thread; 0 means every core.
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  at::set_num_threads(static_cast<int>(threads > 0 ? threads : std::max<int64_t>(cores, 1)));
#if __has_include(<malloc.h>)
  static const bool keeps = KeepMemory();  // once a process
  static_cast<void>(keeps);
#endif
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  return at::get_num_threads();
}

std::string TorchVersion() {
  return fmt::format("LibTorch {}.{}.{}{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR,
                     TORCH_VERSION_PATCH, at::globalContext().hasMKLDNN() ? ", oneDNN" : "");
}

CudaDevices FindCuda() {
  const auto count = static_cast<int64_t>(at::getNumGPUs());
  if (count > 0) return {.count = count, .reason = {}};
  // Of a library with CUDA whether or not a device is there.
  const bool built = at::detail::getCUDAHooks().compiledWithCuDNN();
  return {.count = 0,
          .reason = built ? "LibTorch finds no CUDA device (see nvidia-smi)"
                          : "this LibTorch is built without CUDA"};
}

}  // namespace bluestem::train
