// Rng: the project's own random numbers, the same bits on every machine and compiler (the standard
// library's distributions are not). Not for cryptography.
//
// Source: xoshiro256** 1.0 and SplitMix64 (Blackman, Vigna, "Scrambled linear pseudorandom number
// generators", 2018, arXiv 1805.01407). Threads: one Rng belongs to one thread. Ownership: a value;
// its state can be saved and restored.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bluestem {

// Returns the next number of the SplitMix64 sequence and advances `state`.
constexpr uint64_t SplitMix64(uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Rng {
 public:
  explicit Rng(uint64_t seed) { Seed(seed); }

  // An independent stream for each (seed, a, b): every word is mixed before the next one enters.
  Rng(uint64_t seed, uint64_t a, uint64_t b) {
    uint64_t state = seed;
    uint64_t mixed = SplitMix64(state) ^ a;
    mixed = SplitMix64(mixed) ^ b;
    Seed(SplitMix64(mixed));
  }

  uint64_t Next() {
    const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = RotateLeft(state_[3], 45);
    return result;
  }

  // Returns an unbiased number in [0, bound), by rejection. Requires: bound > 0.
  uint64_t Below(uint64_t bound) {
    const uint64_t reject_below = (0 - bound) % bound;  // 2^64 mod bound
    while (true) {
      const uint64_t value = Next();
      if (value >= reject_below) return value % bound;
    }
  }

  // Returns a number in [0, 1) with 53 random bits.
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // Returns a number in [low, high). Requires: low <= high.
  double Uniform(double low, double high) { return low + (high - low) * Unit(); }

  // Permutes `items` (Fisher-Yates, last to first).
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  static constexpr uint64_t RotateLeft(uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
  }
  void Seed(uint64_t seed) {
    for (uint64_t& word : state_) word = SplitMix64(seed);
  }
  std::array<uint64_t, 4> state_{};
};

}  // namespace bluestem
