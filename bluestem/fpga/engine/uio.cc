#include "bluestem/fpga/engine/uio.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace bluestem::fpga {
namespace {

constexpr const char* kEngineName = "bluestem-engine";
constexpr const char* kMemoryName = "bluestem-memory";
constexpr const char* kLoad =
    "load bitstream and device tree: sudo systemctl restart bluestem-fpga (board/de10-nano)";
constexpr uint64_t kAlignment = 64;
constexpr double kLeastMegahertz = 50;  // no build is slower: a wait may be too long, not too short

// Returns the first line of a file of sysfs, or "" where there is none.
std::string SysfsLine(const Path& path) {
  const Result<std::string> text = ReadTextFile(path);
  return text.ok() ? text->substr(0, text->find('\n')) : "";
}

// "4096" or "0x00001000". Errors: kUnavailable.
Result<uint64_t> SysfsNumber(const Path& path) {
  const std::string line = SysfsLine(path);
  char* end = nullptr;
  const uint64_t value = std::strtoull(line.c_str(), &end, 0);
  if (line.empty() || *end != '\0') {
    return Error(Code::kUnavailable, "{}: got '{}', expected a number; {}", path.string(), line,
                 kLoad);
  }
  return value;
}

// Returns the folder of the engine's UIO device.
Result<Path> FindEngine(const Path& folder) {
  std::string others;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = SysfsLine(entry.path() / "name");
    if (name == kEngineName) return entry.path();
    others += (others.empty() ? "" : ", ") + name;
  }
  return Error(Code::kUnavailable, "{}: no UIO device '{}' (there is: {}); {}", folder.string(),
               kEngineName, others.empty() ? "none" : others, kLoad);
}

}  // namespace

Result<UioFiles> FindUio(const Path& root) {
  UioFiles files;
  BLUESTEM_ASSIGN_OR_RETURN(const Path engine, FindEngine(root / "sys/class/uio"));
  files.registers = root / "dev" / engine.filename();
  const Path size = engine / "maps/map0/size";
  BLUESTEM_ASSIGN_OR_RETURN(const uint64_t register_bytes, SysfsNumber(size));
  if (register_bytes < kRegisterBytes) {
    return Error(Code::kUnavailable,
                 "{}: {} bytes of registers, the engine has {}; correct 'reg' in bluestem.dtso",
                 size.string(), register_bytes, kRegisterBytes);
  }
  const Path memory = root / "sys/class/u-dma-buf" / kMemoryName;
  if (std::error_code error; !std::filesystem::exists(memory, error)) {
    return Error(Code::kUnavailable,
                 "{}: no DMA buffer; load its driver, sudo modprobe u-dma-buf, then {}",
                 memory.string(), kLoad);
  }
  files.memory = root / "dev" / kMemoryName;
  BLUESTEM_ASSIGN_OR_RETURN(files.memory_bytes, SysfsNumber(memory / "size"));
  BLUESTEM_ASSIGN_OR_RETURN(files.memory_address, SysfsNumber(memory / "phys_addr"));
  if (files.memory_bytes > kCoherentBytes ||
      files.memory_address > kCoherentBytes - files.memory_bytes) {
    return Error(Code::kUnavailable,
                 "{}: {} bytes at {:#x} reach past the first gigabyte, which is all that the "
                 "coherency port shows; make 'size' in bluestem.dtso smaller",
                 memory.string(), files.memory_bytes, files.memory_address);
  }
  return files;
}

Result<std::unique_ptr<UioPort>> UioPort::Open(const Path& root) {
  BLUESTEM_ASSIGN_OR_RETURN(UioFiles files, FindUio(root));
  BLUESTEM_ASSIGN_OR_RETURN(std::unique_ptr<UioAccess> access, OpenUio(files));
  return std::make_unique<UioPort>(std::move(files), std::move(access));
}

uint32_t UioPort::Read(Register offset) {
  return access_->Read(static_cast<uint32_t>(offset));
}

void UioPort::Write(Register offset, uint32_t value) {
  access_->Write(static_cast<uint32_t>(offset), value);
}

