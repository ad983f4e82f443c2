#include "bluestem/codegen/text.h"

#include <fmt/core.h>

#include <cmath>

namespace bluestem::codegen {
namespace {

bool IsPlain(char c) {
  return c >= ' ' && c <= '~';
}

template <typename T>
std::string Literal(T value, const char* suffix) {
  if (std::isnan(value)) return fmt::format("__builtin_nan{}(\"\")", suffix);
  if (std::isinf(value)) return fmt::format("{}__builtin_inf{}()", value < 0 ? "-" : "", suffix);
  std::string digits = fmt::format("{}", value);  // the shortest that reads back
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits + suffix;
}

}  // namespace

std::string CString(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (IsPlain(c)) {
      quoted += c;
    } else {
      quoted += fmt::format("\\{:03o}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return quoted + '"';
}

std::string CommentText(const std::string& text) {
  std::string line;
  for (const char c : text) line += IsPlain(c) && c != '\\' ? c : '_';
  return line;
}

std::string FloatLiteral(float value) {
  return Literal(value, "f");
}

std::string DoubleLiteral(double value) {
  return Literal(value, "");
}

std::string Wrap(const std::string& statement, int32_t indent) {
  constexpr size_t kColumns = 100;
  std::string lines;
  std::string rest = statement;
  auto margin = static_cast<size_t>(indent);
  while (margin + rest.size() > kColumns) {
    const size_t cut = rest.rfind(", ", kColumns - margin - 1);
    if (cut == std::string::npos || cut == 0) break;
    lines += std::string(margin, ' ') + rest.substr(0, cut + 1) + "\n";
    rest = rest.substr(cut + 2);
    margin = static_cast<size_t>(indent) + 4;
  }
  return lines + std::string(margin, ' ') + rest + "\n";
}

std::string Grouped(int64_t value) {
  std::string digits = std::to_string(value);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    const bool after_digit = i > 0 && digits[i - 1] != '-';
    if (after_digit && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

}  // namespace bluestem::codegen
