// The field table as text: the annotated file and the reference of all keys.
#include <nlohmann/json.hpp>

#include "bluestem/config/fields.h"

namespace bluestem::config {
namespace {

std::string Section(const std::string& key) {
  const size_t point = key.find('.');
  return point == std::string::npos ? "" : key.substr(0, point);
}

std::string Name(const std::string& key) {
  return key.substr(key.find('.') + 1);
}

}  // namespace

std::string ToYaml(const Experiment& experiment) {
  std::string text =
      "# An experiment of Bluestem. `bluestem config check` checks this file; `bluestem config "
      "keys` explains its keys.\n";
  std::string section;
  for (const Field& field : Fields()) {
    const std::string own = Section(field.key);
    if (own != section) text += fmt::format("\n{}:\n", own);
    section = own;
    const std::string indent = own.empty() ? "" : "  ";
    const std::string allowed = AllowedText(field);
    text += fmt::format("{}# {} Default {}{}.\n", indent, field.help, DefaultText(field),
                        allowed.empty() ? "" : "; " + allowed);
    text += fmt::format("{}{}: {}\n", indent, Name(field.key), ValueText(field, experiment));
  }
  return text;
}

std::string KeysMarkdown() {
  std::string text =
      "| key | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const Field& field : Fields()) {
    text += fmt::format("| `{}` | {} | `{}` | {} | {} |\n", field.key, TypeName(field),
                        DefaultText(field), AllowedText(field), field.help);
  }
  return text;
}

std::string KeysJson() {
  nlohmann::ordered_json keys = nlohmann::ordered_json::array();
  for (const Field& field : Fields()) {
    keys.push_back({{"key", field.key},
                    {"type", TypeName(field)},
                    {"default", DefaultText(field)},
                    {"allowed", AllowedText(field)},
                    {"help", field.help}});
  }
  return keys.dump(2);
}

}  // namespace bluestem::config