// The register first: a picture's list ends before an interrupt would pay. An interrupt may be an
// old one, of a list that was given up; the register tells.
bool UioPort::Wait(int64_t clocks) {
  using Clock = std::chrono::steady_clock;
  const auto limit = std::chrono::nanoseconds(
      static_cast<int64_t>(static_cast<double>(clocks) * 1e3 / kLeastMegahertz));
  const Clock::time_point start = Clock::now();
  const Clock::time_point end = start + limit;
  const Clock::time_point asleep = start + std::min<Clock::duration>(limit, polled_);
  do {
    if ((Read(Register::kIrqPending) & 1) != 0) return true;
  } while (Clock::now() < asleep);
  do {
    access_->EnableInterrupt();
    const bool came = access_->WaitInterrupt(std::max(end - Clock::now(), Clock::duration(0)));
    if ((Read(Register::kIrqPending) & 1) != 0) return true;
    if (!came) return false;
  } while (Clock::now() < end);
  return false;
}

Result<uint64_t> UioPort::FindRoom(uint64_t bytes) const {
  std::vector<std::pair<uint64_t, uint64_t>> taken;  // offset and end
  for (const auto& [buffer, room] : rooms_)
    taken.emplace_back(room.offset, room.offset + room.bytes);
  std::sort(taken.begin(), taken.end());
  uint64_t at = 0;
  for (const auto& [offset, end] : taken) {
    if (offset >= at && offset - at >= bytes) break;
    at = (end + kAlignment - 1) / kAlignment * kAlignment;
  }
  if (at <= files_.memory_bytes && bytes <= files_.memory_bytes - at) return at;
  return Error(Code::kUnavailable,
               "{}: {} bytes of {} are left, {} are needed; set 'size' in bluestem.dtso to at "
               "least {}, and cma=256M on the kernel's command line where that fails",
               files_.memory.string(), files_.memory_bytes - std::min(at, files_.memory_bytes),
               files_.memory_bytes, bytes, at + bytes);
}

Status UioPort::Keep(const std::vector<uint8_t>& buffer) {
  Release(buffer);
  BLUESTEM_ASSIGN_OR_RETURN(const uint64_t offset, FindRoom(buffer.size()));
  rooms_[buffer.data()] = {.offset = offset, .bytes = buffer.size(), .kept = true};
  return OkStatus();
}

void UioPort::Release(const std::vector<uint8_t>& buffer) {
  rooms_.erase(buffer.data());
}

Result<uint32_t> UioPort::Attach(std::vector<uint8_t>& buffer,
                                 const std::vector<BufferRange>& changed) {
  const bool idle = (Read(Register::kStatus) & 0xff) == static_cast<uint32_t>(EngineStatus::kIdle);
  hangs_ = hangs_ && !idle && (Read(Register::kIrqPending) & 1) == 0;
  if (hangs_) {
    return Error(Code::kUnavailable, "the engine still runs a list that did not end; {}", kLoad);
  }
  auto room = rooms_.find(buffer.data());
  if (room == rooms_.end() || room->second.bytes != buffer.size()) {
    BLUESTEM_RETURN_IF_ERROR(Keep(buffer));
    room = rooms_.find(buffer.data());
    room->second.kept = false;
  }
  uint8_t* to = access_->memory().data() + room->second.offset;
  const std::vector<BufferRange> all = {{0, buffer.size()}};
  for (const BufferRange& range : room->second.filled ? changed : all) {
    std::memcpy(to + range.address, buffer.data() + range.address, range.bytes);
    copied_bytes_ += range.bytes;
  }
  room->second.filled = true;
  return static_cast<uint32_t>(files_.memory_address + room->second.offset + kCoherentOffset);
}

void UioPort::Detach(std::vector<uint8_t>& buffer, const std::vector<BufferRange>& written) {
  const auto room = rooms_.find(buffer.data());
  if (room == rooms_.end()) return;
  const uint8_t* from = access_->memory().data() + room->second.offset;
  for (const BufferRange& range : written) {
    std::memcpy(buffer.data() + range.address, from + range.address, range.bytes);
    copied_bytes_ += range.bytes;
  }
  if (!room->second.kept) rooms_.erase(room);
}

}  // namespace bluestem::fpga
