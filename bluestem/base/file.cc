#include "bluestem/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace bluestem {
namespace {

namespace fs = std::filesystem;

Status Fail(const Path& path, const char* action, int error) {
  return Error(Code::kIo, "{}: cannot {}: {}", path.string(), action, std::strerror(error));
}

Path Beside(const Path& path) {
  const std::string name = path.filename().string();
  return path.parent_path() / fmt::format(".{}.{}.partial", name, ::getpid());
}

std::string_view AsText(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status WriteAndRename(const Path& path, std::string_view content, bool flush) {
  const Path partial = Beside(path);
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Fail(path, "write", errno);
  size_t done = 0;
  int error = 0;
  while (done < content.size()) {
    const ssize_t put = ::write(fd, content.data() + done, content.size() - done);
    if (put < 0) {
      if (errno == EINTR) continue;  // Ctrl-C: who is asked to stop finishes its file
      error = errno;
      break;
    }
    done += static_cast<size_t>(put);
  }
  while (flush && error == 0 && ::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    if (errno != EINVAL && errno != EROFS) error = errno;
    break;
  }
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(partial.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(partial.c_str());
    return Fail(path, "write", error);
  }
  return OkStatus();
}

}  // namespace

Result<Bytes> ReadFile(const Path& path, uint64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Fail(path, "open", errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || S_ISDIR(info.st_mode)) {
    const int error = S_ISDIR(info.st_mode) ? EISDIR : errno;
    ::close(fd);
    return Fail(path, "read", error);
  }
  if (static_cast<uint64_t>(info.st_size) > max_bytes) {
    ::close(fd);
    return Error(Code::kInvalidData, "{}: {} bytes; at most {} are read", path.string(),
                 info.st_size, max_bytes);
  }
  Bytes bytes(static_cast<size_t>(info.st_size));
  size_t done = 0;
  while (true) {  // a pipe or /proc file has st_size 0 and grows as it is read
    if (done == bytes.size()) {
      if (done >= max_bytes && done > 0) break;
      uint8_t probe = 0;
      ssize_t more = 0;
      do more = ::read(fd, &probe, 1);
      while (more < 0 && errno == EINTR);
      if (more <= 0) break;
      bytes.push_back(probe);
      ++done;
      bytes.resize(done + (size_t{1} << 16));
    }
    const ssize_t got = ::read(fd, bytes.data() + done, bytes.size() - done);
    if (got < 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      ::close(fd);
      return Fail(path, "read", error);
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  ::close(fd);
  bytes.resize(done);
  return bytes;
}

Result<std::string> ReadTextFile(const Path& path, uint64_t max_bytes) {
  BLUESTEM_ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, max_bytes));
  return std::string(bytes.begin(), bytes.end());
}

Status WriteFile(const Path& path, std::string_view content) {
  return WriteAndRename(path, content, true);
}

Status WriteFile(const Path& path, const Bytes& content) {
  return WriteAndRename(path, AsText(content), true);
}

Status WriteFileUnflushed(const Path& path, std::string_view content) {
  return WriteAndRename(path, content, false);
}

Status WriteFileUnflushed(const Path& path, const Bytes& content) {
  return WriteAndRename(path, AsText(content), false);
}

Status MakeFolder(const Path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return Error(Code::kIo, "{}: cannot create the folder: {}", path.string(), error.message());
  return OkStatus();
}

Result<StagedFolder> StagedFolder::Create(const Path& target) {
  const Path clean = target.has_filename() ? target : target.parent_path();
  if (clean.has_parent_path()) BLUESTEM_RETURN_IF_ERROR(MakeFolder(clean.parent_path()));
  const Path staging = Beside(clean);
  std::error_code error;
  fs::remove_all(staging, error);
  BLUESTEM_RETURN_IF_ERROR(MakeFolder(staging));
  return StagedFolder(clean, staging);
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : target_(std::move(other.target_)), staging_(std::move(other.staging_)) {
  other.staging_.clear();
}

StagedFolder::~StagedFolder() {
  if (staging_.empty()) return;
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

Status StagedFolder::Commit() {
  std::error_code error;
  const Path old = Path(staging_).concat(".old");
  const bool had_old = fs::exists(target_);
  if (had_old) {
    fs::rename(target_, old, error);
    if (error) return Error(Code::kIo, "{}: cannot replace: {}", target_.string(), error.message());
  }
  fs::rename(staging_, target_, error);
  if (error) {
    std::error_code ignored;
    if (had_old) fs::rename(old, target_, ignored);
    return Error(Code::kIo, "{}: cannot write: {}", target_.string(), error.message());
  }
  staging_.clear();
  fs::remove_all(old, error);
  return OkStatus();
}

}  // namespace bluestem
