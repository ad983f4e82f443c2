// text: pieces of generated C++ that are right whatever the model's names and numbers are.
#pragma once

#include <cstdint>
#include <string>

namespace bluestem::codegen {

// Returns `text` as a C string literal with its quotes; anything but printable ASCII becomes an
// octal escape.
std::string CString(const std::string& text);

// Returns `text` for a comment: one line, printable ASCII, no backslash.
std::string CommentText(const std::string& text);

// Returns a literal that reads back as exactly `value`, infinities and NaN included.
std::string FloatLiteral(float value);
std::string DoubleLiteral(double value);

// Returns `statement` broken after commas and spaces into lines of at most 100 columns: the first
// is indented by `indent` spaces, the others by four more.
std::string Wrap(const std::string& statement, int32_t indent);

// Returns "1,234,567".
std::string Grouped(int64_t value);

}  // namespace bluestem::codegen
