#include "bluestem/edge/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace bluestem::edge {
namespace {

// How long a thread looks for work, or the caller for the end of a job, before it sleeps. Waking
// costs the waker some 10 us and the sleeper 20, in a virtual machine 50; within an inference what
// is between two jobs takes less than this, and so does waiting for a core that is half as fast.
constexpr int64_t kSpinNanoseconds = 100000;
constexpr int32_t kPausesPerClock = 64;  // a pause takes 1 to 50 ns, as the CPU likes

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

// What one side writes often has a cache line of its own. A line goes from core to core in some 100
// ns, so a job costs as few as can be: the one that is polled, those of the job, and the count.
struct alignas(64) ThreadPool {
  uint64_t open;  // a bit for each part that nobody has taken; the others poll it
  // Written by the caller before `open`, read by whoever has taken a part: a job does not end, and
  // so the next one does not begin, before that part has.
  int32_t parts;
  PartFn fn;
  alignas(64) uint8_t job[kMaxJobBytes];

  alignas(64) uint32_t ended;  // parts that the others did, of all jobs; the caller sleeps on it
  uint32_t caller_sleeps;
  alignas(64) uint32_t epoch;  // of wakings; the others sleep on it
  uint32_t sleepers;
  uint32_t stopping;
  alignas(64) uint32_t expected;  // what `ended` will be; the caller's own
  int32_t threads;

  Worker* workers() { return reinterpret_cast<Worker*>(this + 1); }
};

namespace {

// Returns whether `done` came true within kSpinNanoseconds.
template <typename Done>
bool Spin(Done done) {
  const auto now = [] {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
  };
  const int64_t end = now() + kSpinNanoseconds;
  do {
    for (int32_t i = 0; i < kPausesPerClock; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (now() < end);
  return false;
}

// Returns which of the open parts `worker` should take: the first of its own, so that it works on
// the same rows in every layer and finds them in its cache; else the last of all. `parts` may be
// the next job's already, where others end this one meanwhile: any part will do.
int32_t Choose(uint64_t open, int32_t parts, int32_t worker, int32_t threads) {
  const int32_t begin = worker * parts / threads;
  const int32_t end = (worker + 1) * parts / threads;
  const uint64_t own = end == begin ? 0 : open >> begin << begin & UINT64_MAX >> (kMaxParts - end);
  return own != 0 ? __builtin_ctzll(own) : kMaxParts - 1 - __builtin_clzll(open);
}

// Takes parts and does them until none is left to take. Returns how many.
uint32_t Work(ThreadPool& pool, int32_t worker) {
  uint32_t count = 0;
  uint64_t open = Load(&pool.open);
  while (open != 0) {
    const int32_t part = Choose(open, Load(&pool.parts), worker, pool.threads);
    if (!__atomic_compare_exchange_n(&pool.open, &open, open & ~(uint64_t{1} << part), false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      continue;  // `open` is what stands there now
    }
    pool.fn(pool.job, part, worker);
    ++count;
    if (worker != 0) {
      Add(&pool.ended, uint32_t{1});
      if (Load(&pool.caller_sleeps) != 0) FutexWake(&pool.ended);
    }
    open = Load(&pool.open);
  }
  return count;
}

bool HasWork(ThreadPool& pool) {
  return Load(&pool.open) != 0 || Load(&pool.stopping) != 0;
}

// Returns when there is work or the pool stops. `epoch` is read before the work is looked for, and
// moves on after work was put there. A caller looks for sleepers without a fence after its work:
// one that it does not see yet has some pauses left to see the work. If not, the caller does it
// all.
void AwaitWork(ThreadPool& pool) {
  if (Spin([&pool] { return HasWork(pool); })) return;
  for (;;) {
    const uint32_t epoch = Load(&pool.epoch);
    Add(&pool.sleepers, uint32_t{1});
    bool work = false;
    for (int32_t i = 0; i < kPausesPerClock && !work; ++i, Pause()) work = HasWork(pool);
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
  FutexWake(&pool.epoch);
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

void RunParts(ThreadPool* pool, int32_t parts, PartFn fn, const void* job, size_t bytes) {
  if (parts <= 0) return;
  pool->fn = fn;
  memcpy(pool->job, job, bytes);
  __atomic_store_n(&pool->parts, parts, __ATOMIC_RELAXED);
  // The first part is the caller's: nobody can take it. No instruction here waits for the lines
  // that the others hold.
  __atomic_store_n(&pool->open, (UINT64_MAX >> (kMaxParts - parts)) - 1, __ATOMIC_RELEASE);
  if (parts > 1 && Load(&pool->sleepers) != 0) WakeOthers(*pool);
  fn(job, 0, 0);
  pool->expected += static_cast<uint32_t>(parts) - 1 - Work(*pool, 0);
  const auto ended = [pool] { return Load(&pool->ended) == pool->expected; };
  if (Spin(ended)) return;
  Store(&pool->caller_sleeps, uint32_t{1});
  for (uint32_t count = Load(&pool->ended); count != pool->expected; count = Load(&pool->ended)) {
    FutexWait(&pool->ended, count);
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
