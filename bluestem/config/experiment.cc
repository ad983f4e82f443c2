#include "bluestem/config/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "bluestem/config/fields.h"

namespace bluestem::config {
namespace {

using Kind = YamlNode::Kind;

// The names that may stand at top level ("data", "name") or, with `section`, within it.
std::vector<std::string> NamesIn(const std::string& section) {
  std::vector<std::string> names;
  for (const Field& field : Fields()) {
    std::string key = field.key;
    if (!section.empty()) {
      if (key.rfind(section + ".", 0) != 0) continue;
      key = key.substr(section.size() + 1);
    }
    key = key.substr(0, key.find('.'));
    if (names.empty() || names.back() != key) names.push_back(key);
  }
  return names;
}

Status UnknownKey(const std::string& full_key, const std::string& section,
                  const std::string& name) {
  std::string hint = NearestName(name, NamesIn(section));
  if (hint.empty()) {  // perhaps it belongs elsewhere: "batch" at top level
    for (const Field& field : Fields()) {
      const char* point = std::strrchr(field.key, '.');
      if (name == (point == nullptr ? field.key : point + 1)) hint = field.key;
    }
  } else if (!section.empty()) {
    hint = section + "." + hint;
  }
  if (!hint.empty()) {
    return Error(Code::kInvalidArgument, "unknown key \"{}\"; did you mean \"{}\"?", full_key,
                 hint);
  }
  return Error(Code::kInvalidArgument,
               "unknown key \"{}\"; expected {}; `bluestem config keys` explains all keys",
               full_key, fmt::join(NamesIn(section), ", "));
}

// Where each key stands in the file, for messages about rules that join keys.
using Places = std::map<std::string, std::string>;

Status ReadMap(const YamlNode& map, const std::string& section, const std::string& place,
               Experiment& experiment, Places& places) {
  for (const auto& [name, value] : map.entries) {
    const std::string at = At(place, name);
    if (name.kind != Kind::kScalar)
      return Error(Code::kInvalidArgument, "{}: a key must be a word", at);
    const std::string key = section.empty() ? name.scalar : section + "." + name.scalar;
    const Field* field = FindField(key);
    // "data.batch: 3" with a point in one word would hide which section it is in.
    const bool dotted = name.scalar.find('.') != std::string::npos;
    if (field != nullptr && !dotted) {
      places[key] = At(place, value);
      BLUESTEM_RETURN_IF_ERROR(Assign(*field, value, experiment).At(places[key]));
      continue;
    }
    const std::vector<std::string> names = NamesIn("");
    const bool is_section =
        section.empty() && !dotted && std::find(names.begin(), names.end(), key) != names.end();
    if (!is_section) return UnknownKey(key, section, name.scalar).At(at);
    places[key] = at;
    if (value.kind == Kind::kNull) continue;
    if (value.kind != Kind::kMap) {
      return Error(Code::kInvalidArgument, "{}: {}: expected a mapping with {}", At(place, value),
                   key, fmt::join(NamesIn(key), ", "));
    }
    BLUESTEM_RETURN_IF_ERROR(ReadMap(value, key, place, experiment, places));
  }
  return OkStatus();
}

// The place of the key, or of the section that it should stand in, or of the file.
std::string PlaceOf(const std::string& key, const Places& places, const std::string& place) {
  const auto own = places.find(key);
  if (own != places.end()) return own->second;
  const auto section = places.find(key.substr(0, key.find('.')));
  return section != places.end() ? section->second : place + ":1:1";
}

// The text of --set as the node that a file would hold.
Result<YamlNode> NodeOf(const Field& field, const std::string& value) {
  Experiment scratch;
  const Ref ref = field.ref(scratch);
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(ref);
  const bool is_size = std::holds_alternative<SizeRef>(ref);
  YamlNode node;
  if (!is_list && !is_size) {
    node.kind = Kind::kScalar;
    node.scalar = value;
    return node;
  }
  if (!value.empty() && value[0] == '[') return ParseYaml(value, field.key);
  node.kind = Kind::kSequence;
  const char separator = is_size && value.find('x') != std::string::npos ? 'x' : ',';
  for (size_t begin = 0; begin < value.size();) {
    const size_t end = std::min(value.find(separator, begin), value.size());
    YamlNode item;
    item.kind = Kind::kScalar;
    item.scalar = value.substr(begin, end - begin);
    node.items.push_back(item);
    begin = end + 1;
  }
  return node;
}

}  // namespace

Result<Experiment> Parse(const std::string& yaml, const std::string& place) {
  const Result<YamlNode> root = ParseYaml(yaml, place);
  if (!root.ok()) return Status(Code::kInvalidArgument, root.status().message());
  if (root->kind != Kind::kMap) {
    return Error(Code::kInvalidArgument,
                 "{}: expected a mapping of keys such as \"data:\"; `bluestem init` writes one",
                 At(place, *root));
  }
  Experiment experiment;
  Places places;
  if (const YamlNode* version = root->Find("version");
      version != nullptr) {  // first: it explains unknown keys
    BLUESTEM_RETURN_IF_ERROR(
        Assign(*FindField("version"), *version, experiment).At(At(place, *version)));
  }
  BLUESTEM_RETURN_IF_ERROR(ReadMap(*root, "", place, experiment, places));
  const Violation violation = FirstViolation(experiment);
  if (*violation.key != '\0') {
    return Error(Code::kInvalidArgument, "{}: {}: {}", PlaceOf(violation.key, places, place),
                 violation.key, violation.message);
  }
  return experiment;
}

Result<Experiment> Load(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxYamlBytes));
  BLUESTEM_ASSIGN_OR_RETURN(Experiment experiment, Parse(text, path.string()));
  for (const Field& field : Fields()) {
    if (!field.is_path) continue;
    std::string& value = *std::get<std::string*>(field.ref(experiment));
    if (value.empty() || Path(value).is_absolute()) continue;
    value = (path.parent_path() / value).lexically_normal().string();
  }
  return experiment;
}

Status Set(Experiment& experiment, const std::string& key, const std::string& value) {
  const Field* field = FindField(key);
  if (field == nullptr) {
    const size_t point = key.find('.');
    const std::vector<std::string> names = NamesIn("");
    const std::string section = point == std::string::npos ? "" : key.substr(0, point);
    const bool known = std::find(names.begin(), names.end(), section) != names.end();
    if (!known && point != std::string::npos) {
      const std::string near = NearestName(section, names);
      if (!near.empty()) return UnknownKey(key, near, key.substr(point + 1));
    }
    return UnknownKey(key, known ? section : "", known ? key.substr(point + 1) : key);
  }
  const Result<YamlNode> node = NodeOf(*field, value);
  if (!node.ok()) return Status(Code::kInvalidArgument, node.status().message());
  return Assign(*field, *node, experiment);
}

Status Check(const Experiment& experiment) {
  for (const Field& field : Fields()) {  // values set in code obey the table too
    BLUESTEM_ASSIGN_OR_RETURN(const YamlNode node,
                              ParseYaml(ValueText(field, experiment), field.key));
    Experiment scratch;
    BLUESTEM_RETURN_IF_ERROR(Assign(field, node, scratch));
  }
  const Violation violation = FirstViolation(experiment);
  if (*violation.key == '\0') return OkStatus();
  return Error(Code::kInvalidArgument, "{}: {}", violation.key, violation.message);
}

}  // namespace bluestem::config
