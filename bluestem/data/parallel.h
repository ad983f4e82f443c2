// ParallelFor: a loop over independent items on a few threads. Not a pool: threads live for one
// loop.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace bluestem::data {

// Calls body(i) once for each i in [0, count), on `threads` threads (at least one, the caller's
// among them), in no particular order. Requires: body may run on several threads at once and does
// not throw.
template <typename Body>
void ParallelFor(int64_t count, int64_t threads, const Body& body) {
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
  };
  std::vector<std::thread> others;
  for (int64_t t = 1; t < std::min(threads, count); ++t) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

}  // namespace bluestem::data
