// thread_pool: the threads of one session. The caller is one of them; the others wait for parts of
// a job. Each thread has a run of parts, the same in every job of so many parts, and takes what
// others have not begun when it is done: a job ends even where the others come late or not at all.
// Threads cost time at most, never the answer.
//
// Between jobs the others look for work for some 100 microseconds, as the next call of a network
// follows within a few, and then sleep: an idle session burns no CPU. Waking a sleeper is one
// futex.
//
// Threads: a pool is used by one thread at a time. Memory: the caller's block; nothing is
// allocated but the threads' stacks, by pthread_create. No dependency but libc.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace bluestem::edge {

constexpr int32_t kMaxThreads = 64;
constexpr int32_t kMaxParts = 64;
constexpr size_t kMaxJobBytes = 256;

// Does part `part` of a job; `worker` (0 is the caller) says whose scratch it may use. What `job`
// points to holds best all that differs from job to job: a line of the caller's stack has to come
// from its cache first.
using PartFn = void (*)(const void* job, int32_t part, int32_t worker);

struct ThreadPool;

// Returns how many bytes a pool of `threads` needs, 64-byte aligned.
size_t ThreadPoolBytes(int32_t threads);

// Starts threads - 1 threads in `memory`. Returns null where the system has no more threads; then
// those that it began have ended. Requires: 1 <= threads <= kMaxThreads.
ThreadPool* StartThreads(int32_t threads, void* memory);

// Ends and joins the threads. Null is allowed.
void StopThreads(ThreadPool* pool);

// Calls fn(copy of job, part, worker) once for each part in [0, parts), on all threads, and returns
// when all have ended. Requires: parts <= kMaxParts, bytes <= kMaxJobBytes.
void RunParts(ThreadPool* pool, int32_t parts, PartFn fn, const void* job, size_t bytes);

// Returns how many threads `asked` means: itself, or for 0 as many as there are cores that this
// process may use; -1 where it is negative or above kMaxThreads.
int32_t ResolveThreads(int32_t asked);

}  // namespace bluestem::edge
