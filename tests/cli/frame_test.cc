// The frame: help, unknown words, exit codes, and completeness of the table of commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The commands, as the help page lists them.
std::vector<std::string> CommandNames() {
  std::istringstream lines(Tool({"--help"}).out);
  std::vector<std::string> names;
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Commands:") {
      listed = true;
    } else if (line.empty()) {
      listed = false;
    } else if (listed) {
      const size_t end = line.find("  ", 2);
      names.push_back(line.substr(2, end - 2));
    }
  }
  return names;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

TEST(Frame, ListsTheCommandsOfTheIssue) {
  const std::vector<std::string> names = CommandNames();
  for (const char* name : {"train", "tune", "sensitivity", "evaluate", "export", "convert",
                           "inspect", "run", "measure", "profile", "doctor", "version"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
}

TEST(Frame, EveryCommandHasHelpWithAnExampleAndExitCodes) {
  for (const std::string& name : CommandNames()) {
    std::vector<std::string> words = Words(name);
    words.push_back("--help");
    const ToolResult result = Tool(words);
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_THAT(result.out, HasSubstr("Usage:\n  bluestem " + name)) << name;
    EXPECT_THAT(result.out, HasSubstr("Example:\n  bluestem " + name)) << name;
    EXPECT_THAT(result.out, HasSubstr("Exit codes:")) << name;
    EXPECT_THAT(result.out, HasSubstr("--json")) << name;
    EXPECT_THAT(result.out, HasSubstr("--quiet")) << name;
  }
}

TEST(Frame, OnlyTrainPromisesJsonLines) {
  for (const std::string& name : CommandNames()) {
    std::vector<std::string> words = Words(name);
    words.push_back("--help");
    const std::string help = Tool(words).out;
    const bool lines = help.find("  Print JSON lines on stdout instead of text") != help.npos;
    const bool document = help.find("  Print one JSON document on stdout") != help.npos;
    EXPECT_EQ(lines, name == "train") << name;
    EXPECT_EQ(document, name != "train") << name;
  }
  EXPECT_THAT(Tool({"--help"}).out,
              HasSubstr("--json (one JSON document on stdout; of train JSON lines)"));
}

TEST(Frame, EveryCommandStandsInTheListOfExitCodesWithTheCodesOfItsHelp) {
  const std::string page =
      ReadTextFile(Path(BLUESTEM_SOURCE_ROOT) / "docs/formats/exit_codes.md").value();
  for (const std::string& name : CommandNames()) {
    const size_t at = page.find("| `" + name + "` |");
    ASSERT_NE(at, std::string::npos) << "docs/formats/exit_codes.md lacks a row for " << name;
    std::istringstream cells(page.substr(at, page.find('\n', at) - at));
    std::string cell;
    std::getline(cells, cell, '|');
    std::getline(cells, cell, '|');
    std::vector<std::string> words = Words(name);
    words.push_back("--help");
    const std::string help = Tool(words).out;
    for (int code = 3; code <= 7; ++code) {
      std::getline(cells, cell, '|');
      const bool documented = cell.find('x') != std::string::npos;
      const bool in_help = help.find(fmt::format("\n    {}  ", code)) != std::string::npos;
      EXPECT_EQ(documented, in_help) << name << " and code " << code;
    }
  }
}

TEST(Frame, SuggestsTheNearestCommandAndOption) {
  const ToolResult command = Tool({"conver", "x"});
  EXPECT_EQ(command.exit_code, 2);
  EXPECT_EQ(command.err,
            "bluestem: error: unknown command 'conver'; did you mean 'convert'?; see bluestem "
            "--help\n");
  const ToolResult option = Tool({"convert", "x", "-o", "y", "--targt", "armhf"});
  EXPECT_EQ(option.exit_code, 2);
  EXPECT_THAT(option.err, HasSubstr("unexpected '--targt'; did you mean --target?"));
  EXPECT_THAT(Tool({"zzzzzzzz"}).err, Not(HasSubstr("did you mean")));
}

TEST(Frame, PrintsTheHelpAndFailsWithoutACommand) {
  const ToolResult result = Tool({});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, HasSubstr("Commands:"));
}

TEST(Frame, GivesErrorsAsJson) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"convert", "nothing", "-o", "x", "--json"},
                                             {"convert", "--json"},
                                             {"cnovert", "--json"}}) {
    const ToolResult result = Tool(words);
    EXPECT_NE(result.exit_code, 0);
    const auto error = result.Json().at("error");
    EXPECT_FALSE(error.at("message").get<std::string>().empty());
    EXPECT_EQ(error.at("code"), result.exit_code == 5 ? "io" : "invalid_argument");
    EXPECT_THAT(result.err, HasSubstr("bluestem: error: "));
  }
}

TEST(Frame, SaysNothingUnderQuiet) {
  const ToolResult result = Tool({"version", "--quiet"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out + result.err, "");
}

TEST(Version, GivesVersionCommitCompilerAndAbi) {
  const auto document = Tool({"version", "--json"}).Json();
  for (const char* key : {"version", "commit", "compiler", "abi"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
}

TEST(Doctor, NamesThePackageOfWhatIsMissing) {
  const ToolResult result =
      Tool({"doctor"}, {.environment = {"PATH=/nowhere"}, .while_running = {}});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.out, HasSubstr("apt-get install "));
  EXPECT_THAT(result.out, HasSubstr("qemu-user"));
  EXPECT_THAT(result.err, HasSubstr("missing: "));
}

TEST(Doctor, FindsTheCompilerOfThisMachine) {
  const ToolResult result = Tool({"doctor", "--json"});
  const auto document = result.Json();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(document.at("isas").empty());
  EXPECT_GT(document.at("free_bytes").get<uint64_t>(), 0u);
}

}  // namespace
}  // namespace bluestem::cli
