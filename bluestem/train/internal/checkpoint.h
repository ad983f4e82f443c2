// Checkpoint: named f32 arrays and a line of JSON in one file that is written whole and checked
// when read.
//
//   file   := "BLUESTEM-CKPT 1\n" u64 payload_bytes  payload  u32 crc32(payload) (little-endian)
//   payload:= u64 info_bytes info  u64 arrays  array*
//   array  := u64 name_bytes name  u64 count  f32*count
//
// Threads: free functions. Ownership: a Checkpoint owns its arrays.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/train/internal/module.h"

namespace bluestem::train {

struct Checkpoint {
  std::string info;  // JSON
  std::vector<std::pair<std::string, std::vector<float>>> arrays;
};

// Errors: kIo, and then the file is as it was.
Status WriteCheckpoint(const Path& path, const Checkpoint& checkpoint);
// Errors: kIo; kInvalidData for a file that is truncated, changed or of another version, naming it.
Result<Checkpoint> ReadCheckpoint(const Path& path);

// The same of a file's bytes; `path` is its name for messages.
Result<Checkpoint> ParseCheckpoint(const Bytes& file, const Path& path);

// Appends copies of the views' values.
void Append(const std::vector<ParameterView>& views, Checkpoint& checkpoint);
// Copies the arrays back. Errors: kInvalidData naming an array that is missing or has another size.
Status Restore(const Checkpoint& checkpoint, const std::vector<ParameterView>& views,
               const std::string& place);

}  // namespace bluestem::train
