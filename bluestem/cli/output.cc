#include "bluestem/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace bluestem::cli {
namespace {

constexpr std::chrono::seconds kProgressInterval{10};
constexpr std::chrono::milliseconds kRedrawInterval{100};

bool LooksLikeNumber(const std::string& cell) {
  return cell.empty() || cell == "-" || (cell[0] >= '0' && cell[0] <= '9') ||
         (cell.size() > 1 && cell[0] == '-' && cell[1] >= '0' && cell[1] <= '9');
}

// Returns the number of columns that UTF-8 `text` takes: its code points.
size_t Columns(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void Write(std::FILE* file, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace

Output::Output(JsonForm json, bool quiet)
    : json_(json), quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

void Output::Print(const std::string& line) {
  EndProgress();
  Write(stdout, line + "\n");
}

void Output::Raw(const std::string& content) {
  EndProgress();
  Write(stdout, content);
}

void Output::Table(const std::vector<std::string>& header,
                   const std::vector<std::vector<std::string>>& rows) {
  if (!text()) return;
  std::vector<size_t> widths;
  std::vector<bool> right;
  for (size_t c = 0; c < header.size(); ++c) {
    size_t width = Columns(header[c]);
    bool numbers = !rows.empty();
    for (const auto& row : rows) {
      BLUESTEM_CHECK(row.size() == header.size(), "a row has as many cells as the header");
      width = std::max(width, Columns(row[c]));
      numbers = numbers && LooksLikeNumber(row[c]);
    }
    widths.push_back(width);
    right.push_back(numbers);
  }
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - Columns(cells[c]), ' ');
      line += (c == 0 ? "" : "  ") + (right[c] ? padding + cells[c] : cells[c] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    Print(line);
  };
  print(header);
  for (const auto& row : rows) print(row);
}

void Output::Json(const nlohmann::ordered_json& document) {
  if (!json()) return;
  const bool line = json_ == JsonForm::kLines;
  BLUESTEM_CHECK(document_.empty(), "a command has one document");
  document_ =
      document.dump(line ? -1 : 2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (line) PrintDocument();
}

void Output::PrintDocument() {
  if (!document_.empty()) Print(document_);
  document_.clear();
}

void Output::WarnText(const std::string& text) {
  if (quiet_) return;
  EndProgress();
  Write(stderr, "bluestem: warning: " + text + "\n");
}

void Output::Progress(const std::string& state) {
  if (!text()) return;
  const auto now = std::chrono::steady_clock::now();
  if (terminal_) {
    if (progress_shown_ && now - last_progress_ < kRedrawInterval) return;
    Write(stderr, "\r\x1b[K" + state);
    progress_shown_ = true;
  } else {
    if (last_progress_.time_since_epoch().count() == 0)
      last_progress_ = now;  // short work is silent
    if (now - last_progress_ < kProgressInterval) return;
    Write(stderr, state + "\n");
  }
  last_progress_ = now;
}

void Output::EndProgress() {
  if (!progress_shown_) return;
  Write(stderr, "\r\x1b[K");
  progress_shown_ = false;
}

void Output::Finish(const Status& status) {
  EndProgress();
  if (!status.ok()) {
    Write(stderr, "bluestem: error: " + status.message() + "\n");
    nlohmann::ordered_json document;
    if (!document_.empty()) document = nlohmann::ordered_json::parse(std::exchange(document_, ""));
    document["error"] = {{"code", CodeName(status.code())}, {"message", status.message()}};
    Json(document);
  }
  PrintDocument();
}

std::string BytesText(int64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1000 * 1000) return fmt::format("{:.1f} kB", value / 1e3);
  if (bytes < int64_t{1000} * 1000 * 1000) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.1f} GB", value / 1e9);
}

std::string CountText(int64_t count) {
  const std::string digits = fmt::format("{}", count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool group = (digits.size() - i) % 3 == 0 && i > 0 && digits[i - 1] != '-';
    if (group) text += ',';
    text += digits[i];
  }
  return text;
}

std::string SecondsText(double seconds) {
  if (seconds >= 1) return fmt::format("{:.1f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.1f} us", seconds * 1e6);
}

}  // namespace bluestem::cli
