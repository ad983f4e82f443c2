// Plain values one after the other in bytes, as this machine has them (little endian on all of
// ours), for files of our own.
//
// Threads: an object belongs to one thread. Ownership: a reader's bytes outlive it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bluestem {

class ByteWriter {
 public:
  template <typename T>
  void Plain(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Raw(&value, sizeof(value));
  }
  // A count in 64 bits, then the values.
  template <typename T>
  void Array(const T& values) {
    static_assert(std::is_trivially_copyable_v<typename T::value_type>);
    Plain(static_cast<uint64_t>(values.size()));
    Raw(values.data(), values.size() * sizeof(typename T::value_type));
  }
  void Raw(const void* from, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

// Reads what a ByteWriter wrote, or anything else: after a read past the end everything is 0 and
// ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T Plain() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    Raw(&value, sizeof(value));
    return value;
  }
  template <typename T>
  T Array() {
    T values;
    values.resize(Count<uint64_t>(sizeof(typename T::value_type)));
    Raw(values.data(), values.size() * sizeof(typename T::value_type));
    return values;
  }
  // A count, written as an N, of things that take at least `each` bytes: never more than there is
  // room for.
  template <typename N>
  size_t Count(size_t each) {
    const auto count = Plain<N>();
    ok_ &= count <= bytes_.size() / each;
    return ok_ ? static_cast<size_t>(count) : 0;
  }
  void Raw(void* to, size_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return;
    }
    if (size > 0) std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace bluestem
