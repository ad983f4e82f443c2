// The files of a board's engine, opened and mapped.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "bluestem/fpga/engine/uio.h"

namespace bluestem::fpga {
namespace {

Status OpenError(const Path& path, int error) {
  if (error == EACCES || error == EPERM) {
    return Error(Code::kUnavailable,
                 "{}: permission denied; install board/de10-nano/90-bluestem.rules and join its "
                 "group: sudo adduser $USER bluestem, then log in again",
                 path.string());
  }
  return Error(Code::kUnavailable, "{}: {}; is the driver's module loaded? see dmesg",
               path.string(), std::strerror(error));
}

// A file with a part of it in memory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
    if (file_ >= 0) ::close(file_);
  }

  // Without O_SYNC, so that what is mapped of u-dma-buf is cached.
  Status Open(const Path& path, uint64_t bytes) {
    file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0) return OpenError(path, errno);
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (data == MAP_FAILED) return OpenError(path, errno);
    data_ = static_cast<uint8_t*>(data);
    bytes_ = bytes;
    return OkStatus();
  }

  int file() const { return file_; }
  uint8_t* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  int file_ = -1;
  uint8_t* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// What was written to memory is there before the register is: the doorbell comes last. The other
// way the interrupt's register comes first.
void Barrier() {
#if defined(__arm__)
  asm volatile("dsb" ::: "memory");
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

class MappedUio : public UioAccess {
 public:
  Status Open(const UioFiles& files) {
    BLUESTEM_RETURN_IF_ERROR(registers_.Open(files.registers, kRegisterBytes));
    if (::flock(registers_.file(), LOCK_EX | LOCK_NB) != 0) {
      return Error(Code::kUnavailable,
                   "{}: the engine is in use; end the program that has it (fuser {})",
                   files.registers.string(), files.registers.string());
    }
    return memory_.Open(files.memory, files.memory_bytes);
  }

  uint32_t Read(uint32_t offset) override {
    const uint32_t value = *Word(offset);
    Barrier();
    return value;
  }
  void Write(uint32_t offset, uint32_t value) override {
    Barrier();
    *Word(offset) = value;
  }

  void EnableInterrupt() override {
    const uint32_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(registers_.file(), &one, sizeof(one));
  }
  bool WaitInterrupt(std::chrono::nanoseconds timeout) override {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const timespec limit = {static_cast<time_t>(seconds.count()),
                            static_cast<long>((timeout - seconds).count())};
    pollfd wanted = {registers_.file(), POLLIN, 0};
    if (::ppoll(&wanted, 1, &limit, nullptr) != 1) return false;
    uint32_t count = 0;  // of interrupts so far
    return ::read(registers_.file(), &count, sizeof(count)) == sizeof(count);
  }

  std::span<uint8_t> memory() override { return {memory_.data(), memory_.bytes()}; }

 private:
  volatile uint32_t* Word(uint32_t offset) {
    return reinterpret_cast<volatile uint32_t*>(registers_.data() + offset);
  }

  Mapping registers_, memory_;
};

}  // namespace

Result<std::unique_ptr<UioAccess>> OpenUio(const UioFiles& files) {
  auto access = std::make_unique<MappedUio>();
  BLUESTEM_RETURN_IF_ERROR(access->Open(files));
  return std::unique_ptr<UioAccess>(std::move(access));
}

}  // namespace bluestem::fpga
