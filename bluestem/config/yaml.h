// YAML with places: the only door to yaml-cpp. A Node knows its line and column, so every message
// can name them. Tags are kept as text and never acted on, aliases are copies within a node budget,
// depth and size are bounded: a hostile file ends in a Status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/status.h"

namespace bluestem::config {

constexpr size_t kMaxYamlBytes = size_t{1} << 20;
constexpr size_t kMaxYamlNodes = 100000;  // aliases count as the nodes they stand for
constexpr size_t kMaxYamlDepth = 64;

struct YamlEntry;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;             // kScalar: written in quotes, so a string whatever it says
  std::string scalar;              // kScalar, as written
  std::string tag;                 // "" or as written, e.g. "!!python/object:x"
  std::vector<YamlNode> items;     // kSequence
  std::vector<YamlEntry> entries;  // kMap, in file order; scalar keys are unique
  int32_t line = 0;                // from 1
  int32_t column = 0;              // from 1
  const YamlNode* Find(const std::string& key) const;  // kMap; nullptr if absent
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

// Returns "place:line:column".
std::string At(const std::string& place, const YamlNode& node);

// Returns the one document of `text`; an empty text is a kNull node.
// Errors: kInvalidData "file:line:column: message" for bad syntax, a key written twice, more than
// one document, and anything above the limits.
Result<YamlNode> ParseYaml(const std::string& text, const std::string& place);

// Returns `text` quoted where YAML needs it.
std::string YamlScalar(const std::string& text);

}  // namespace bluestem::config
