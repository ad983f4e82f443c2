// A CSV file as rows of text, after RFC 4180: commas; quotes around a field, doubled within it;
// line breaks within quotes; lines end with LF or CRLF. A byte order mark and empty lines are
// skipped.
//
// Threads: a pure function. Ownership: a table owns its text.
#pragma once

#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::data {

struct CsvRow {
  int64_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
};

struct CsvTable {
  std::vector<std::string> header;
  std::vector<CsvRow> rows;  // each has header.size() fields
};

// Errors: kInvalidData "NAME:LINE: ..." for a quote without an end, text after one, a row that is
// longer or shorter than the header, and a file without a header.
Result<CsvTable> ParseCsv(const std::string& text, const std::string& name);

}  // namespace bluestem::data
