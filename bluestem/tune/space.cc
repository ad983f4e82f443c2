#include "bluestem/tune/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "bluestem/base/rng.h"

namespace bluestem::tune {
namespace {

using config::At;
using config::YamlNode;
using NodeKind = YamlNode::Kind;

struct KindRow {
  const char* name;
  Kind kind;
  const char* type;  // of the keys that it fits, as config::TypeName says; "" fits all
};
constexpr std::array kKinds = {
    KindRow{"uniform", Kind::kUniform, "number"},
    KindRow{"log_uniform", Kind::kLogUniform, "number"},
    KindRow{"integer", Kind::kInteger, "integer"},
    KindRow{"choice", Kind::kChoice, ""},
};

std::string KindNames() {
  std::string names;
  for (const KindRow& row : kKinds) names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

Result<const config::Field*> ReadKey(const YamlNode& key, const std::string& place) {
  const std::string at = At(place, key);
  const config::Field* field = config::FindField(key.scalar);
  if (field == nullptr) {
    for (const config::Field& known : config::Fields()) {
      if (std::string(known.key).rfind(key.scalar + ".", 0) != 0) continue;
      return Error(Code::kInvalidArgument, "{}: {}: a section; expected whole keys, as {}", at,
                   key.scalar, known.key);
    }
    config::Experiment scratch;
    return config::Set(scratch, key.scalar, "").At(at);
  }
  const std::span<const KeyRule> rules = KeyRules();
  const auto rule = std::find_if(rules.begin(), rules.end(),
                                 [&](const KeyRule& r) { return key.scalar == r.key; });
  BLUESTEM_CHECK(rule != rules.end(), "every key has its rule");
  if (*rule->shared == '\0') return field;
  return Error(Code::kInvalidArgument, "{}: {}: a search cannot vary it: {}", at, key.scalar,
               rule->shared);
}

// The number that `node` gives the field; the field's own parser refuses what it may not have.
Result<double> ReadBound(const config::Field& field, const YamlNode& node,
                         const std::string& place) {
  config::Experiment scratch;
  BLUESTEM_RETURN_IF_ERROR(config::Assign(field, node, scratch).At(At(place, node)));
  const config::Ref ref = field.ref(scratch);
  if (const auto* const* integer = std::get_if<int64_t*>(&ref))
    return static_cast<double>(**integer);
  return *std::get<double*>(ref);
}

Status ReadRange(const YamlNode& node, const std::string& place, const char* kind,
                 Dimension& dimension) {
  const char* key = dimension.field->key;
  if (node.kind != NodeKind::kSequence || node.items.size() != 2) {
    return Error(Code::kInvalidArgument, "{}: {}: expected two bounds, as {}: [low, high]",
                 At(place, node), key, kind);
  }
  BLUESTEM_ASSIGN_OR_RETURN(dimension.low, ReadBound(*dimension.field, node.items[0], place));
  BLUESTEM_ASSIGN_OR_RETURN(dimension.high, ReadBound(*dimension.field, node.items[1], place));
  if (dimension.low >= dimension.high) {
    return Error(Code::kInvalidArgument, "{}: {}: got [{}, {}]; expected a lower bound first",
                 At(place, node), key, dimension.low, dimension.high);
  }
  if (dimension.kind == Kind::kLogUniform && dimension.low <= 0) {
    return Error(Code::kInvalidArgument,
                 "{}: {}: got {}; expected more than 0, which has no logarithm; uniform takes 0",
                 At(place, node.items[0]), key, dimension.low);
  }
  return OkStatus();
}

// The choice with a relative path made absolute from `folder`; "" leaves paths as written.
YamlNode Resolved(const config::Field& field, YamlNode node, const Path& folder) {
  if (!field.is_path || folder.empty() || node.scalar.empty()) return node;
  node.quoted = true;
  node.scalar = (folder / node.scalar).lexically_normal().string();
  return node;
}

Status ReadChoices(const YamlNode& node, const std::string& place, const Path& folder,
                   Dimension& dimension) {
  const config::Field& field = *dimension.field;
  if (node.kind != NodeKind::kSequence || node.items.size() < 2) {
    return Error(Code::kInvalidArgument, "{}: {}: expected a list of at least two values",
                 At(place, node), field.key);
  }
  std::vector<std::string> texts;
  for (const YamlNode& written : node.items) {
    config::Experiment scratch;
    const YamlNode item = Resolved(field, written, folder);
    BLUESTEM_RETURN_IF_ERROR(config::Assign(field, item, scratch).At(At(place, item)));
    const std::string text = config::ValueText(field, scratch);
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) {
      return Error(Code::kInvalidArgument, "{}: {}: got {} twice; expected different values",
                   At(place, item), field.key, text);
    }
    texts.push_back(text);
    dimension.choices.push_back(item);
  }
  return OkStatus();
}

Result<Dimension> ReadDimension(const config::Field& field, const YamlNode& node,
                                const std::string& place, const Path& folder) {
  Dimension dimension{.field = &field};
  if (node.kind == NodeKind::kSequence) {
    BLUESTEM_RETURN_IF_ERROR(ReadChoices(node, place, folder, dimension));
    return dimension;
  }
  if (node.kind != NodeKind::kMap || node.entries.size() != 1) {
    return Error(Code::kInvalidArgument,
                 "{}: {}: expected a list of values, or one of {}, as {{choice: [a, b]}}",
                 At(place, node), field.key, KindNames());
  }
  const auto& [name, value] = node.entries[0];
  const std::string& kind = name.scalar;  // clang captures no structured binding
  const auto* row =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const KindRow& r) { return kind == r.name; });
  if (row == kKinds.end()) {
    return Error(Code::kInvalidArgument, "{}: {}: got \"{}\"; expected {}", At(place, name),
                 field.key, name.scalar, KindNames());
  }
  const std::string type = config::TypeName(field);
  if (*row->type != '\0' && type != row->type) {
    const char* use = type == "integer"  ? "integer or choice"
                      : type == "number" ? "uniform, log_uniform or choice"
                                         : "choice";
    return Error(Code::kInvalidArgument,
                 "{}: {}: got {}, which draws keys of type {}; this one is of type {}: use {}",
                 At(place, name), field.key, row->name, row->type, type, use);
  }
  dimension.kind = row->kind;
  const Status status = row->kind == Kind::kChoice ? ReadChoices(value, place, folder, dimension)
                                                   : ReadRange(value, place, row->name, dimension);
  if (!status.ok()) return status;
  return dimension;
}

