// Files, read and written whole. A written file appears complete or not at all: it is written
// beside its name, flushed, and renamed.
//
// Threads: free functions without state; safe on different paths.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem {

using Path = std::filesystem::path;
using Bytes = std::vector<uint8_t>;

// Returns the bytes of `path`. Errors: kIo with the path and the system's reason; kInvalidData
// above `max_bytes`.
Result<Bytes> ReadFile(const Path& path, uint64_t max_bytes = uint64_t{4} << 30);
Result<std::string> ReadTextFile(const Path& path, uint64_t max_bytes = uint64_t{64} << 20);

// Writes `content` beside `path` and renames it over `path`; parent folders must exist.
// Errors: kIo (read-only, full disk), and then `path` is as it was and nothing is left beside it.
Status WriteFile(const Path& path, std::string_view content);
Status WriteFile(const Path& path, const Bytes& content);

// As WriteFile without the flush: a reader finds `path` complete or not at all, but a power cut
// may lose it. For what can be made again, where waiting for the disk (1 to 10 ms) is felt.
Status WriteFileUnflushed(const Path& path, std::string_view content);
Status WriteFileUnflushed(const Path& path, const Bytes& content);

// Creates `path` and its parents. Errors: kIo.
Status MakeFolder(const Path& path);

// A folder that becomes visible whole: fill path(), then Commit() renames it over `target` (an
// older `target` is replaced). Without Commit() the destructor removes everything.
class StagedFolder {
 public:
  static Result<StagedFolder> Create(const Path& target);
  StagedFolder(StagedFolder&& other) noexcept;
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  StagedFolder& operator=(StagedFolder&&) = delete;
  ~StagedFolder();

  const Path& path() const { return staging_; }
  Status Commit();

 private:
  StagedFolder(Path target, Path staging)
      : target_(std::move(target)), staging_(std::move(staging)) {}
  Path target_;
  Path staging_;  // empty once committed or moved from
};

}  // namespace bluestem
