// Reads the text form of graphs token by token, keeping line and column for messages. Internal to
// ir/text_parse.cc.
//
// Threads: one user. Ownership: the text must outlive the lexer.
#pragma once

#include <string>
#include <string_view>

#include "bluestem/base/status.h"

namespace bluestem::ir {

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  // Skips blanks and comments ("#" to the end of the line); returns whether text is left.
  bool More();
  // Returns the next character after blanks, or 0 at the end.
  char Peek();
  // Takes `symbol` if it comes next.
  bool Take(char symbol);
  // Errors: kInvalidData with the place, unless `symbol` comes next.
  Status Expect(char symbol);
  // Returns a run of letters, digits and "_./-:+"; empty if there is none.
  std::string Word();
  // Returns a quoted text. Errors: an open quote, an unknown escape.
  Result<std::string> QuotedText();
  // Returns an integer.
  Result<int64_t> Integer();
  // Returns a number; "inf" and "nan" count.
  Result<double> Real();
  // Returns kInvalidData with the place of the last token.
  Status Wrong(const std::string& text) const;

 private:
  std::string_view text_;
  size_t at_ = 0;
  size_t token_ = 0;  // where the last token began
};

}  // namespace bluestem::ir
