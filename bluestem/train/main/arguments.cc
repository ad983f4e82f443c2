#include <charconv>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bluestem/train/main/commands.h"

namespace bluestem::train {
namespace {

struct TextOption {
  const char* name;
  std::string Arguments::*value;
};
constexpr TextOption kTextOptions[] = {
    {"--config", &Arguments::config},  {"--run", &Arguments::run},
    {"--data", &Arguments::data},      {"--format", &Arguments::format},
    {"--split", &Arguments::split},    {"--scores", &Arguments::scores},
    {"--output", &Arguments::output},  {"-o", &Arguments::output},
    {"--compare", &Arguments::compare}};
struct Flag {
  const char* name;
  bool Arguments::*value;
};
constexpr Flag kFlags[] = {
    {"--resume", &Arguments::resume}, {"--json", &Arguments::json}, {"--quiet", &Arguments::quiet}};

}  // namespace

Result<Arguments> ParseArguments(int count, char** words) {
  Arguments arguments;
  for (int i = 0; i < count; ++i) {
    const std::string word = words[i];
    bool known = false;
    for (const Flag& flag : kFlags) {
      if (word == flag.name) arguments.*flag.value = known = true;
    }
    if (known) continue;
    std::string* text = nullptr;
    for (const TextOption& option : kTextOptions) {
      if (word == option.name) text = &(arguments.*option.value);
    }
    const bool takes_value = text != nullptr || word == "--set" || word == "--limit";
    if (!takes_value)
      return Error(Code::kInvalidArgument, "{}: no such option; see bluestem-train --help", word);
    if (i + 1 >= count) return Error(Code::kInvalidArgument, "{}: a value must follow", word);
    const char* value = words[++i];
    if (text != nullptr) {
      *text = value;
    } else if (word == "--set") {
      arguments.set.emplace_back(value);
    } else {
      const char* end = value + std::strlen(value);
      const auto [stopped, error] = std::from_chars(value, end, arguments.limit);
      if (error != std::errc() || stopped != end || arguments.limit < 0)
        return Error(Code::kInvalidArgument, "--limit: got {}; expected a number from 0 on", value);
    }
  }
  return arguments;
}

int Fail(const Status& status, bool json) {
  if (json) {
    const nlohmann::ordered_json line = {
        {"error", {{"code", CodeName(status.code())}, {"message", status.message()}}}};
    std::printf("%s\n", line.dump().c_str());
  }
  std::fprintf(stderr, "bluestem: error: %s\n", status.message().c_str());
  return static_cast<int>(status.code());
}

}  // namespace bluestem::train
