// What a process that trains sets once, and what it is linked with.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <fmt/core.h>

#include <algorithm>
#include <thread>

#include "bluestem/train/internal/module.h"
#include "bluestem/train/internal/torch.h"

namespace bluestem::train {

int UseThreads(int64_t threads) {
  // LibTorch's own default may be one thread; 0 means every core.
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  at::set_num_threads(static_cast<int>(threads > 0 ? threads : std::max<int64_t>(cores, 1)));
#if __has_include(<malloc.h>)
  // Each step takes and frees the same maps: handing them back to the system costs a tenth of it.
  // An older glibc refuses the first, without which the second makes it worse.
  if (mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1) mallopt(M_TRIM_THRESHOLD, INT32_MAX);
#endif
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  return at::get_num_threads();
}

std::string TorchVersion() {
  return fmt::format("LibTorch {}.{}.{}{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR,
                     TORCH_VERSION_PATCH, at::globalContext().hasMKLDNN() ? ", oneDNN" : "");
}

}  // namespace bluestem::train
