// How many instructions a program executes between two points, exactly, under qemu-user with
// tools/qemu_insns/insns.c.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace bluestem::bench {

class Counter {
 public:
  // `path`: the plugin's out=. Returns false if the plugin is not there, or does not count a loop
  // of known length as its length.
  bool Open(const char* path) {
    file_ = open(path, O_RDONLY);
    if (file_ < 0) return false;
    Now();
    const uint64_t begin = Now();
    empty_ = Now() - begin;
    // 3 instructions a round, and a few around the loop, always the same.
    int64_t around = 0;
    for (const int64_t rounds : {1, 10, 1000, 100000}) {
      const int64_t counted = Count([rounds] { Loop(static_cast<long>(rounds)); });
      if (rounds == 1) around = counted - 3;
      if (counted - around != 3 * rounds || around < 0 || around > 40) return false;
    }
    return true;
  }

  // Returns how many instructions `work` executes, and the few of calling it.
  template <typename Work>
  __attribute__((noinline)) int64_t Count(const Work& work) const {
    const uint64_t begin = Now();
    work();
    return static_cast<int64_t>(Now() - begin - empty_);
  }

  // Has the plugin write its histogram (hist=) of the instructions since the last call.
  static void Histogram() {
    constexpr long kHistogram = 0x626c7566;
    syscall(SYS_getppid, kHistogram);
  }

 private:
  static __attribute__((noinline)) void Loop(long rounds) {
    __asm__ volatile("1: subs %0, %0, #1\n nop\n bne 1b\n" : "+r"(rounds) : : "cc");
  }
  __attribute__((noinline)) uint64_t Now() const {
    constexpr long kMagic = 0x626c7565;
    uint64_t count = 0;
    syscall(SYS_getppid, kMagic);
    return pread(file_, &count, sizeof(count), 0) == sizeof(count) ? count : 0;
  }

  int file_ = -1;
  uint64_t empty_ = 0;
};

}  // namespace bluestem::bench
