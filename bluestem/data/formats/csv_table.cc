#include "bluestem/data/formats/csv_table.h"

namespace bluestem::data {
namespace {

class Reader {
 public:
  Reader(const std::string& text, const std::string& name) : text_(text), name_(name) {
    if (text_.rfind("\xef\xbb\xbf", 0) == 0) at_ = 3;
  }

  bool AtEnd() const { return at_ >= text_.size(); }

  // Reads the row that begins here and its line end.
  Result<CsvRow> Row() {
    CsvRow row{.line = line_, .fields = {}};
    while (true) {
      row.fields.emplace_back();
      BLUESTEM_RETURN_IF_ERROR(Field(row.fields.back()));
      if (AtEnd()) return row;
      const char end = text_[at_++];
      if (end == '\n') ++line_;
      if (end == '\n') return row;
    }
  }

 private:
  bool AtLineEnd() const {
    return AtEnd() || text_[at_] == '\n' ||
           (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }

  // Stops at a comma, a LF or the end.
  Status Field(std::string& field) {
    if (!AtEnd() && text_[at_] == '"') {
      BLUESTEM_RETURN_IF_ERROR(Quoted(field));
      if (!AtLineEnd() && text_[at_] != ',') {
        return Error(Code::kInvalidData,
                     "{}:{}: got text after a closing quote; expected a comma or the line's end (a "
                     "quote within quotes is written twice)",
                     name_, line_);
      }
    }
    while (!AtLineEnd() && text_[at_] != ',') field += text_[at_++];
    if (AtLineEnd() && !AtEnd() && text_[at_] == '\r') ++at_;
    return OkStatus();
  }

  Status Quoted(std::string& field) {
    const int64_t begin = line_;
    for (++at_; !AtEnd(); ++at_) {
      const bool quote = text_[at_] == '"';
      if (quote && (at_ + 1 == text_.size() || text_[at_ + 1] != '"')) {
        ++at_;
        return OkStatus();
      }
      if (quote) ++at_;  // the second of two
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    return Error(Code::kInvalidData, "{}:{}: a quote begins here and never ends", name_, begin);
  }

  const std::string& text_;
  const std::string& name_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

Result<CsvTable> ParseCsv(const std::string& text, const std::string& name) {
  Reader reader(text, name);
  CsvTable table;
  while (!reader.AtEnd()) {
    BLUESTEM_ASSIGN_OR_RETURN(CsvRow row, reader.Row());
    if (row.fields.size() == 1 && row.fields[0].empty()) continue;
    if (table.header.empty()) {
      table.header = std::move(row.fields);
      continue;
    }
    if (row.fields.size() != table.header.size()) {
      return Error(Code::kInvalidData, "{}:{}: got {} columns; expected {}, as in the first line",
                   name, row.line, row.fields.size(), table.header.size());
    }
    table.rows.push_back(std::move(row));
  }
  if (!table.header.empty()) return table;
  return Error(Code::kInvalidData, "{}:1: empty; expected a line that names the columns", name);
}

}  // namespace bluestem::data
