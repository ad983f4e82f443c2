// Fields: the one table of an experiment's keys. Parsing, --set, the annotated YAML, the reference
// and the wizard of `bluestem init` all read it; a key exists in all of them or in none.
//
//   for (const Field& field : Fields()) Print(field.key, TypeName(field), AllowedText(field));
//
// Threads: the table is constant. Ownership: a Ref points into the Experiment it was made from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/config/yaml.h"

namespace bluestem::config {

// A pair written [height, width].
struct SizeRef {
  int64_t* height;
  int64_t* width;
};

// Where a key's value lies in an Experiment; its alternative is the key's type.
using Ref =
    std::variant<int64_t*, double*, bool*, std::string*, std::vector<std::string>*, SizeRef>;

struct Field {
  const char* key;  // "train.batch"; without a point: top level
  Ref (*ref)(Experiment& experiment);
  double min = 0;  // integers, numbers and both parts of a size: the closed range
  double max = 0;
  const char* choices = "";  // text: the allowed words, separated by blanks; "" allows any text
  bool is_path = false;      // text: a path, resolved by Load
  const char* help = "";     // one sentence
};

// In the order of the file.
std::span<const Field> Fields();
// Returns nullptr when there is no such key.
const Field* FindField(const std::string& key);

// "integer", "number", "true or false", "text", "path", "list of text", "[height, width]".
std::string TypeName(const Field& field);
// "1..8", "nearest, bilinear or area", "true or false"; "" when anything goes.
std::string AllowedText(const Field& field);
// The value in `experiment` as YAML writes it.
std::string ValueText(const Field& field, const Experiment& experiment);
// The default, as YAML writes it.
std::string DefaultText(const Field& field);

// Reads `node` into the field. Errors: kInvalidArgument "key: got ...; expected ...".
Status Assign(const Field& field, const YamlNode& node, Experiment& experiment);

// Returns " ; did you mean ...?" material: the nearest of `names` by edit distance; "" when none is
// near.
std::string NearestName(const std::string& word, const std::vector<std::string>& names);

// A rule that joins several keys: which key to name, and why it does not fit ("got 30; expected
// ...").
struct Violation {
  const char* key;
  std::string message;
};
// Returns the first violated rule; an empty key when all hold.
Violation FirstViolation(const Experiment& experiment);

}  // namespace bluestem::config
