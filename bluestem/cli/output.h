// Output: what a command says. Three forms: text for people, JSON (--json: one document, or one a
// line where Command::json_lines says so), or nothing but errors (--quiet). Results go to stdout;
// progress, warnings and errors go to stderr. Not a log.
//
// Threads: one Output belongs to one thread. Ownership: a value without resources.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::cli {

enum class JsonForm : uint8_t { kNone, kDocument, kLines };

class Output {
 public:
  Output(JsonForm json, bool quiet);

  bool json() const { return json_ != JsonForm::kNone; }
  bool quiet() const { return quiet_; }
  bool text() const { return !json() && !quiet_; }

  // Prints a line of text on stdout; nothing under --json or --quiet.
  template <typename... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    if (text()) Print(fmt::format(format, std::forward<Args>(args)...));
  }
  // Prints the table with aligned columns; a column whose cells are numbers is aligned right. Each
  // row has header.size() cells.
  void Table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows);
  // Under --json, prints a line, or takes the command's only document, an object where an error
  // may follow, for Finish to print. Nothing otherwise.
  void Json(const nlohmann::ordered_json& document);
  // Prints text that is the result itself (a generated file, say), under every form.
  void Raw(const std::string& content);

  // Prints "bluestem: warning: ..." on stderr; nothing under --quiet.
  template <typename... Args>
  void Warn(fmt::format_string<Args...> format, Args&&... args) {
    WarnText(fmt::format(format, std::forward<Args>(args)...));
  }

  // Shows the state of long work on stderr: on a terminal the line is redrawn in place, otherwise a
  // line is written at most every ten seconds. Nothing under --json or --quiet.
  void Progress(const std::string& state);
  // Ends the progress line, so that what follows starts on a line of its own.
  void EndProgress();

  // Ends the command. A failure is printed as "bluestem: error: ..." on stderr, and under --json is
  // the member "error", {"code","message"}, of the command's document or of one of its own.
  void Finish(const Status& status);

 private:
  void Print(const std::string& line);
  void PrintDocument();
  void WarnText(const std::string& text);

  JsonForm json_;
  bool quiet_;
  std::string document_;  // of Json, not printed yet
  bool terminal_;         // stderr is one
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point last_progress_;
};

// Returns "1.2 MB", "345 kB" or "12 B" (powers of 1000).
std::string BytesText(int64_t bytes);
// Returns "1,234,567".
std::string CountText(int64_t count);
// Returns "12.3 s", "4.56 ms" or "78.9 us".
std::string SecondsText(double seconds);

}  // namespace bluestem::cli
