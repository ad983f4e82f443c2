// init, config and data from outside, and their refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bluestem/config/experiment.h"
#include "bluestem/image/image.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

void Write(const Path& path, const std::string& text) {
  ASSERT_TRUE(MakeFolder(path.parent_path()).ok());
  std::ofstream(path, std::ios::binary) << text;
}

// Runs `bluestem` on a terminal, types `answers`, and returns what it printed.
struct Conversation {
  int exit_code = 0;
  std::string text;
};
Conversation Talk(const std::vector<std::string>& words, const std::string& answers) {
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    const std::string program = BLUESTEM_BINARY_DIR "/bin/bluestem";
    std::vector<char*> arguments = {const_cast<char*>(program.c_str())};
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(program.c_str(), arguments.data());
    _exit(127);
  }
  EXPECT_EQ(write(terminal, answers.data(), answers.size()), static_cast<ssize_t>(answers.size()));
  Conversation conversation;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(terminal, buffer, sizeof(buffer))) > 0;) {
    conversation.text.append(buffer, static_cast<size_t>(got));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  close(terminal);
  conversation.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return conversation;
}

TEST(Init, WritesAFileThatChecksFromFlags) {
  const Path folder = Scratch();
  const Path images = WriteSmallDataset(folder / "images", 5);
  const std::string file = (folder / "config.yaml").string();
  const ToolResult made =
      Tool({"init", "--yes", "--set", "data.path=" + images.string(), "--set",
            "network.name=bluestem_s", "--set", "train.epochs=7", "-o", file, "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.Json()["format"], "folder");
  EXPECT_EQ(made.Json()["classes"].size(), 3u);
  EXPECT_EQ(made.Json()["image_size"], (nlohmann::json{8, 8, 3}));  // as the pictures
  const Result<config::Experiment> experiment = config::Load(file);
  ASSERT_TRUE(experiment.ok()) << experiment.status().message();
  EXPECT_EQ(experiment->train.epochs, 7);
  EXPECT_EQ(Tool({"config", "check", file}).exit_code, 0);

  const ToolResult again =
      Tool({"init", "--yes", "--set", "data.path=" + images.string(), "-o", file});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("exists already; give --force"));
}

TEST(Init, RefusesWhatCannotBe) {
  const Path folder = Scratch();
  const std::string file = (folder / "config.yaml").string();
  EXPECT_THAT(Tool({"init", "--yes", "-o", file}).err, HasSubstr("data.path: missing"));
  EXPECT_THAT(Tool({"init", "-o", file}).err, HasSubstr("no terminal to ask on"));
  EXPECT_THAT(Tool({"init", "--yes", "--set", "train.bacth=3", "-o", file}).err,
              HasSubstr("did you mean \"train.batch\"?"));
  EXPECT_THAT(Tool({"init", "--yes", "--set", "novalue", "-o", file}).err,
              HasSubstr("expected KEY=VALUE"));
  const ToolResult missing = Tool({"init", "--yes", "--set", "data.path=/none", "-o", file});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_THAT(missing.err, HasSubstr("/none: no such file or folder"));
  EXPECT_TRUE(Listing(folder).empty());
}

TEST(Init, TheWizardAsksAgainWithTheReason) {
  const Path folder = Scratch();
  const Path images = WriteSmallDataset(folder / "images", 5);
  const std::string file = (folder / "config.yaml").string();
  const std::string answers = "flowers\n\nlmnet_v2\nlmnet_v1\n\n/none\n" + images.string() +
                              "\nno\n0\n16\n20x20\n16x16\n3\n\n\n" +
                              "constant\nyes\n1\nyes\n0.1\n0\n0\n0\n0\n0\nno\n";
  const Conversation talk = Talk({"init", "-o", file}, answers);
  ASSERT_EQ(talk.exit_code, 0) << talk.text;
  EXPECT_THAT(talk.text, HasSubstr("network.name: got \"lmnet_v2\"; expected lmnet_v0"));
  EXPECT_THAT(talk.text, HasSubstr("/none: no such file or folder"));
  EXPECT_THAT(talk.text, HasSubstr("found folder, 3 classes (a, b, c), 15 pictures"));
  EXPECT_THAT(talk.text, HasSubstr("train.batch: got 0; expected 1..65536"));
  EXPECT_THAT(talk.text, HasSubstr("got [20, 20]; expected multiples of 8 for lmnet_v1"));
  const Result<config::Experiment> experiment = config::Load(file);
  ASSERT_TRUE(experiment.ok()) << experiment.status().message();
  EXPECT_EQ(experiment->name, "flowers");
  EXPECT_EQ(experiment->train.batch, 16);
  EXPECT_EQ(experiment->data.height, 16);
  EXPECT_EQ(experiment->train.schedule, "constant");
  EXPECT_TRUE(experiment->augmentation.flip);
  EXPECT_EQ(experiment->augmentation.pad_crop, 1);
  EXPECT_EQ(experiment->data.normalize, "per_image_standardization");
}

TEST(Init, WhenTheAnswersEndNothingIsWritten) {
  const Path folder = Scratch();
  const Conversation talk =
      Talk({"init", "-o", (folder / "config.yaml").string()}, "flowers\n\x04");
  EXPECT_EQ(talk.exit_code, 130) << talk.text;
  EXPECT_TRUE(Listing(folder).empty());
}

TEST(Config, AMistypedKeyIsNamedWithItsPlace) {
  const Path folder = Scratch();
  Write(folder / "c.yaml", "data:\n  path: x\nnetwrok:\n  name: lmnet_v1\n");
  const ToolResult result = Tool({"config", "check", (folder / "c.yaml").string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("c.yaml:3:1: unknown key \"netwrok\"; did you mean \"network\"?"));
}

TEST(Config, KeysAreListedAsMarkdownAndJson) {
  EXPECT_THAT(Tool({"config", "keys"}).out,
              HasSubstr("| `train.batch` | integer | `64` | 1..65536 |"));
  EXPECT_GT(Tool({"config", "keys", "--json"}).Json().size(), 30u);
}

TEST(Data, ACleanDatasetPassesAndABrokenOneEndsWithThree) {
  const Path images = WriteSmallDataset(Scratch() / "images", 4);
  const ToolResult clean = Tool({"data", "check", images.string(), "--json"});
  ASSERT_EQ(clean.exit_code, 0) << clean.err;
  EXPECT_EQ(clean.Json()["clean"], true);
  EXPECT_EQ(clean.Json()["splits"][0]["count"], 12);
  Write(images / "a" / "broken.jpg", "\xff\xd8\xff\xe0 and no more");
  const ToolResult broken = Tool({"data", "check", images.string()});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.out, HasSubstr("broken.jpg: JPEG: truncated or corrupt header"));
  EXPECT_THAT(broken.err, HasSubstr("1 unreadable pictures"));
  const auto document = Tool({"data", "check", images.string(), "--json"}).Json();  // one alone
  EXPECT_EQ(document["clean"], false);
  EXPECT_EQ(document["splits"][0]["unreadable"].size(), 1u);
  EXPECT_EQ(document["error"]["code"], "invalid_data");
}

TEST(Data, ALeakEndsWithThree) {
  const Path folder = Scratch();
  const Path train = WriteSmallDataset(folder / "images" / "train", 3);
  const Path validation = folder / "images" / "validation";
  ASSERT_TRUE(MakeFolder(validation / "a").ok());
  std::filesystem::copy_file(train / "a" / Listing(train / "a")[0], validation / "a" / "copy.png");
  const ToolResult result = Tool({"data", "check", (folder / "images").string()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.out, HasSubstr("1 pictures of validation stand in train too"));
}

TEST(Data, ShowWritesTheSameSheetForTheSameSeed) {
  const Path folder = Scratch();
  const Path images = WriteSmallDataset(folder / "images", 6);
  std::vector<std::string> sheets;
  for (const char* seed : {"1", "1", "2"}) {
    const Path sheet = folder / "sheet.png";
    const ToolResult result = Tool(
        {"data", "show", images.string(), "-o", sheet.string(), "--count", "9", "--seed", seed});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    ASSERT_TRUE(image::DecodeFile(sheet).ok());
    sheets.push_back(*ReadTextFile(sheet));
  }
  EXPECT_EQ(sheets[0], sheets[1]);
  EXPECT_NE(sheets[0], sheets[2]);
  EXPECT_EQ(Tool({"data", "show"}).exit_code, 2);
  EXPECT_EQ(Tool({"data", "show", (folder / "none").string()}).exit_code, 5);
}

}  // namespace
}  // namespace bluestem::cli
