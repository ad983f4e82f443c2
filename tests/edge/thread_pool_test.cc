#include "bluestem/edge/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
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

void Count(const void* job, int32_t part, int32_t worker) {
  auto& own = *static_cast<Job*>(const_cast<void*>(job));
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
      RunParts(pool.get(), parts, Count, &job);
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
    RunParts(pool.get(), 5, Count, &job);
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
  auto& own = *static_cast<Meeting*>(const_cast<void*>(job));
  own.workers[static_cast<size_t>(part)] = worker;
  ++own.begun;
  while (own.begun < own.parts) sched_yield();
}

TEST(ThreadPool, GivesEachThreadTheSamePartInEveryJob) {
  Pool pool(3);
  for (int32_t round = 0; round < 200; ++round) {
    Meeting job{.parts = 3, .workers = std::vector<int32_t>(3)};
    RunParts(pool.get(), 3, Meet, &job);
    ASSERT_EQ(job.workers, (std::vector<int32_t>{0, 1, 2}));
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
    RunParts(pool.get(), 4, Count, &job);
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
