// A CheckReport as text and as JSON.
#include "bluestem/cli/data_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

namespace bluestem::cli {

namespace {

using data::CheckReport;
using data::DuplicateGroup;
using data::Leak;
using data::Range;
using data::SplitReport;
using data::Unreadable;
using Json = nlohmann::ordered_json;

constexpr size_t kShown = 10;  // lines of a list in the text; the JSON has all

Json RangeJson(const Range& range) {
  return {{"min", range.min}, {"median", range.median}, {"max", range.max}};
}

// Largest class over smallest; 0 when a class is empty.
double Imbalance(const SplitReport& split) {
  const auto [low, high] =
      std::minmax_element(split.class_counts.begin(), split.class_counts.end());
  if (low == split.class_counts.end() || *low == 0) return 0;
  return static_cast<double>(*high) / static_cast<double>(*low);
}

std::string More(size_t count) {
  return count > kShown ? fmt::format("    ... and {} more (--json has all)\n", count - kShown)
                        : "";
}

std::string TogetherText(const SplitReport& split, const std::vector<std::string>& classes) {
  if (split.together.empty()) return "";
  std::string text = fmt::format("  {} pairs of classes share pictures:\n", split.together.size());
  for (size_t i = 0; i < std::min(kShown, split.together.size()); ++i) {
    const data::Together& pair = split.together[i];
    text += fmt::format("    {} + {}: {}\n", classes[static_cast<size_t>(pair.first)],
                        classes[static_cast<size_t>(pair.second)], pair.count);
  }
  return text + More(split.together.size());
}

std::string UncertainText(const SplitReport& split, const std::vector<std::string>& classes) {
  const int64_t total = std::accumulate(split.uncertain.begin(), split.uncertain.end(), int64_t{0});
  if (total == 0) return "";
  std::string text = fmt::format("  {} uncertain marks (-1):\n", total);
  for (size_t i = 0; i < classes.size(); ++i) {
    if (split.uncertain[i] != 0)
      text += fmt::format("    {}: {}\n", classes[i], split.uncertain[i]);
  }
  return text;
}

std::string SplitText(const SplitReport& split, const std::vector<std::string>& classes) {
  std::string text = fmt::format("{}: {} pictures", split.name, split.count);
  if (split.count > static_cast<int64_t>(split.unreadable.size())) {
    text += fmt::format(", height {}..{} (median {}), width {}..{} (median {}){}", split.height.min,
                        split.height.max, split.height.median, split.width.min, split.width.max,
                        split.width.median,
                        split.grey == 0 ? std::string() : fmt::format(", {} grey", split.grey));
  }
  if (split.multi_label) {
    const double share = static_cast<double>(split.without_label) /
                         static_cast<double>(std::max<int64_t>(1, split.count));
    text += fmt::format(", {} without a label ({:.1f} %)", split.without_label, 100 * share);
  }
  const double imbalance = Imbalance(split);
  text += imbalance == 0 ? ", a class is empty\n"
                         : fmt::format(", largest class : smallest {:.2f}\n", imbalance);
  text += UncertainText(split, classes);
  text += TogetherText(split, classes);
  if (!split.unreadable.empty()) text += fmt::format("  {} unreadable:\n", split.unreadable.size());
  for (size_t i = 0; i < std::min(kShown, split.unreadable.size()); ++i) {
    text += fmt::format("    {}: {}\n", split.unreadable[i].name, split.unreadable[i].reason);
  }
  text += More(split.unreadable.size());
  if (!split.duplicates.empty())
    text += fmt::format("  {} groups of equal pictures:\n", split.duplicates.size());
  for (size_t i = 0; i < std::min(kShown, split.duplicates.size()); ++i) {
    const DuplicateGroup& group = split.duplicates[i];
    text += fmt::format("    {}{}\n", fmt::join(group.names, " = "),
                        group.conflicting ? "  (with different labels)" : "");
  }
  return text + More(split.duplicates.size());
}

// What only pictures with any number of classes have.
void AddLabels(const SplitReport& split, const std::vector<std::string>& classes, Json& json) {
  Json together = Json::array();
  for (const data::Together& pair : split.together) {
    together.push_back(
        {{"classes",
          {classes[static_cast<size_t>(pair.first)], classes[static_cast<size_t>(pair.second)]}},
         {"count", pair.count}});
  }
  json["without_label"] = split.without_label;
  json["together"] = std::move(together);
}

}  // namespace

nlohmann::ordered_json CheckJson(const CheckReport& report) {
  Json splits = Json::array();
  for (const SplitReport& split : report.splits) {
    Json counts = Json::array(), uncertain = Json::array();
    for (size_t i = 0; i < report.classes.size(); ++i) {
      counts.push_back({{"name", report.classes[i]}, {"count", split.class_counts[i]}});
      if (split.uncertain[i] != 0)
        uncertain.push_back({{"name", report.classes[i]}, {"count", split.uncertain[i]}});
    }
    Json unreadable = Json::array();
    for (const Unreadable& item : split.unreadable)
      unreadable.push_back({{"name", item.name}, {"reason", item.reason}});
    Json duplicates = Json::array();
    for (const DuplicateGroup& group : split.duplicates) {
      duplicates.push_back({{"names", group.names}, {"conflicting", group.conflicting}});
    }
    splits.push_back({{"name", split.name},
                      {"count", split.count},
                      {"classes", counts},
                      {"uncertain", uncertain},
                      {"imbalance", Imbalance(split)},
                      {"height", RangeJson(split.height)},
                      {"width", RangeJson(split.width)},
                      {"grey", split.grey},
                      {"unreadable", unreadable},
                      {"duplicates", duplicates}});
    if (split.multi_label) AddLabels(split, report.classes, splits.back());
  }
  Json leaks = Json::array();
  for (const Leak& leak : report.leaks) {
    leaks.push_back({{"train", leak.train},
                     {"validation", leak.validation},
                     {"conflicting", leak.conflicting}});
  }
  return {{"clean", report.clean()}, {"splits", splits}, {"leaks", leaks}};
}

std::string CheckText(const CheckReport& report) {
  std::string text = fmt::format("{} classes\n\n", report.classes.size());
  size_t width = 5;
  for (const std::string& name : report.classes) width = std::max(width, name.size());
  text += fmt::format("{:<{}}", "class", width);
  for (const SplitReport& split : report.splits) text += fmt::format("  {:>10}", split.name);
  text += "\n";
  for (size_t i = 0; i < report.classes.size(); ++i) {
    text += fmt::format("{:<{}}", report.classes[i], width);
    for (const SplitReport& split : report.splits)
      text += fmt::format("  {:>10}", split.class_counts[i]);
    text += "\n";
  }
  text += "\n";
  for (const SplitReport& split : report.splits) text += SplitText(split, report.classes);
  if (report.splits.size() < 2) return text;
  if (report.leaks.empty()) return text + "no picture stands in both splits\n";
  text += fmt::format("{} pictures of validation stand in train too:\n", report.leaks.size());
  for (size_t i = 0; i < std::min(kShown, report.leaks.size()); ++i) {
    const Leak& leak = report.leaks[i];
    text += fmt::format("    {} = {}{}\n", leak.validation, leak.train,
                        leak.conflicting ? "  (with different labels)" : "");
  }
  return text + More(report.leaks.size());
}

}  // namespace bluestem::cli
