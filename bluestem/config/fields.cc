#include "bluestem/config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace bluestem::config {
namespace {

using Kind = YamlNode::Kind;

template <typename... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overload(Cases...) -> Overload<Cases...>;

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// What stands at `node`, for "got ...".
std::string Got(const YamlNode& node) {
  switch (node.kind) {
    case Kind::kNull: return "nothing";
    case Kind::kSequence: return fmt::format("a list of {}", node.items.size());
    case Kind::kMap: return "a mapping";
    case Kind::kScalar: break;
  }
  constexpr size_t kShown = 60;
  const std::string shown =
      node.scalar.size() > kShown ? node.scalar.substr(0, kShown) + "..." : node.scalar;
  double number = 0;
  const auto [end, error] = std::from_chars(shown.data(), shown.data() + shown.size(), number);
  const bool is_number = error == std::errc() && end == shown.data() + shown.size() && !node.quoted;
  return is_number ? shown : fmt::format("\"{}\"", shown);
}

Status Refuse(const Field& field, const std::string& got, const std::string& expected) {
  return Error(Code::kInvalidArgument, "{}: got {}; expected {}", field.key, got, expected);
}

std::string RangeText(const Field& field) {
  return fmt::format("{}..{}", field.min, field.max);
}

template <typename T>
bool ReadNumber(const YamlNode& node, T& value) {
  if (node.kind != Kind::kScalar || node.quoted || node.scalar.empty()) return false;
  const char* end = node.scalar.data() + node.scalar.size();
  const auto [stop, error] = std::from_chars(node.scalar.data(), end, value);
  return error == std::errc() && stop == end;
}

Status AssignInteger(const Field& field, const YamlNode& node, int64_t& target) {
  int64_t value = 0;
  if (!ReadNumber(node, value) || static_cast<double>(value) < field.min ||
      static_cast<double>(value) > field.max) {
    return Refuse(field, Got(node), AllowedText(field));
  }
  target = value;
  return OkStatus();
}

Status AssignNumber(const Field& field, const YamlNode& node, double& target) {
  double value = 0;
  if (!ReadNumber(node, value) || !std::isfinite(value) || value < field.min || value > field.max) {
    return Refuse(field, Got(node), AllowedText(field));
  }
  target = value == 0 ? 0 : value;  // -0 is 0
  return OkStatus();
}

Status AssignBool(const Field& field, const YamlNode& node, bool& target) {
  const std::string& text = node.scalar;
  const bool plain = node.kind == Kind::kScalar && !node.quoted;
  if (plain && (text == "true" || text == "yes" || text == "on")) {
    target = true;
  } else if (plain && (text == "false" || text == "no" || text == "off")) {
    target = false;
  } else {
    return Refuse(field, Got(node), AllowedText(field));
  }
  return OkStatus();
}

Status AssignText(const Field& field, const YamlNode& node, std::string& target) {
  if (node.kind == Kind::kNull && field.is_path) {
    target.clear();
    return OkStatus();
  }
  const std::string allowed = AllowedText(field);
  if (node.kind != Kind::kScalar)
    return Refuse(field, Got(node), allowed.empty() ? "text" : allowed);
  if (node.scalar.find('\0') != std::string::npos) return Refuse(field, "a zero byte", "text");
  const std::vector<std::string> choices = Words(field.choices);
  if (!choices.empty() && std::find(choices.begin(), choices.end(), node.scalar) == choices.end()) {
    const std::string near = NearestName(node.scalar, choices);
    return Refuse(field, Got(node),
                  near.empty() ? allowed : fmt::format("{}; did you mean \"{}\"?", allowed, near));
  }
  target = node.scalar;
  return OkStatus();
}

Status AssignList(const Field& field, const YamlNode& node, std::vector<std::string>& target) {
  constexpr const char* kExpected = "a list of different entries, such as [cat, dog]";
  if (node.kind == Kind::kNull) {
    target.clear();
    return OkStatus();
  }
  if (node.kind != Kind::kSequence) return Refuse(field, Got(node), kExpected);
  std::vector<std::string> values;
  for (const YamlNode& item : node.items) {
    if (item.kind != Kind::kScalar || item.scalar.empty())
      return Refuse(field, Got(item) + " in it", kExpected);
    if (std::find(values.begin(), values.end(), item.scalar) != values.end()) {
      return Refuse(field, fmt::format("\"{}\" twice", item.scalar), kExpected);
    }
    values.push_back(item.scalar);
  }
  target = std::move(values);
  return OkStatus();
}

Status AssignSize(const Field& field, const YamlNode& node, const SizeRef& target) {
  const std::string expected = AllowedText(field);
  if (node.kind != Kind::kSequence) return Refuse(field, Got(node), expected);
  if (node.items.size() != 2) return Refuse(field, Got(node), expected);
  int64_t sides[2] = {0, 0};
  for (size_t i = 0; i < 2; ++i) {
    const YamlNode& item = node.items[i];
    if (!ReadNumber(item, sides[i]) || static_cast<double>(sides[i]) < field.min ||
        static_cast<double>(sides[i]) > field.max) {
      return Refuse(field, Got(item), expected);
    }
  }
  *target.height = sides[0];
  *target.width = sides[1];
  return OkStatus();
}

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string TypeName(const Field& field) {
  Experiment scratch;
  return std::visit(
      Overload{[](int64_t*) -> std::string { return "integer"; },
               [](double*) -> std::string { return "number"; },
               [](bool*) -> std::string { return "true or false"; },
               [&](std::string*) -> std::string { return field.is_path ? "path" : "text"; },
               [](std::vector<std::string>*) -> std::string { return "list of text"; },
               [](SizeRef) -> std::string { return "[height, width]"; }},
      field.ref(scratch));
}

std::string AllowedText(const Field& field) {
  Experiment scratch;
  return std::visit(
      Overload{[&](int64_t*) -> std::string {
                 return field.min == field.max
                            ? fmt::format("{}", field.min)
                            : fmt::format("{}..{}", static_cast<int64_t>(field.min),
                                          static_cast<int64_t>(field.max));
               },
               [&](double*) -> std::string { return RangeText(field); },
               [](bool*) -> std::string { return "true or false"; },
               [&](std::string*) -> std::string {
                 const std::vector<std::string> words = Words(field.choices);
                 if (words.size() < 2) return field.choices;
                 return fmt::format("{} or {}", fmt::join(words.begin(), words.end() - 1, ", "),
                                    words.back());
               },
               [](std::vector<std::string>*) -> std::string { return "different entries"; },
               [&](SizeRef) -> std::string {
                 return fmt::format("[height, width], each {}", RangeText(field));
               }},
      field.ref(scratch));
}

std::string ValueText(const Field& field, const Experiment& experiment) {
  Experiment copy = experiment;
  return std::visit(
      Overload{
          [](const int64_t* value) { return fmt::format("{}", *value); },
          [](const double* value) { return fmt::format("{}", *value); },
          [](const bool* value) { return std::string(*value ? "true" : "false"); },
          [](const std::string* value) { return YamlScalar(*value); },
          [](const std::vector<std::string>* value) {
            std::vector<std::string> quoted;
            for (const std::string& item : *value) quoted.push_back(YamlScalar(item));
            return fmt::format("[{}]", fmt::join(quoted, ", "));
          },
          [](const SizeRef& size) { return fmt::format("[{}, {}]", *size.height, *size.width); }},
      field.ref(copy));
}

std::string DefaultText(const Field& field) {
  return ValueText(field, Experiment{});
}

Status Assign(const Field& field, const YamlNode& node, Experiment& experiment) {
  return std::visit(
      Overload{[&](int64_t* target) { return AssignInteger(field, node, *target); },
               [&](double* target) { return AssignNumber(field, node, *target); },
               [&](bool* target) { return AssignBool(field, node, *target); },
               [&](std::string* target) { return AssignText(field, node, *target); },
               [&](std::vector<std::string>* target) { return AssignList(field, node, *target); },
               [&](SizeRef target) { return AssignSize(field, node, target); }},
      field.ref(experiment));
}

std::string NearestName(const std::string& word, const std::vector<std::string>& names) {
  constexpr size_t kMaxWord = 80;
  if (word.size() > kMaxWord) return "";
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(word, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace bluestem::config
