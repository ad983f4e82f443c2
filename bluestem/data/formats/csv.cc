// A CSV file of labels with the pictures beside or below it. One column names the pictures; one
// other lists the labels ("Mass|Nodule"), or one a class has 0, 1 or nothing, which is 0, and -1
// where that is uncertain. Divided into splits:
// PATH/train.csv and PATH/validation.csv.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <system_error>

#include "bluestem/data/formats/csv_table.h"
#include "bluestem/data/formats/formats.h"

namespace bluestem::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kListNames = {"labels", "label", "finding labels"};  // in lower case

struct Item {
  Path path;
  std::vector<int32_t> labels;     // rising
  std::vector<int32_t> uncertain;  // rising
};

class CsvDataset : public Dataset {
 public:
  CsvDataset(std::vector<std::string> classes, std::vector<Item> items, bool multi_label)
      : classes_(std::move(classes)), items_(std::move(items)), multi_label_(multi_label) {}

  int64_t size() const override { return static_cast<int64_t>(items_.size()); }
  const std::vector<std::string>& classes() const override { return classes_; }
  bool multi_label() const override { return multi_label_; }
  int32_t Label(int64_t index) const override {
    const std::vector<int32_t>& labels = At(index).labels;
    return labels.empty() ? -1 : labels[0];
  }
  std::vector<int32_t> Labels(int64_t index) const override { return At(index).labels; }
  std::vector<int32_t> UncertainLabels(int64_t index) const override { return At(index).uncertain; }
  std::string Name(int64_t index) const override { return At(index).path.string(); }
  Result<Sample> Get(int64_t index) const override {
    BLUESTEM_ASSIGN_OR_RETURN(image::Image picture, image::DecodeFile(At(index).path));
    return Sample{std::move(picture), Label(index), Name(index)};
  }

 private:
  const Item& At(int64_t index) const {
    BLUESTEM_CHECK(index >= 0 && index < size(), "index");
    return items_[static_cast<size_t>(index)];
  }
  std::vector<std::string> classes_;
  std::vector<Item> items_;
  bool multi_label_;
};

bool IsFile(const Path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool IsCsv(const Path& path) {
  return Lower(path.extension().string()) == ".csv" && IsFile(path);
}

// The file of `split` in the folder `path`; empty when there is none.
Path SplitFile(const Path& path, const std::string& split) {
  if (split == "train") return IsFile(path / "train.csv") ? path / "train.csv" : Path();
  for (const char* name : ValidationNames()) {
    const Path file = path / (std::string(name) + ".csv");
    if (IsFile(file)) return file;
  }
  return {};
}

bool HasSplit(const Path& path, const std::string& split) {
  return !SplitFile(path, "train").empty() && !SplitFile(path, split).empty();
}

// A folder with any other CSV file could be one of class folders with notes beside them.
bool Recognises(const Path& path) {
  return IsCsv(path) || IsFile(path / "labels.csv") || IsFile(path / "train.csv");
}

// The file to read.
Result<Path> FindFile(const OpenOptions& options) {
  const Path& path = options.path;
  if (HasSplit(path, "train")) {
    if (options.split.empty()) {
      return Error(Code::kInvalidData, "{}: divided into splits; expected one of them: {}",
                   path.string(), (path / "train.csv").string());
    }
    const Path file = SplitFile(path, options.split);
    if (!file.empty()) return file;
  }
  if (options.split == "validation") {
    return Error(Code::kInvalidData, "{}: no validation split; expected train.csv and {}.csv",
                 path.string(), fmt::join(ValidationNames(), ".csv, "));
  }
  if (IsFile(path)) return path;
  if (IsFile(path / "labels.csv")) return path / "labels.csv";
  BLUESTEM_ASSIGN_OR_RETURN(std::vector<Path> found, VisibleEntries(path));
  found.erase(std::remove_if(found.begin(), found.end(), [](const Path& p) { return !IsCsv(p); }),
              found.end());
  if (found.size() == 1) return found[0];
  if (found.empty()) {
    return Error(Code::kInvalidData, "{}: no CSV file; expected {}", path.string(),
                 (path / "labels.csv").string());
  }
  return Error(Code::kInvalidData,
               "{}: {} CSV files ({}, {}, ...); expected one, or labels.csv: name the file itself",
               path.string(), found.size(), found[0].filename().string(),
               found[1].filename().string());
}

// What the columns of a table mean.
struct Columns {
  size_t image = 0;
  std::vector<size_t> labels;
  bool list = false;     // labels[0] lists labels; else each is a class of 0 and 1
  bool guessed = false;  // `labels` are all columns but the pictures', not named by anyone
};

Result<size_t> FindColumn(const CsvTable& table, const std::string& column, const char* key,
                          const Path& file) {
  const auto found = std::find(table.header.begin(), table.header.end(), column);
  if (found == table.header.end()) {
    return Error(Code::kInvalidData, "{}:1: no column \"{}\"; expected one of {}: correct {}",
                 file.string(), column, fmt::join(table.header, ", "), key);
  }
  return static_cast<size_t>(found - table.header.begin());
}

// The columns besides the pictures', as the header names them.
Columns GuessLabels(const CsvTable& table, size_t image, const OpenOptions& options) {
  const std::vector<std::string>& header = table.header;
  Columns columns{.image = image, .labels = {}};
  for (const std::string& name : options.classes) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found != header.end())
      columns.labels.push_back(static_cast<size_t>(found - header.begin()));
  }
  if (!options.classes.empty() && columns.labels.size() == options.classes.size()) return columns;
  columns.labels.clear();
  for (const char* name : kListNames) {
    for (size_t i = 0; i < header.size(); ++i) {
      if (i != image && Lower(header[i]) == name) return {image, {i}, true, false};
    }
  }
  for (size_t i = 0; i < header.size(); ++i) {
    if (i != image && !header[i].empty()) columns.labels.push_back(i);
  }
  columns.list = columns.labels.size() == 1;
  columns.guessed = true;
  return columns;
}

