// Banks: which maps lie in the engine's banks while a list is made, and where.
//
// Threads: a Banks belongs to one thread. Ownership: a value; what Find and Hold return stays until
// Forget or Erase.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "bluestem/fpga/call_kind.h"

namespace bluestem::fpga {

// A map in the banks.
struct Held {
  MapLayout layout;
  int32_t base = 0;
  size_t last_use = 0;  // stage
};

// Whose it is: of which picture of a batch, and who wrote it to which offset.
struct HeldKey {
  int32_t picture = 0;
  int64_t writer = 0;  // a call, or a negative number
  int64_t offset = 0;
  auto operator<=>(const HeldKey&) const = default;
};

class Banks {
 public:
  // Returns where so many words are free, first fit; nothing where that is beyond `capacity`.
  std::optional<int32_t> Place(int32_t words, int32_t capacity) const;
  // Returns the map, or null.
  const Held* Find(const HeldKey& key) const;
  const Held& Hold(const HeldKey& key, const Held& held);
  // Frees the picture's maps that no stage after `stage` reads.
  void Forget(int32_t picture, size_t stage);
  void Erase(const HeldKey& key) { held_.erase(key); }
  const std::map<HeldKey, Held>& held() const { return held_; }

 private:
  std::map<HeldKey, Held> held_;
};

}  // namespace bluestem::fpga
