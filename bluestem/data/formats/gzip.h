// Reading a file that may be gzipped, within a bound: a small file cannot become a large
// allocation.
#pragma once

#include "bluestem/base/file.h"

namespace bluestem::data {

// Returns the bytes of `path`, inflated when it is gzip, at most `max_bytes` of them (the rest is
// not read). Memory grows with what is really inflated. Errors: kIo; kInvalidData when the gzip
// stream is corrupt or truncated within those bytes.
Result<Bytes> ReadMaybeGzip(const Path& path, uint64_t max_bytes);

// The same on bytes in memory; `name` is for messages.
Result<Bytes> MaybeGunzip(Bytes bytes, uint64_t max_bytes, const std::string& name);

}  // namespace bluestem::data