Result<Columns> FindColumns(const CsvTable& table, const OpenOptions& options, const Path& file) {
  for (size_t i = 0; i < table.header.size(); ++i) {
    const std::string& name = table.header[i];
    if (!name.empty() && std::count(table.header.begin(), table.header.end(), name) > 1) {
      return Error(Code::kInvalidData, "{}:1: column \"{}\" is there twice; rename one",
                   file.string(), name);
    }
  }
  if (table.header.size() == 1) {
    const bool other = table.header[0].find_first_of(";\t") != std::string::npos;
    return Error(Code::kInvalidData,
                 "{}:1: got one column, \"{}\"; expected that of the pictures and at least one of "
                 "labels{}",
                 file.string(), table.header[0], other ? ", with commas between them" : "");
  }
  size_t image = 0;
  if (!options.csv.image.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(image,
                              FindColumn(table, options.csv.image, "data.image_column", file));
  }
  if (options.csv.labels.empty()) return GuessLabels(table, image, options);
  Columns columns{.image = image, .labels = {}, .list = options.csv.labels.size() == 1};
  for (const std::string& name : options.csv.labels) {
    BLUESTEM_ASSIGN_OR_RETURN(const size_t column,
                              FindColumn(table, name, "data.label_columns", file));
    columns.labels.push_back(column);
  }
  return columns;
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The names of a row's labels, and of the classes that it marks as uncertain.
struct Marks {
  std::vector<std::string> labels;
  std::vector<std::string> uncertain;
};

// One row: where it stands, its picture and its marks.
struct Entry {
  int64_t line = 0;
  std::string picture;
  Marks marks;
};

// "Mass|Nodule".
Result<Marks> ReadList(const std::string& field, const std::string& no_label) {
  std::vector<std::string> labels;
  bool none = false;
  for (size_t begin = 0; begin <= field.size();) {
    const size_t end = std::min(field.find('|', begin), field.size());
    std::string label = Trimmed(field.substr(begin, end - begin));
    begin = end + 1;
    if (label == no_label && !label.empty()) none = true;
    if (label.empty() || label == no_label) continue;
    if (std::find(labels.begin(), labels.end(), label) != labels.end())
      return Error(Code::kInvalidData, "got \"{}\" twice; expected each label once", label);
    labels.push_back(std::move(label));
  }
  if (!none || labels.empty()) return Marks{std::move(labels), {}};
  return Error(Code::kInvalidData,
               "got \"{}\", which is data.no_label and a label; expected one of them", field);
}

Result<Marks> ReadMarks(const CsvTable& table, const CsvRow& row, const Columns& columns,
                        const CsvColumns& meaning) {
  Marks marks;
  for (const size_t column : columns.labels) {
    const std::string& name = table.header[column];
    if (name == meaning.no_label) continue;  // follows from the others
    const std::string value = Trimmed(row.fields[column]);
    const bool uncertain = value == "-1" || value == "-1.0";
    if (uncertain && meaning.uncertain == Uncertain::kRefuse) {
      return Error(Code::kInvalidData,
                   "column \"{}\": got \"{}\", an uncertain label; expected 0, 1 or nothing, or "
                   "data.uncertain: zero or one, which says what it means",
                   name, value);
    }
    if (uncertain) marks.uncertain.push_back(name);
    if (value == "1" || value == "1.0" || (uncertain && meaning.uncertain == Uncertain::kOne)) {
      marks.labels.push_back(name);
    } else if (!uncertain && !value.empty() && value != "0" && value != "0.0") {
      return Error(Code::kInvalidData,
                   "column \"{}\": got \"{}\"; expected 0, 1 or nothing, which is 0 (if it is no "
                   "class, list the classes' columns in data.label_columns)",
                   name, value);
    }
  }
  return marks;
}

// A column that nobody named and that says nothing is hardly a class.
Status CheckGuess(const CsvTable& table, const Columns& columns, const std::string& no_label,
                  const Path& file) {
  if (!columns.guessed || columns.list) return OkStatus();
  for (const size_t column : columns.labels) {
    const bool is_empty = std::all_of(table.rows.begin(), table.rows.end(), [&](const CsvRow& row) {
      return Trimmed(row.fields[column]).empty();
    });
    if (!is_empty || table.header[column] == no_label) continue;
    return Error(Code::kInvalidData,
                 "{}:1: column \"{}\" is empty in every row; expected 0 or 1 (if it is no class, "
                 "list the classes' columns in data.label_columns)",
                 file.string(), table.header[column]);
  }
  return OkStatus();
}

// Finds pictures by what a CSV file calls them: a path from the file's folder, or a name, with or
// without its extension, anywhere below that.
class Finder {
 public:
  explicit Finder(Path root) : root_(std::move(root)) {}

  Result<Path> Find(const std::string& picture) {
    if (picture.empty()) return Error(Code::kInvalidData, "got no picture; expected its file name");
    const Path direct = root_ / picture;
    if (IsFile(direct)) return direct;
    BLUESTEM_RETURN_IF_ERROR(Look());
    const auto found = below_.find(picture);
    if (found == below_.end()) {
      return Error(Code::kInvalidData,
                   "no picture \"{}\" in {} or below it; add the file, remove the row, or correct "
                   "the name (a path counts from the CSV file's folder)",
                   picture, root_.string());
    }
    if (found->second.size() == 1) return found->second[0];
    return Error(Code::kInvalidData, "\"{}\" may be {} or {}; expected a path from {}", picture,
                 found->second[0].string(), found->second[1].string(), root_.string());
  }

 private:
  Status Look() {
    if (looked_) return OkStatus();
    looked_ = true;
    std::vector<Path> pictures;
    BLUESTEM_RETURN_IF_ERROR(CollectPictures(root_, pictures));
    for (const Path& path : pictures) {
      below_[path.filename().string()].push_back(path);
      below_[path.stem().string()].push_back(path);
    }
    return OkStatus();
  }

  Path root_;
  bool looked_ = false;
  std::map<std::string, std::vector<Path>> below_;
};

Result<std::vector<Entry>> ReadEntries(const CsvTable& table, const Columns& columns,
                                       const OpenOptions& options, const Path& file) {
  std::vector<Entry> entries;
  for (const CsvRow& row : table.rows) {
    auto marks = columns.list ? ReadList(row.fields[columns.labels[0]], options.csv.no_label)
                              : ReadMarks(table, row, columns, options.csv);
    if (!marks.ok()) return marks.status().At(fmt::format("{}:{}", file.string(), row.line));
    if (options.labels == LabelCount::kOne && marks->labels.size() != 1) {
      return Error(Code::kInvalidData,
                   "{}:{}: got {} labels; expected one: that is task: classification, and task: "
                   "multi_label_classification takes any number",
                   file.string(), row.line, marks->labels.empty() ? "no" : "several");
    }
    entries.push_back({row.line, Trimmed(row.fields[columns.image]), std::move(*marks)});
  }
  if (!entries.empty()) return entries;
  return Error(Code::kInvalidData, "{}: no rows; expected one for each picture", file.string());
}

// The labels' order: that of the columns, else of the names without regard to case.
Result<std::vector<std::string>> OwnClasses(const CsvTable& table, const Columns& columns,
                                            const std::vector<Entry>& entries,
                                            const std::string& no_label, const Path& file) {
  std::vector<std::string> classes;
  for (const size_t column : columns.labels) {
    if (!columns.list && table.header[column] != no_label) classes.push_back(table.header[column]);
  }
  std::set<std::pair<std::string, std::string>> names;
  for (const Entry& entry : entries) {
    for (const std::string& label : entry.marks.labels) names.insert({Lower(label), label});
  }
  for (const auto& [key, name] : names) {
    if (columns.list) classes.push_back(name);
  }
  if (classes.size() > 1) return classes;
  if (classes.empty()) {
    return Error(
        Code::kInvalidData,
        "{}: no class: column \"{}\" has no label; expected labels with | between them, or "
        "another column in data.label_columns",
        file.string(), table.header[columns.labels[0]]);
  }
  return Error(Code::kInvalidData,
               "{}: one class only (\"{}\"); expected at least two (of a yes and a no, write one "
               "column with a word for each)",
               file.string(), classes[0]);
}

Result<std::unique_ptr<Dataset>> OpenCsv(const OpenOptions& options) {
  BLUESTEM_ASSIGN_OR_RETURN(const Path file, FindFile(options));
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, uint64_t{1} << 30));
  BLUESTEM_ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(text, file.string()));
  BLUESTEM_ASSIGN_OR_RETURN(const Columns columns, FindColumns(table, options, file));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                            ReadEntries(table, columns, options, file));
  BLUESTEM_RETURN_IF_ERROR(CheckGuess(table, columns, options.csv.no_label, file));
  std::vector<std::string> classes = options.classes;
  if (classes.empty()) {
    BLUESTEM_ASSIGN_OR_RETURN(classes,
                              OwnClasses(table, columns, entries, options.csv.no_label, file));
  }
  std::map<std::string, int32_t> label_of;
  for (const std::string& name : classes)
    label_of.emplace(name, static_cast<int32_t>(label_of.size()));

  Finder finder(file.parent_path().empty() ? Path(".") : file.parent_path());
  std::map<Path, int64_t> line_of;
  std::vector<Item> items;
  bool multi_label = options.labels == LabelCount::kAny;
  for (const Entry& entry : entries) {
    const std::string place = fmt::format("{}:{}", file.string(), entry.line);
    const Result<Path> picture = finder.Find(entry.picture);
    if (!picture.ok()) return picture.status().At(place);
    const auto [other, is_new] = line_of.emplace(picture->lexically_normal(), entry.line);
    if (!is_new) {
      return Error(
          Code::kInvalidData,
          "{}: picture \"{}\" again, which line {} has; expected one row a picture: remove "
          "one, or join their labels with |",
          place, entry.picture, other->second);
    }
    Item item{*picture, {}, {}};
    for (const std::string& label : entry.marks.labels) {
      const auto found = label_of.find(label);
      if (found == label_of.end()) {
        return Error(Code::kInvalidData, "{}: class \"{}\" is not among the {} expected ones: {}",
                     place, label, classes.size(), fmt::join(classes, ", "));
      }
      item.labels.push_back(found->second);
    }
    for (const std::string& label : entry.marks.uncertain) {
      const auto found = label_of.find(label);
      if (found != label_of.end()) item.uncertain.push_back(found->second);
    }
    std::sort(item.labels.begin(), item.labels.end());
    std::sort(item.uncertain.begin(), item.uncertain.end());
    if (options.labels == LabelCount::kAsFound) multi_label |= item.labels.size() != 1;
    items.push_back(std::move(item));
  }
  return std::unique_ptr<Dataset>(
      std::make_unique<CsvDataset>(std::move(classes), std::move(items), multi_label));
}

}  // namespace

Format CsvFormat() {
  return {"csv",
          "a CSV file of labels beside or above the pictures: PATH.csv, PATH/labels.csv, or "
          "PATH/train.csv and PATH/validation.csv",
          Recognises, HasSplit, OpenCsv};
}

}  // namespace bluestem::data
