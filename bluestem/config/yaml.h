// YAML with places: the only door to yaml-cpp. A Node knows its line and column, so every message
// can name them. Tags are ignored, aliases are limited, depth and size are bounded: a hostile file
// ends in a Status.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::config {

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;                                  // kScalar, as written
  std::string tag;                                     // "" or as written, e.g. "!!python/object:x"
  std::vector<YamlNode> items;                         // kSequence
  std::vector<std::pair<YamlNode, YamlNode>> entries;  // kMap, in file order
  int32_t line = 0;                                    // from 1
  int32_t column = 0;                                  // from 1
  const YamlNode* Find(const std::string& key) const;  // kMap; nullptr if absent
};

// Errors: kInvalidData "file:line:column: message".
Result<YamlNode> ParseYaml(const std::string& text, const std::string& place);
// Returns `text` quoted where YAML needs it.
std::string YamlScalar(const std::string& text);

}  // namespace bluestem::config
