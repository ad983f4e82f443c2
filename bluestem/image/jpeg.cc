// libjpeg-turbo behind DecodeJpeg. Its errors arrive by longjmp, so nothing with a destructor lives
// between setjmp and the call that may fail.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
// jpeglib.h needs size_t and FILE first.
#include <jpeglib.h>
// jerror.h needs jpeglib.h first.
#include <jerror.h>

#include <algorithm>

#include "bluestem/image/codecs.h"

namespace bluestem::image {
namespace {

// A block of 64 pixels costs at least one bit (the code of its DC difference); twice that bound,
// as a refusal must not hit a real file.
constexpr int64_t kPixelsPerByte = 1024;
constexpr int kMaxScans = 500;                           // a progressive file has about 10
constexpr int64_t kMaxScannedPixels = int64_t{1} << 30;  // 16 scans of the largest picture

struct JpegState {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

JpegState* StateOf(j_common_ptr info) {
  return static_cast<JpegState*>(info->client_data);
}

[[noreturn]] void Escape(j_common_ptr info) {
  JpegState* state = StateOf(info);
  (*info->err->format_message)(info, state->message);
  longjmp(state->escape, 1);
}

// Warnings mean that libjpeg made pixels up; only those about harmless extra bytes are let through.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM: return;
    default: Escape(info);
  }
}

void OnOutput(j_common_ptr) {}

void OnProgress(j_common_ptr info) {
  auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  const int64_t pixels = int64_t{decompress->image_width} * decompress->image_height;
  const int scans = decompress->input_scan_number;
  if (scans <= kMaxScans && pixels * scans <= kMaxScannedPixels) return;
  JpegState* state = StateOf(info);
  std::snprintf(state->message, sizeof(state->message), "%d scans are more than a picture needs",
                scans);
  longjmp(state->escape, 1);
}

// Reads the header and starts. Returns false with state.message set.
bool Start(JpegState& state, const Bytes& bytes, Status& size_status) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_create_decompress(&state.info);
  state.info.client_data = &state;
  state.info.progress = &state.progress;
  jpeg_mem_src(&state.info, bytes.data(),
               static_cast<unsigned long>(bytes.size()));  // NOLINT: its type
  jpeg_read_header(&state.info, TRUE);
  size_status = CheckSize(state.info.image_height, state.info.image_width,
                          static_cast<int64_t>(bytes.size()) * kPixelsPerByte);
  if (!size_status.ok()) return false;
  const bool cmyk =
      state.info.jpeg_color_space == JCS_CMYK || state.info.jpeg_color_space == JCS_YCCK;
  const bool grey = state.info.jpeg_color_space == JCS_GRAYSCALE;
  state.info.out_color_space = cmyk ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&state.info);
  return true;
}

// Reads the next row, or finishes after the last. Returns false with state.message set.
bool ReadRow(JpegState& state, uint8_t* row) {
  if (setjmp(state.escape) != 0) return false;
  JSAMPROW rows[1] = {row};
  jpeg_read_scanlines(&state.info, rows, 1);
  return true;
}

bool Finish(JpegState& state) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_finish_decompress(&state.info);
  return true;
}

// Adobe writes CMYK inverted, so a channel is ink times black over 255; others write ink itself.
void AppendRow(const std::vector<uint8_t>& row, bool cmyk, bool inverted,
               std::vector<uint8_t>& pixels) {
  if (!cmyk) {
    pixels.insert(pixels.end(), row.begin(), row.end());
    return;
  }
  for (size_t i = 0; i + 4 <= row.size(); i += 4) {
    const int black = inverted ? row[i + 3] : 255 - row[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int ink = inverted ? row[i + c] : 255 - row[i + c];
      pixels.push_back(static_cast<uint8_t>((ink * black + 127) / 255));
    }
  }
}

// The pixels grow with the rows that the file really holds.
Result<Image> ReadRows(JpegState& state) {
  Image image;
  image.height = static_cast<int32_t>(state.info.output_height);
  image.width = static_cast<int32_t>(state.info.output_width);
  const bool cmyk = state.info.out_color_space == JCS_CMYK;
  const int components = state.info.output_components;
  image.channels = cmyk ? 3 : components;
  std::vector<uint8_t> row(static_cast<size_t>(image.width) * static_cast<size_t>(components));
  for (int32_t y = 0; y < image.height; ++y) {
    if (!ReadRow(state, row.data())) {
      return Error(Code::kInvalidData, "truncated or corrupt at row {} of {}: {}", y, image.height,
                   state.message);
    }
    AppendRow(row, cmyk, state.info.saw_Adobe_marker != FALSE, image.pixels);
  }
  if (!Finish(state))
    return Error(Code::kInvalidData, "truncated or corrupt at its end: {}", state.message);
  return image;
}

}  // namespace

Result<Image> DecodeJpeg(const Bytes& bytes) {
  JpegState state{};
  state.info.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = Escape;
  state.errors.emit_message = OnMessage;
  state.errors.output_message = OnOutput;
  state.progress.progress_monitor = OnProgress;
  state.info.client_data = &state;
  Status size_status;
  Result<Image> image = Status(Code::kInternal, "not decoded");
  if (Start(state, bytes, size_status)) {
    image = ReadRows(state);
  } else if (!size_status.ok()) {
    image = size_status;
  } else {
    image = Error(Code::kInvalidData, "truncated or corrupt header: {}", state.message);
  }
  jpeg_destroy_decompress(&state.info);
  return image;
}

}  // namespace bluestem::image
