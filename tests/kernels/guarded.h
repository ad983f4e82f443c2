// guarded: test buffers with guard bytes on both sides, and a small random generator.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define BLUESTEM_GUARDS_ARE_POISONED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLUESTEM_GUARDS_ARE_POISONED 1
#endif
#endif
#ifdef BLUESTEM_GUARDS_ARE_POISONED
#include <sanitizer/asan_interface.h>
#endif

namespace bluestem::kernels {

// Bytes at a chosen distance from a 64-byte boundary, between guards that Intact() checks. With
// AddressSanitizer reading a guard is an error, too: of the first byte behind the buffer on, and of
// those before it up to the last boundary of 8.
class Guarded {
 public:
  Guarded(size_t bytes, size_t misalignment, uint8_t fill) : bytes_(bytes) {
    storage_.assign(bytes + misalignment + 3 * kGuard, kPattern);
    const size_t address = reinterpret_cast<size_t>(storage_.data()) + kGuard;
    begin_ = kGuard + (kGuard - address % kGuard) % kGuard + misalignment;
    std::memset(data(), fill, bytes);
    Poison();
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { Unpoison(); }

  uint8_t* data() { return storage_.data() + begin_; }
  const uint8_t* data() const { return storage_.data() + begin_; }
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data());
  }
  size_t size() const { return bytes_; }

  // True if no byte outside of the buffer was written.
  bool Intact() const {
    Unpoison();
    bool intact = true;
    for (size_t i = 0; i < storage_.size(); ++i) {
      const bool inside = i >= begin_ && i < begin_ + bytes_;
      intact = intact && (inside || storage_[i] == kPattern);
    }
    Poison();
    return intact;
  }

 private:
#ifdef BLUESTEM_GUARDS_ARE_POISONED
  void Poison() const {
    const size_t end = begin_ + bytes_;
    ASAN_POISON_MEMORY_REGION(storage_.data(), begin_);
    ASAN_POISON_MEMORY_REGION(storage_.data() + end, storage_.size() - end);
  }
  void Unpoison() const {
    ASAN_UNPOISON_MEMORY_REGION(storage_.data(), storage_.size());
  }
#else
  void Poison() const {}
  void Unpoison() const {}
#endif

  static constexpr size_t kGuard = 64;
  static constexpr uint8_t kPattern = 0xa5;
  std::vector<uint8_t> storage_;
  size_t begin_ = 0;
  size_t bytes_ = 0;
};

// xorshift64*: the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint32_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1du) >> 32);
  }
  // Uniform in [low, high].
  int32_t In(int32_t low, int32_t high) {
    const uint64_t span = static_cast<uint64_t>(int64_t{high} - low + 1);
    return static_cast<int32_t>(low + static_cast<int64_t>(Next() * span >> 32));
  }
  // A real number in (-1, 1).
  float Real() { return static_cast<float>(In(-(1 << 23), 1 << 23)) / ((1 << 23) + 1.0f); }

 private:
  uint64_t state_;
};

}  // namespace bluestem::kernels
