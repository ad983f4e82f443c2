#include "bluestem/cli/frame.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

namespace bluestem::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnSignal(int) {
  interrupted = 1;
}

struct CodeText {
  Code code;
  const char* text;
};
constexpr CodeText kCodeTexts[] = {
    {Code::kOk, "done"},
    {Code::kInternal, "a defect of Bluestem that was caught"},
    {Code::kInvalidArgument, "wrong command line or configuration"},
    {Code::kInvalidData, "an image, dataset, model or artefact that cannot be read as such"},
    {Code::kUnsupported, "well formed, but outside what Bluestem can do"},
    {Code::kIo, "missing file, no permission, full disk"},
    {Code::kUnavailable, "a compiler, package or device is not installed"},
    {Code::kMismatch, "two results that must be equal are not"},
    {Code::kInterrupted, "Ctrl-C or SIGTERM"},
};

// The help page of one command: description, usage, options, example, exit codes.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(const Command& command) : command_(&command) { column_width(32); }
  std::string make_usage(const CLI::App*, std::string) const override {
    return fmt::format("\nUsage:\n  bluestem {} {} [OPTIONS]\n", command_->name, command_->usage);
  }
  std::string make_footer(const CLI::App*) const override {
    std::string text = "Example:\n";
    std::string example = command_->example;
    for (size_t start = 0; start <= example.size();) {
      const size_t end = std::min(example.find('\n', start), example.size());
      text += "  " + example.substr(start, end - start) + "\n";
      start = end + 1;
    }
    text += "\nExit codes:\n";
    for (const CodeText& row : kCodeTexts) {
      const bool always = row.code == Code::kOk || row.code == Code::kInternal ||
                          row.code == Code::kInvalidArgument || row.code == Code::kInterrupted;
      const auto& own = command_->codes;
      if (!always && std::find(own.begin(), own.end(), row.code) == own.end()) continue;
      text += fmt::format("  {:3}  {}\n", static_cast<int>(row.code), row.text);
    }
    return text;
  }

 private:
  const Command* command_;
};

std::string ListOfCommands(const std::vector<Command>& commands) {
  std::string text =
      "bluestem: a folder of images becomes a compiled low-bit neural network.\n\n"
      "Usage:\n  bluestem COMMAND [OPTIONS]      bluestem COMMAND --help\n\nCommands:\n";
  for (const Command& command : commands) {
    text += fmt::format("  {:<15}{}\n", command.name, command.summary);
  }
  text +=
      "\nExample:\n  bluestem convert runs/first -o first.artefact --target x86-64\n\n"
      "Every command takes --json (one JSON document on stdout; of train JSON lines), --quiet "
      "(errors\n"
      "only) and --help.\n"
      "Exit codes: docs/formats/exit_codes.md, and each command's --help.\n";
  return text;
}

// Returns the number of edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                             cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

Status UnknownCommand(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  std::string family;  // the second words that go with words[0]
  for (const Command& command : commands) {
    const std::string name = command.name;
    names.push_back(name.substr(0, name.find(' ')));
    if (name.rfind(words[0] + " ", 0) == 0) {
      family += (family.empty() ? "" : " or ") + name.substr(words[0].size() + 1);
    }
  }
  if (!family.empty()) {
    return Error(Code::kInvalidArgument, "{}: expected {} after it; see bluestem --help", words[0],
                 family);
  }
  const std::string nearest = Nearest(words[0], names);
  return Error(Code::kInvalidArgument, "unknown command '{}'{}; see bluestem --help", words[0],
               nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest));
}

// Returns the command that the first words name, or null; `used` is how many words that took.
const Command* Find(const std::vector<Command>& commands, const std::vector<std::string>& words,
                    size_t& used) {
  for (used = std::min<size_t>(2, words.size()); used > 0; --used) {
    const std::string name = used == 2 ? words[0] + " " + words[1] : words[0];
    for (const Command& command : commands) {
      if (name == command.name) return &command;
    }
  }
  return nullptr;
}

Status UnexpectedWord(const CLI::App& app, const Command& command, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::string nearest = word.rfind("--", 0) == 0 ? Nearest(word, names) : "";
  return Error(Code::kInvalidArgument, "{}: unexpected '{}'{}; see bluestem {} --help",
               command.name, word,
               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest), command.name);
}

// What --json prints; `command` is nullptr where none was found.
JsonForm FormOf(bool json, const Command* command) {
  if (!json) return JsonForm::kNone;
  return command != nullptr && command->json_lines ? JsonForm::kLines : JsonForm::kDocument;
}

// Parses and runs. `help` is set, and nothing run, where --help was asked for.
Status ParseAndRun(const Command& command, std::vector<std::string> words, Output& output,
                   std::string& help) {
  CLI::App app(command.description, std::string("bluestem ") + command.name);
  app.formatter(std::make_shared<HelpFormatter>(command));
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.allow_extras();
  CommandLine line(app);
  const Runner runner = command.setup(line);
  bool json = false;
  bool quiet = false;
  app.add_flag("--json", json,
               command.json_lines ? "Print JSON lines on stdout instead of text, as work goes on"
                                  : "Print one JSON document on stdout instead of text");
  app.add_flag("-q,--quiet", quiet, "Print errors only");
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes a vector last word first
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    help = app.help();
    return OkStatus();
  } catch (const CLI::ParseError& error) {
    return Error(Code::kInvalidArgument, "{}: {}; see bluestem {} --help", command.name,
                 error.what(), command.name);
  }
  if (!app.remaining().empty()) return UnexpectedWord(app, command, app.remaining().front());
  output = Output(FormOf(json, &command), quiet);
  return runner(output);
}

}  // namespace

bool Interrupted() {
  return interrupted != 0;
}

Status InterruptedStatus() {
  return Status(Code::kInterrupted, "interrupted; nothing was left half written");
}

std::string Nearest(const std::string& word, const std::vector<std::string>& names) {
  std::string best;
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(word, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

int RunTool(const std::vector<Command>& commands, const std::vector<std::string>& words) {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  Output output(FormOf(json, nullptr), false);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    output.Raw(ListOfCommands(commands));
    return static_cast<int>(words.empty() ? Code::kInvalidArgument : Code::kOk);
  }
  std::vector<std::string> rest = words;
  if (rest[0] == "--version") rest[0] = "version";
  size_t used = 0;
  const Command* command = Find(commands, rest, used);
  output = Output(FormOf(json, command), false);
  Status status;
  std::string help;
  if (command == nullptr) {
    status = UnknownCommand(commands, rest);
  } else {
    rest.erase(rest.begin(), rest.begin() + static_cast<int64_t>(used));
    try {
      status = ParseAndRun(*command, rest, output, help);
    } catch (const std::exception& error) {
      status = Error(Code::kInternal, "{}: {}; please report this", command->name, error.what());
    }
  }
  if (!help.empty()) output.Raw(help);
  if (!status.ok() && status.code() != Code::kInterrupted && Interrupted())
    status = InterruptedStatus();
  output.Finish(status);
  return static_cast<int>(status.code());
}

}  // namespace bluestem::cli
