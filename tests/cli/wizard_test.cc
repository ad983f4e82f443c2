// init on a terminal: a pseudo-terminal asks, the test answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bluestem/config/experiment.h"
#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

struct Dialogue {
  std::string shown;
  int status = -1;  // of waitpid
};

// Runs `bluestem init -o FILE` and answers each question (a line that ends in ": ") with the next
// of `answers`, then with Enter.
Dialogue Init(const Path& file, std::vector<std::string> answers) {
  Dialogue dialogue;
  int terminal = -1;
  const int pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) {
    const std::string tool = BLUESTEM_BINARY_DIR "/bin/bluestem";
    ::execl(tool.c_str(), "bluestem", "init", "-o", file.c_str(), nullptr);
    ::_exit(127);
  }
  size_t asked = 0;
  pollfd ready{terminal, POLLIN, 0};
  constexpr int kPatienceMilliseconds = 20000;
  while (::poll(&ready, 1, kPatienceMilliseconds) > 0) {
    char buffer[4096];
    const ssize_t count = ::read(terminal, buffer, sizeof(buffer));
    if (count <= 0) break;
    dialogue.shown.append(buffer, static_cast<size_t>(count));
    if (!dialogue.shown.ends_with(": ")) continue;
    const std::string line = (asked < answers.size() ? answers[asked] : "") + "\n";
    ++asked;
    if (::write(terminal, line.data(), line.size()) < 0) break;
  }
  ::close(terminal);
  ::waitpid(pid, &dialogue.status, 0);
  return dialogue;
}

TEST(Wizard, AsksAgainWhatIsWrongAndWritesTheAnswers) {
  const Path data = WriteSmallDataset(Scratch() / "data", 8);
  const Path file = Scratch() / "config.yaml";
  const Dialogue dialogue = Init(file, {"birds", "", "bluestem_t", "bluestem_s", "", "/nowhere",
                                        data.string(), "", "none", "7", "8x8"});
  ASSERT_TRUE(WIFEXITED(dialogue.status)) << dialogue.shown;
  EXPECT_EQ(WEXITSTATUS(dialogue.status), 0) << dialogue.shown;
  EXPECT_THAT(dialogue.shown, HasSubstr("did you mean \"bluestem_s\"?"));
  EXPECT_THAT(dialogue.shown, HasSubstr("/nowhere: no such file or folder"));
  EXPECT_THAT(dialogue.shown, HasSubstr("3 classes (a, b, c)"));
  const auto experiment = config::Load(file);
  ASSERT_TRUE(experiment.ok()) << experiment.status().message();
  EXPECT_EQ(experiment->name, "birds");
  EXPECT_EQ(experiment->network.name, "bluestem_s");
  EXPECT_EQ(experiment->data.path, data.string());
  EXPECT_EQ(experiment->train.batch, 7);
  EXPECT_EQ(experiment->data.height, 8);
}

TEST(Wizard, AsksForTheColumnsOfATableThatItCannotRead) {
  const Path data = WriteSmallDataset(Scratch() / "data", 20);
  std::string table = "image,age,x,y\n";
  for (int i = 0; i < 20; ++i)
    table += fmt::format("a/{}.png,{},{},{}\n", i, 40 + i, i % 2, i == 19 ? -1 : i / 14);
  ASSERT_TRUE(WriteFile(data / "labels.csv", table).ok());
  const Path file = Scratch() / "config.yaml";
  const Dialogue dialogue =
      Init(file, {"", "", "bluestem_s", "", data.string(), "", "x,y", "one", "", "", "8x8"});
  ASSERT_TRUE(WIFEXITED(dialogue.status)) << dialogue.shown;
  EXPECT_EQ(WEXITSTATUS(dialogue.status), 0) << dialogue.shown;
  EXPECT_THAT(dialogue.shown, HasSubstr("column \"age\": got \"40\"; expected 0, 1 or nothing"));
  EXPECT_THAT(dialogue.shown, HasSubstr("found csv, 2 classes (x, y), any number a picture"));
  const auto experiment = config::Load(file);
  ASSERT_TRUE(experiment.ok()) << experiment.status().message();
  EXPECT_EQ(experiment->task, "multi_label_classification");
  EXPECT_EQ(experiment->data.label_columns, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(experiment->data.uncertain, "one");
}

TEST(Wizard, WritesNothingAfterCtrlC) {
  const Path file = Scratch() / "config.yaml";
  const Dialogue dialogue = Init(file, {"birds", "\x03"});
  ASSERT_TRUE(WIFEXITED(dialogue.status)) << dialogue.shown;
  EXPECT_EQ(WEXITSTATUS(dialogue.status), 130);
  EXPECT_EQ(Listing(Scratch()).size(), 0u);
}

}  // namespace
}  // namespace bluestem::cli
