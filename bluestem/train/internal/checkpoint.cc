#include "bluestem/train/internal/checkpoint.h"

#include <array>
#include <cstring>

namespace bluestem::train {
namespace {

constexpr char kMagic[] = "BLUESTEM-CKPT 1\n";
constexpr size_t kMagicBytes = sizeof(kMagic) - 1;
constexpr size_t kFamilyBytes = 14;  // "BLUESTEM-CKPT ": the version follows

// CRC-32 as in IEEE 802.3 (reflected, polynomial 0xedb88320).
uint32_t Crc32(const uint8_t* data, size_t count) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> rows{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = (value & 1) != 0 ? 0xedb88320U ^ (value >> 1) : value >> 1;
      rows[i] = value;
    }
    return rows;
  }();
  uint32_t crc = 0xffffffffU;
  for (size_t i = 0; i < count; ++i) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
  return crc ^ 0xffffffffU;
}

void Put(Bytes& out, const void* data, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + count);
}
void PutSize(Bytes& out, uint64_t value) {
  Put(out, &value, sizeof(value));
}
void PutText(Bytes& out, const std::string& text) {
  PutSize(out, text.size());
  Put(out, text.data(), text.size());
}

// Reads forward through bytes that are already checked by their CRC; still never past the end.
struct Reader {
  const uint8_t* at;
  size_t left;
  bool ok = true;

  const uint8_t* Take(uint64_t count) {
    if (count > left) {
      ok = false;
      return nullptr;
    }
    const uint8_t* here = at;
    at += count;
    left -= count;
    return here;
  }
  uint64_t Size() {
    uint64_t value = 0;
    if (const uint8_t* bytes = Take(sizeof(value))) std::memcpy(&value, bytes, sizeof(value));
    return value;
  }
  std::string Text() {
    const uint64_t count = Size();
    const uint8_t* bytes = Take(count);
    return bytes == nullptr ? "" : std::string(reinterpret_cast<const char*>(bytes), count);
  }
  std::vector<float> Floats() {
    const uint64_t count = Size();
    const uint8_t* bytes =
        count > left / sizeof(float) ? Take(left + 1) : Take(count * sizeof(float));
    std::vector<float> values;
    if (bytes == nullptr) return values;
    values.resize(count);
    if (count > 0) std::memcpy(values.data(), bytes, count * sizeof(float));
    return values;
  }
};

}  // namespace

Status WriteCheckpoint(const Path& path, const Checkpoint& checkpoint) {
  Bytes payload;
  PutText(payload, checkpoint.info);
  PutSize(payload, checkpoint.arrays.size());
  for (const auto& [name, values] : checkpoint.arrays) {
    PutText(payload, name);
    PutSize(payload, values.size());
    Put(payload, values.data(), values.size() * sizeof(float));
  }
  Bytes file(kMagic, kMagic + kMagicBytes);
  PutSize(file, payload.size());
  Put(file, payload.data(), payload.size());
  const uint32_t crc = Crc32(payload.data(), payload.size());
  Put(file, &crc, sizeof(crc));
  return WriteFile(path, file);
}

Result<Checkpoint> ReadCheckpoint(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes file, ReadFile(path));
  return ParseCheckpoint(file, path);
}

Result<Checkpoint> ParseCheckpoint(const Bytes& file, const Path& path) {
  const auto corrupt = [&](const char* what) {
    return Error(Code::kInvalidData, "{}: corrupt checkpoint: {}", path.string(), what);
  };
  if (file.size() < kMagicBytes + 12) return corrupt("the file is truncated");
  if (std::memcmp(file.data(), kMagic, kFamilyBytes) != 0)
    return corrupt("it does not begin as a checkpoint does");
  if (std::memcmp(file.data(), kMagic, kMagicBytes) != 0)
    return corrupt("it is of another version than 1");
  Reader header{.at = file.data() + kMagicBytes, .left = file.size() - kMagicBytes};
  const uint64_t payload_bytes = header.Size();
  if (header.left < 4 || payload_bytes != header.left - 4)
    return corrupt("the file is truncated or has grown");
  uint32_t crc = 0;
  std::memcpy(&crc, file.data() + file.size() - 4, 4);
  if (crc != Crc32(header.at, payload_bytes)) return corrupt("its checksum does not match");
  Reader reader{.at = header.at, .left = payload_bytes};
  Checkpoint checkpoint;
  checkpoint.info = reader.Text();
  const uint64_t arrays = reader.Size();
  for (uint64_t i = 0; i < arrays && reader.ok; ++i) {
    std::string name = reader.Text();
    std::vector<float> values = reader.Floats();
    checkpoint.arrays.emplace_back(std::move(name), std::move(values));
  }
  if (!reader.ok || reader.left != 0) return corrupt("its arrays do not fill it");
  return checkpoint;
}

void Append(const std::vector<ParameterView>& views, Checkpoint& checkpoint) {
  for (const ParameterView& view : views) {
    checkpoint.arrays.emplace_back(view.name,
                                   std::vector<float>(view.value, view.value + view.count));
  }
}

Status Restore(const Checkpoint& checkpoint, const std::vector<ParameterView>& views,
               const std::string& place) {
  for (const ParameterView& view : views) {
    const std::vector<float>* found = nullptr;
    for (const auto& [name, values] : checkpoint.arrays) {
      if (name == view.name) found = &values;
    }
    if (found == nullptr || static_cast<int64_t>(found->size()) != view.count) {
      return Error(
          Code::kInvalidData,
          "{}: not a checkpoint of this network: {} has {} values in it; the network's has {}",
          place, view.name, found == nullptr ? 0 : found->size(), view.count);
    }
    std::copy(found->begin(), found->end(), view.value);
  }
  return OkStatus();
}

}  // namespace bluestem::train
