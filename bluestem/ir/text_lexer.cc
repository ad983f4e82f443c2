#include "bluestem/ir/text_lexer.h"

#include <algorithm>
#include <charconv>

namespace bluestem::ir {
namespace {

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '-' || c == ':' || c == '+';
}

}  // namespace

bool Lexer::More() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '#') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at_;
    } else {
      break;
    }
  }
  token_ = at_;
  return at_ < text_.size();
}

char Lexer::Peek() {
  return More() ? text_[at_] : '\0';
}

bool Lexer::Take(char symbol) {
  if (Peek() != symbol) return false;
  ++at_;
  return true;
}

Status Lexer::Expect(char symbol) {
  if (Take(symbol)) return OkStatus();
  return Wrong(fmt::format("expected \"{}\"", symbol));
}

std::string Lexer::Word() {
  if (!More()) return "";
  while (at_ < text_.size() && IsWordCharacter(text_[at_])) ++at_;
  return std::string(text_.substr(token_, at_ - token_));
}

Result<std::string> Lexer::QuotedText() {
  BLUESTEM_RETURN_IF_ERROR(Expect('"'));
  std::string result;
  while (at_ < text_.size() && text_[at_] != '"') {
    char c = text_[at_++];
    if (c == '\\') {
      if (at_ >= text_.size()) break;
      c = text_[at_++];
      if (c == 'x') {
        uint8_t byte = 0;
        const char* end = text_.data() + std::min(at_ + 2, text_.size());
        const auto [rest, error] = std::from_chars(text_.data() + at_, end, byte, 16);
        if (error != std::errc() || rest != text_.data() + at_ + 2)
          return Wrong("\\x needs 2 digits");
        at_ += 2;
        c = static_cast<char>(byte);
      } else if (c != '"' && c != '\\') {
        return Wrong("an unknown escape in a quoted text");
      }
    }
    result += c;
  }
  if (at_ >= text_.size()) return Wrong("a quoted text without an end");
  ++at_;
  return result;
}

Result<int64_t> Lexer::Integer() {
  const std::string word = Word();
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || rest != word.data() + word.size()) {
    return Wrong(fmt::format("\"{}\" is not an integer", word));
  }
  return value;
}

Result<double> Lexer::Real() {
  const std::string word = Word();
  double value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || rest != word.data() + word.size()) {
    return Wrong(fmt::format("\"{}\" is not a number", word));
  }
  return value;
}

Status Lexer::Wrong(const std::string& text) const {
  const std::string_view before = text_.substr(0, token_);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = token_ - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return Error(Code::kInvalidData, "{}:{}: {}", line, column, text);
}

}  // namespace bluestem::ir
