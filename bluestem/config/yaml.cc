#include "bluestem/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <sstream>
#include <unordered_map>

namespace bluestem::config {
namespace {

using Kind = YamlNode::Kind;

// Carries a refusal of ours through yaml-cpp's parser; it never leaves this file.
struct Refusal : std::exception {
  Refusal(const YAML::Mark& mark, std::string text)
      : line(mark.line + 1), column(mark.column + 1), message(std::move(text)) {}
  int line;
  int column;
  std::string message;
};

// yaml-cpp spells "!!x" out as "tag:yaml.org,2002:x".
std::string AsWritten(const std::string& tag) {
  const std::string prefix = "tag:yaml.org,2002:";
  return tag.rfind(prefix, 0) == 0 ? "!!" + tag.substr(prefix.size()) : tag;
}

size_t CountNodes(const YamlNode& node) {
  size_t count = 1;
  for (const YamlNode& item : node.items) count += CountNodes(item);
  for (const auto& [key, value] : node.entries) count += CountNodes(key) + CountNodes(value);
  return count;
}

// Builds a YamlNode from the parser's events. `open_` holds the containers that are not closed yet,
// outermost first.
class Builder : public YAML::EventHandler {
 public:
  YamlNode Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Finish(Make(mark, Kind::kNull, ""), anchor, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refusal(mark, "an alias stands inside the node that it names");
    nodes_ += found->second.nodes;
    if (nodes_ > kMaxYamlNodes) TooMany(mark);
    Finish(found->second.node, 0, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Make(mark, Kind::kScalar, tag);
    node.scalar = value;
    node.quoted = tag == "!";
    Finish(std::move(node), anchor, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(mark, Kind::kSequence, tag, anchor);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(mark, Kind::kMap, tag, anchor);
  }
  void OnMapEnd() override { End(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool has_key = false;
    YamlNode key;
    std::unordered_map<std::string, int> lines_of_keys;
  };
  struct Anchored {
    YamlNode node;
    size_t nodes;
  };

  [[noreturn]] static void TooMany(const YAML::Mark& mark) {
    throw Refusal(mark, fmt::format("more than {} nodes (aliases count as what they stand for)",
                                    kMaxYamlNodes));
  }

  YamlNode Make(const YAML::Mark& mark, Kind kind, const std::string& tag) {
    if (++nodes_ > kMaxYamlNodes) TooMany(mark);
    YamlNode node;
    node.kind = kind;
    if (tag != "?" && tag != "!") node.tag = AsWritten(tag);
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void Start(const YAML::Mark& mark, Kind kind, const std::string& tag, YAML::anchor_t anchor) {
    if (open_.size() >= kMaxYamlDepth)
      throw Refusal(mark, fmt::format("nested deeper than {}", kMaxYamlDepth));
    Open open;
    open.node = Make(mark, kind, tag);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void End() {
    Open open = std::move(open_.back());
    open_.pop_back();
    YAML::Mark mark;
    mark.line = open.node.line - 1;
    mark.column = open.node.column - 1;
    Finish(std::move(open.node), open.anchor, mark);
  }

  // Hangs a complete node under the innermost open container.
  void Finish(YamlNode node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (anchor != 0) {
      const size_t nodes = CountNodes(node);
      anchored_nodes_ += nodes;  // the copies kept for later aliases are bounded too
      if (anchored_nodes_ > kMaxYamlNodes) TooMany(mark);
      anchors_[anchor] = {node, nodes};
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      if (node.kind == Kind::kScalar) {
        const auto [earlier, is_new] = parent.lines_of_keys.emplace(node.scalar, node.line);
        if (!is_new) {
          throw Refusal(mark, fmt::format("key \"{}\" stands here again; it was given in line {}",
                                          node.scalar, earlier->second));
        }
      }
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      parent.node.entries.push_back({std::move(parent.key), std::move(node)});
      parent.has_key = false;
    }
  }

  YamlNode root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  size_t nodes_ = 0;
  size_t anchored_nodes_ = 0;
};

Status Bad(const std::string& place, int line, int column, const std::string& message) {
  return Error(Code::kInvalidData, "{}:{}:{}: {}", place, std::max(line, 1), std::max(column, 1),
               message);
}

bool LooksLikeNumber(const std::string& text) {
  double value = 0;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

// A plain scalar that every YAML reader takes for the same string.
bool IsPlain(const std::string& text) {
  constexpr std::array kWords = {"null", "true", "false", "yes", "no", "on",
                                 "off",  "y",    "n",     "nan", "inf"};
  if (text.empty() || LooksLikeNumber(text)) return false;
  for (const char c : text) {
    const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '.' || c == '/' || c == '-' || c == '+';
    if (!safe) return false;
  }
  if (text[0] == '-' || text[0] == '.' || text[0] == '+')
    return text.size() > 1 && (text[1] == '/' || text[1] == '.');
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end() &&
         !(text[0] >= '0' && text[0] <= '9');
}

}  // namespace

const YamlNode* YamlNode::Find(const std::string& key) const {
  for (const auto& [name, value] : entries) {
    if (name.kind == Kind::kScalar && name.scalar == key) return &value;
  }
  return nullptr;
}

std::string At(const std::string& place, const YamlNode& node) {
  return fmt::format("{}:{}:{}", place, std::max(node.line, 1), std::max(node.column, 1));
}

Result<YamlNode> ParseYaml(const std::string& text, const std::string& place) {
  if (text.size() > kMaxYamlBytes) {
    return Error(Code::kInvalidData, "{}: {} bytes; expected at most {}", place, text.size(),
                 kMaxYamlBytes);
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder;
    if (!parser.HandleNextDocument(builder)) return YamlNode();
    Builder second;
    if (parser.HandleNextDocument(second)) {
      const YamlNode extra = second.Take();
      return Bad(place, extra.line, extra.column,
                 "a second document begins here; expected one document");
    }
    return builder.Take();
  } catch (const Refusal& refusal) {
    return Bad(place, refusal.line, refusal.column, refusal.message);
  } catch (const YAML::Exception& error) {
    return Bad(place, error.mark.line + 1, error.mark.column + 1, "not YAML: " + error.msg);
  } catch (const std::exception& error) {
    return Bad(place, 1, 1, std::string("not YAML: ") + error.what());
  }
}

std::string YamlScalar(const std::string& text) {
  if (IsPlain(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace bluestem::config
