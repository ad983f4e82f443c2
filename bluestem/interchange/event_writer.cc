#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "bluestem/interchange/event.pb.h"
#include "bluestem/interchange/interchange.h"

// A record of a TensorBoard file (TFRecord): length u64, masked crc32c of the length u32, the
// event, masked crc32c of the event u32; all little-endian.
namespace bluestem::interchange {
namespace {

constexpr uint32_t kCastagnoli = 0x82f63b78;  // reflected
constexpr uint32_t kMaskDelta = 0xa282ead8;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? kCastagnoli : 0);
    table[i] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t MaskedCrc(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 255];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + kMaskDelta;
}

template <typename T>
std::string LittleEndian(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 255);
  }
  return bytes;
}

// Appends one record with one write, so that a kill leaves whole records or a cut last one, which
// readers skip.
Status Append(const Path& path, tensorboard::Event event) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  event.set_wall_time(std::chrono::duration<double>(now).count());
  const std::string data = event.SerializeAsString();
  const std::string length = LittleEndian(static_cast<uint64_t>(data.size()));
  const std::string record =
      length + LittleEndian(MaskedCrc(length)) + data + LittleEndian(MaskedCrc(data));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "ab"),
                                                             std::fclose);
  if (file == nullptr ||
      std::fwrite(record.data(), 1, record.size(), file.get()) != record.size() ||
      std::fflush(file.get()) != 0) {
    return Error(Code::kIo, "{}: cannot append: {}", path.string(), std::strerror(errno));
  }
  return OkStatus();
}

}  // namespace

Result<EventWriter> EventWriter::Open(const Path& folder, int64_t unix_seconds) {
  EventWriter writer;
  writer.path_ = folder / fmt::format("events.out.tfevents.{}.bluestem", unix_seconds);
  std::error_code error;
  if (std::filesystem::exists(writer.path_, error)) return writer;
  tensorboard::Event first;
  first.set_file_version("brain.Event:2");
  BLUESTEM_RETURN_IF_ERROR(Append(writer.path_, first));
  return writer;
}

Status EventWriter::Restart(int64_t step) {
  tensorboard::Event event;
  event.set_step(step);
  event.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  return Append(path_, event);
}

Status EventWriter::Scalar(const std::string& tag, int64_t step, double value) {
  tensorboard::Event event;
  event.set_step(step);
  tensorboard::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(tag);
  entry.set_simple_value(static_cast<float>(value));
  return Append(path_, event);
}

Status EventWriter::Histogram(const std::string& tag, int64_t step,
                              const std::vector<int64_t>& counts) {
  tensorboard::Event event;
  event.set_step(step);
  tensorboard::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(tag);
  tensorboard::Histogram& histogram = *entry.mutable_histo();
  double least = -1, greatest = 0, number = 0, sum = 0, squares = 0;
  for (size_t v = 0; v < counts.size(); ++v) {
    const auto value = static_cast<double>(v), count = static_cast<double>(counts[v]);
    histogram.add_bucket_limit(value + 0.5);
    histogram.add_bucket(count);
    if (counts[v] == 0) continue;
    least = least < 0 ? value : least;
    greatest = value;
    number += count, sum += count * value, squares += count * value * value;
  }
  histogram.set_min(std::max(0.0, least));
  histogram.set_max(greatest);
  histogram.set_num(number);
  histogram.set_sum(sum);
  histogram.set_sum_squares(squares);
  return Append(path_, event);
}

Status EventWriter::Picture(const std::string& tag, int64_t step, const EventPicture& picture) {
  tensorboard::Event event;
  event.set_step(step);
  tensorboard::Summary::Value& entry = *event.mutable_summary()->add_value();
  entry.set_tag(tag);
  tensorboard::Summary::Image& image = *entry.mutable_image();
  image.set_height(picture.height);
  image.set_width(picture.width);
  image.set_colorspace(picture.channels);
  image.set_encoded_image_string(std::string(picture.png.begin(), picture.png.end()));
  return Append(path_, event);
}

}  // namespace bluestem::interchange
