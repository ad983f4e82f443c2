// Any bytes as a CSV file: a Status with a place, or rows as wide as the header and no more text
// than came in.
#include <cstdint>
#include <string>

#include "bluestem/base/check.h"
#include "bluestem/data/formats/csv_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto table = bluestem::data::ParseCsv(text, "fuzz");
  if (!table.ok()) {
    BLUESTEM_CHECK(table.status().message().rfind("fuzz:", 0) == 0, "a place");
    return 0;
  }
  size_t characters = 0;
  int64_t line = 0;
  for (const bluestem::data::CsvRow& row : table->rows) {
    BLUESTEM_CHECK(row.fields.size() == table->header.size(), "rows as wide as the header");
    BLUESTEM_CHECK(row.line > line, "lines rise");
    line = row.line;
    for (const std::string& field : row.fields) characters += field.size();
  }
  BLUESTEM_CHECK(characters <= size, "nothing made up");
  return 0;
}
