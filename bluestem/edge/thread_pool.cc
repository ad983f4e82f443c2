#include "bluestem/edge/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bluestem::edge {
namespace {

constexpr int32_t kSpins = 1000;  // of a pause, some 30 ns each

struct Worker {
  ThreadPool* pool;
  int32_t index;
  pthread_t thread;
};

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield" ::: "memory");
#endif
}

void FutexWait(uint32_t* word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void FutexWake(uint32_t* word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

template <typename T>
T Load(const T* value) {
  return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}
template <typename T>
void Store(T* value, T to) {
  __atomic_store_n(value, to, __ATOMIC_SEQ_CST);
}
template <typename T>
T Add(T* value, T by) {
  return __atomic_add_fetch(value, by, __ATOMIC_SEQ_CST);
}

}  // namespace

// `open` holds the number of the job and, in its low half, how many parts nobody has taken: one
// word, so that a late thread cannot take a part of one job and read the next one's function. What
// one side writes often has a cache line of its own.
struct alignas(64) ThreadPool {
  // Written by the caller before `open`, read by whoever has taken a part.
  PartFn fn;
  const void* job;
  int32_t threads;
  uint32_t number;

  alignas(64) uint64_t open;
  alignas(64) uint32_t left;  // parts that have not ended; the caller sleeps on it
  uint32_t caller_sleeps;
  alignas(64) uint32_t epoch;  // of jobs; the others sleep on it
  uint32_t sleepers;
  uint32_t stopping;

  Worker* workers() { return reinterpret_cast<Worker*>(this + 1); }
};

namespace {

constexpr uint64_t kPartsMask = UINT32_MAX;

// Takes parts and does them until none is left to take.
void Work(ThreadPool& pool, int32_t worker) {
  uint64_t open = Load(&pool.open);
  while ((open & kPartsMask) != 0) {
    if (!__atomic_compare_exchange_n(&pool.open, &open, open - 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
      continue;  // `open` is what stands there now
    }
    pool.fn(pool.job, static_cast<int32_t>(open & kPartsMask) - 1, worker);
    if (Add(&pool.left, uint32_t{0} - 1) == 0 && Load(&pool.caller_sleeps) != 0) {
      FutexWake(&pool.left);
    }
    open = Load(&pool.open);
  }
}

bool HasWork(ThreadPool& pool) {
  return (Load(&pool.open) & kPartsMask) != 0 || Load(&pool.stopping) != 0;
}

// Returns when there is work or the pool stops. `epoch` is read before the work is looked for, and
// moves on after work was put there: no waking is lost.
void AwaitWork(ThreadPool& pool) {
  for (int32_t spin = 0; spin < kSpins; ++spin) {
    if (HasWork(pool)) return;
    Pause();
  }
  for (;;) {
    const uint32_t epoch = Load(&pool.epoch);
    Add(&pool.sleepers, uint32_t{1});
    const bool work = HasWork(pool);
    if (!work) FutexWait(&pool.epoch, epoch);
    Add(&pool.sleepers, uint32_t{0} - 1);
    if (work || HasWork(pool)) return;
  }
}

void* ThreadMain(void* argument) {
  auto& worker = *static_cast<Worker*>(argument);
  ThreadPool& pool = *worker.pool;
  while (Load(&pool.stopping) == 0) {
    Work(pool, worker.index);
    AwaitWork(pool);
  }
  return nullptr;
}

void WakeOthers(ThreadPool& pool) {
  Add(&pool.epoch, uint32_t{1});
  if (Load(&pool.sleepers) != 0) FutexWake(&pool.epoch);
}

}  // namespace

size_t ThreadPoolBytes(int32_t threads) {
  const size_t bytes = sizeof(ThreadPool) + sizeof(Worker) * static_cast<size_t>(threads);
  return (bytes + 63) / 64 * 64;
}

ThreadPool* StartThreads(int32_t threads, void* memory) {
  memset(memory, 0, ThreadPoolBytes(threads));
  auto* pool = static_cast<ThreadPool*>(memory);
  pool->threads = 1;
  for (int32_t i = 1; i < threads; ++i) {
    Worker& worker = pool->workers()[i];
    worker = {pool, i, {}};
    if (pthread_create(&worker.thread, nullptr, ThreadMain, &worker) != 0) {
      StopThreads(pool);
      return nullptr;
    }
    ++pool->threads;
  }
  return pool;
}

void StopThreads(ThreadPool* pool) {
  if (pool == nullptr) return;
  Store(&pool->stopping, uint32_t{1});
  WakeOthers(*pool);
  for (int32_t i = 1; i < pool->threads; ++i) pthread_join(pool->workers()[i].thread, nullptr);
}

void RunParts(ThreadPool* pool, int32_t parts, PartFn fn, const void* job) {
  if (parts <= 0) return;
  pool->fn = fn;
  pool->job = job;
  Store(&pool->left, static_cast<uint32_t>(parts));
  ++pool->number;
  Store(&pool->open, uint64_t{pool->number} << 32 | static_cast<uint32_t>(parts));
  WakeOthers(*pool);
  Work(*pool, 0);
  for (int32_t spin = 0; spin < kSpins; ++spin) {
    if (Load(&pool->left) == 0) return;
    Pause();
  }
  Store(&pool->caller_sleeps, uint32_t{1});
  for (uint32_t left = Load(&pool->left); left != 0; left = Load(&pool->left)) {
    FutexWait(&pool->left, left);
  }
  Store(&pool->caller_sleeps, uint32_t{0});
}

int32_t ResolveThreads(int32_t asked) {
  if (asked != 0) return asked < 0 || asked > kMaxThreads ? -1 : asked;
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  const int count = CPU_COUNT(&cores);
  return count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count;
}

}  // namespace bluestem::edge