template <typename T>
YamlNode Number(T value) {
  YamlNode node;
  node.kind = NodeKind::kScalar;
  node.scalar = fmt::format("{}", value);
  return node;
}

// Four significant digits, within the bounds.
double Rounded(double value, const Dimension& dimension) {
  const std::string text = fmt::format("{:.4g}", value);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, dimension.low, dimension.high);
}

YamlNode DrawValue(const Dimension& dimension, Rng& rng) {
  const double low = dimension.low, high = dimension.high;
  switch (dimension.kind) {
    case Kind::kUniform: return Number(Rounded(rng.Uniform(low, high), dimension));
    case Kind::kLogUniform:
      return Number(Rounded(std::exp(rng.Uniform(std::log(low), std::log(high))), dimension));
    case Kind::kInteger:
      return Number(static_cast<int64_t>(low) +
                    static_cast<int64_t>(rng.Below(static_cast<uint64_t>(high - low) + 1)));
    case Kind::kChoice: break;
  }
  return dimension.choices[rng.Below(dimension.choices.size())];
}

// Relative paths count from `folder`; "" leaves them as written.
Result<Space> Read(const std::string& yaml, const std::string& place, const Path& folder) {
  const Result<YamlNode> root = config::ParseYaml(yaml, place);
  if (!root.ok()) return Status(Code::kInvalidArgument, root.status().message());
  if (root->kind != NodeKind::kMap || root->entries.empty()) {
    return Error(Code::kInvalidArgument,
                 "{}: expected a line a key, as train.learning_rate: {{log_uniform: [0.01, 0.5]}}",
                 At(place, *root));
  }
  Space space;
  for (const auto& [key, value] : root->entries) {
    BLUESTEM_ASSIGN_OR_RETURN(const config::Field* field, ReadKey(key, place));
    BLUESTEM_ASSIGN_OR_RETURN(Dimension dimension, ReadDimension(*field, value, place, folder));
    space.dimensions.push_back(std::move(dimension));
  }
  return space;
}

}  // namespace

Result<Space> ParseSpace(const std::string& yaml, const std::string& place) {
  return Read(yaml, place, "");
}

Result<Space> LoadSpace(const Path& path) {
  BLUESTEM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, config::kMaxYamlBytes));
  return Read(text, path.string(), std::filesystem::absolute(path).parent_path());
}

std::string SpaceToYaml(const Space& space) {
  std::string yaml;
  for (const Dimension& dimension : space.dimensions) {
    std::vector<std::string> values;
    for (const YamlNode& choice : dimension.choices) {
      config::Experiment scratch;
      BLUESTEM_CHECK(config::Assign(*dimension.field, choice, scratch).ok(),
                     "ParseSpace checked the choices");
      values.push_back(config::ValueText(*dimension.field, scratch));
    }
    if (dimension.kind != Kind::kChoice)
      values = {fmt::format("{}", dimension.low), fmt::format("{}", dimension.high)};
    const auto* row = std::find_if(kKinds.begin(), kKinds.end(),
                                   [&](const KindRow& r) { return r.kind == dimension.kind; });
    yaml +=
        fmt::format("{}: {{{}: [{}]}}\n", dimension.field->key, row->name, fmt::join(values, ", "));
  }
  return yaml;
}

uint64_t Points(const Space& space) {
  uint64_t points = 1;
  for (const Dimension& dimension : space.dimensions) {
    uint64_t values = dimension.choices.size();
    if (dimension.kind == Kind::kInteger)
      values = static_cast<uint64_t>(dimension.high - dimension.low) + 1;
    if (values == 0 || points > std::numeric_limits<uint32_t>::max() / values) return 0;
    points *= values;
  }
  return points;
}

config::Experiment DrawTrial(const Space& space, uint64_t seed, int64_t trial,
                             const config::Experiment& base) {
  constexpr uint64_t kStream = 0x74756e65;  // "tune": apart from the streams of training
  Rng rng(seed, static_cast<uint64_t>(trial), kStream);
  config::Experiment experiment = base;
  for (const Dimension& dimension : space.dimensions) {
    const Status status = config::Assign(*dimension.field, DrawValue(dimension, rng), experiment);
    BLUESTEM_CHECK(status.ok(), status.message().c_str());
  }
  return experiment;
}

}  // namespace bluestem::tune
