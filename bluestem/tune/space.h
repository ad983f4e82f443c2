// Space: which values of which configuration keys a search may try. A YAML file, one key a line:
//
//   train.learning_rate: {log_uniform: [0.01, 0.5]}    number; equal chances for equal ratios
//   train.label_smoothing: {uniform: [0, 0.2]}         number
//   augmentation.pad_crop: {integer: [0, 4]}           integer; both ends are possible
//   network.width: [16, 32]                            any key; as {choice: [16, 32]}
//
// Keys, types and ranges are those of config/fields.h. Threads: free functions without state; a
// Space is a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bluestem/config/experiment.h"
#include "bluestem/config/fields.h"

namespace bluestem::tune {

enum class Kind : uint8_t { kUniform, kLogUniform, kInteger, kChoice };

struct Dimension {
  const config::Field* field = nullptr;  // of the field table
  Kind kind = Kind::kChoice;
  double low = 0;  // but for kChoice
  double high = 0;
  std::vector<config::YamlNode> choices;  // kChoice: each one a value of the field, all different
};

struct Space {
  std::vector<Dimension> dimensions;  // in the order of the file, at least one
};

// Whether a key may vary: every key of config::Fields() has its row, in their order.
struct KeyRule {
  const char* key;
  const char* shared;  // why all trials share its value, for messages; "": it may vary
};
std::span<const KeyRule> KeyRules();

// Paths are as written. Errors: kInvalidArgument "place:line:column: key: got ...; expected ..."
// for syntax, an unknown key (names the nearest), a key that must be the same in all trials, and
// values out of its range.
Result<Space> ParseSpace(const std::string& yaml, const std::string& place);
// As ParseSpace, with relative paths made absolute from the folder of `path`. Errors: also kIo.
Result<Space> LoadSpace(const Path& path);
// ParseSpace(SpaceToYaml(s)) is s.
std::string SpaceToYaml(const Space& space);

// How many different trials there are; 0 where a dimension is continuous or they are countless.
uint64_t Points(const Space& space);

// Returns `base` with trial `trial`'s values, drawn from the stream of (seed, trial). Numbers have
// four significant digits, so that a table shows what was trained.
config::Experiment DrawTrial(const Space& space, uint64_t seed, int64_t trial,
                             const config::Experiment& base);

}  // namespace bluestem::tune
