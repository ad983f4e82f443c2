#include "bluestem/edge/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <vector>

namespace bluestem::edge {
namespace {

// A pool with its memory.
class Pool {
 public:
  explicit Pool(int32_t threads)
      : memory_(std::aligned_alloc(64, ThreadPoolBytes(threads)), &std::free),
        pool_(StartThreads(threads, memory_.get())) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { StopThreads(pool_); }
  ThreadPool* get() { return pool_; }

 private:
  std::unique_ptr<void, void (*)(void*)> memory_;
  ThreadPool* pool_;
};

struct Job {
  std::vector<int32_t> done;  // how often each part ran
  std::atomic<uint64_t> workers{0};
};

// Runs parts of `job`, which is not copied.
template <typename Shared>
void RunShared(Pool& pool, int32_t parts, PartFn fn, Shared* job) {
  RunParts(pool.get(), parts, fn, &job, sizeof(job));
}

void Count(const void* job, int32_t part, int32_t worker) {
  Job& own = **static_cast<Job* const*>(job);
  ++own.done[static_cast<size_t>(part)];
  own.workers |= uint64_t{1} << worker;
}

TEST(ThreadPool, DoesEachPartOnceWhateverTheThreads) {
  for (const int32_t threads : {1, 2, 3, 8, kMaxThreads}) {
    Pool pool(threads);
    ASSERT_NE(pool.get(), nullptr);
    for (int32_t round = 0; round < 2000; ++round) {
      const int32_t parts = round % 100 == 99 ? kMaxParts : round % 7;
      Job job;
      job.done.assign(static_cast<size_t>(parts), 0);
      RunShared(pool, parts, Count, &job);
      for (const int32_t times : job.done) ASSERT_EQ(times, 1);
      ASSERT_EQ(job.workers & ~(UINT64_MAX >> (kMaxThreads - threads)), 0u);
    }
  }
}

// What a part wrote, whoever did it, is there when RunParts returns: the next job adds to it.
TEST(ThreadPool, AJobSeesWhatTheOneBeforeItWrote) {
  Pool pool(3);
  Job job;
  job.done.assign(5, 0);
  for (int32_t round = 1; round <= 3000; ++round) {
    RunShared(pool, 5, Count, &job);
    for (const int32_t times : job.done) ASSERT_EQ(times, round);
  }
}

// Parts that end only when all have begun, and so are done by a thread each.
struct Meeting {
  int32_t parts;
  std::atomic<int32_t> begun{0};
  std::vector<int32_t> workers;
};

void Meet(const void* job, int32_t part, int32_t worker) {
  Meeting& own = **static_cast<Meeting* const*>(job);
  own.workers[static_cast<size_t>(part)] = worker;
  ++own.begun;
  while (own.begun < own.parts) sched_yield();
}

TEST(ThreadPool, GivesEachThreadTheSamePartInEveryJob) {
  Pool pool(3);
  for (int32_t round = 0; round < 200; ++round) {
    Meeting job{.parts = 3, .workers = std::vector<int32_t>(3)};
    RunShared(pool, 3, Meet, &job);
    ASSERT_EQ(job.workers, (std::vector<int32_t>{0, 1, 2}));
  }
}

// The parts of a job read the copy, which is whole however long it is.
TEST(ThreadPool, GivesEachPartTheWholeJob) {
  struct Long {
    uint8_t bytes[kMaxJobBytes - sizeof(std::atomic<int32_t>*)];
    std::atomic<int32_t>* same;
  };
  static_assert(sizeof(Long) == kMaxJobBytes);
  Pool pool(3);
  for (int32_t round = 1; round <= 1000; ++round) {
    std::atomic<int32_t> same = 0;
    Long job{};
    std::fill(std::begin(job.bytes), std::end(job.bytes), static_cast<uint8_t>(round));
    job.same = &same;
    const auto check = [](const void* data, int32_t, int32_t) {
      const Long& own = *static_cast<const Long*>(data);
      for (const uint8_t byte : own.bytes) *own.same += byte == own.bytes[0] ? 1 : 0;
    };
    RunParts(pool.get(), 5, check, &job, sizeof(job));
    ASSERT_EQ(same, 5 * static_cast<int32_t>(sizeof(job.bytes)));
    ASSERT_EQ(job.bytes[0], static_cast<uint8_t>(round));
  }
}

TEST(ThreadPool, WakesSleepersAndBurnsNoCpuBetweenJobs) {
  Pool pool(2);
  const auto cpu_seconds = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  Job job;
  job.done.assign(4, 0);
  for (int32_t round = 1; round <= 20; ++round) {
    usleep(1000);  // longer than a thread looks for work
    RunShared(pool, 4, Count, &job);
    for (const int32_t times : job.done) ASSERT_EQ(times, round);
  }
  const double before = cpu_seconds();
  usleep(100000);
  EXPECT_LT(cpu_seconds() - before, 0.05);
}

TEST(ThreadPool, ResolvesHowManyThreadsAreMeant) {
  EXPECT_EQ(ResolveThreads(1), 1);
  EXPECT_EQ(ResolveThreads(kMaxThreads), kMaxThreads);
  EXPECT_EQ(ResolveThreads(kMaxThreads + 1), -1);
  EXPECT_EQ(ResolveThreads(-1), -1);
  EXPECT_GE(ResolveThreads(0), 1);
}

}  // namespace
}  // namespace bluestem::edge
