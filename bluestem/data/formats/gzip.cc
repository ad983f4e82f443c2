#include "bluestem/data/formats/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace bluestem::data {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 32;
constexpr size_t kStep = size_t{1} << 20;

// Ends the stream on every way out.
struct Inflater {
  z_stream stream{};
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

Result<Bytes> MaybeGunzip(Bytes bytes, uint64_t max_bytes, const std::string& name) {
  if (bytes.size() < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b) {
    if (bytes.size() > max_bytes) bytes.resize(max_bytes);
    return bytes;
  }
  Inflater inflater;
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&inflater.stream, kGzipWindow) != Z_OK)
    return Error(Code::kInternal, "{}: zlib cannot start", name);
  Bytes out;
  size_t taken = 0;
  int state = Z_OK;
  while (state != Z_STREAM_END && out.size() < max_bytes) {
    const size_t done = out.size();
    out.resize(static_cast<size_t>(std::min<uint64_t>(max_bytes, done + kStep)));
    const size_t give = std::min<size_t>(bytes.size() - taken, std::numeric_limits<uInt>::max());
    inflater.stream.next_in = bytes.data() + taken;
    inflater.stream.avail_in = static_cast<uInt>(give);
    inflater.stream.next_out = out.data() + done;
    inflater.stream.avail_out = static_cast<uInt>(out.size() - done);
    state = inflate(&inflater.stream, Z_NO_FLUSH);
    taken += give - inflater.stream.avail_in;
    out.resize(out.size() - inflater.stream.avail_out);
    if (state == Z_STREAM_END || (state == Z_OK && out.size() > done)) continue;
    if (state == Z_OK && taken < bytes.size()) continue;
    return Error(Code::kInvalidData, "{}: the gzip stream is {} after {} bytes", name,
                 state == Z_BUF_ERROR || state == Z_OK ? "truncated" : "corrupt", out.size());
  }
  return out;
}

Result<Bytes> ReadMaybeGzip(const Path& path, uint64_t max_bytes) {
  BLUESTEM_ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, kMaxFileBytes));
  return MaybeGunzip(std::move(bytes), max_bytes, path.string());
}

}  // namespace bluestem::data
