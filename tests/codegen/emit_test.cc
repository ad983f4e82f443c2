#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

#include "bluestem/codegen/archive.h"
#include "bluestem/codegen/model_source.h"
#include "bluestem/codegen/sources.h"
#include "bluestem/codegen/text.h"
#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

namespace fs = std::filesystem;
using testing::EveryCall;
using testing::LibraryOf;
using testing::Options;
using testing::SmallNetwork;
using testing::TestFolder;

// Sets an environment variable for one test.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    had_ = old != nullptr;
    old_ = had_ ? old : "";
    ::setenv(name, value.c_str(), 1);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { had_ ? ::setenv(name_, old_.c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  bool had_ = false;
  std::string old_;
};

ProcessResult Shell(const std::string& command, const Path& folder) {
  auto result = RunProcess({"/bin/sh", "-c", command}, folder);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ProcessResult{};
}

Bytes Read(const Path& path) {
  auto bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return bytes.ok() ? *bytes : Bytes{};
}

TEST(ModelSource, IsTheSameTextForTheSameProgram) {
  const auto first = codegen::MakeModelSource(*SmallNetwork(1), "1.2.3");
  const auto second = codegen::MakeModelSource(*SmallNetwork(1), "1.2.3");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->model, second->model);
  EXPECT_EQ(first->weights, second->weights);
}

TEST(ModelSource, SaysWhatTheReaderNeeds) {
  const auto source = codegen::MakeModelSource(*SmallNetwork(1), "1.2.3");
  ASSERT_TRUE(source.ok());
  for (const char* text :
       {"Made by Bluestem 1.2.3", "model hash  0000", "2,269,696 multiply-accumulates",
        "// conv2: made by hand\n  edge::RunConv(m.workers, *chosen.call1, kCall1,",
        "kernels::softmax_f32(kCall7, F32(m.arena + ", "watch.Tick(7);"}) {
    EXPECT_NE(source->model.find(text), std::string::npos) << text << "\n" << source->model;
  }
}

TEST(ModelSource, HasNoLineOverTheColumnsButWhatCannotBreak) {
  const auto source = codegen::MakeModelSource(*SmallNetwork(1), "1.2.3");
  ASSERT_TRUE(source.ok());
  std::istringstream lines(source->model);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(ModelSource, RefusesTensorsThatTheInterfaceCannotDescribe) {
  auto program = SmallNetwork(1);
  program->inputs[0].shape = {1, 1, 1, 8, 8, 3, 1};
  auto source = codegen::MakeModelSource(*program, "1");
  EXPECT_EQ(source.status().code(), Code::kUnsupported);
  EXPECT_NE(source.status().message().find("rank 7; an artefact's have at most 6"),
            std::string::npos);
  program->inputs[0] = {.name = "wide", .dtype = DType::kF64, .shape = {1}};
  source = codegen::MakeModelSource(*program, "1");
  EXPECT_EQ(source.status().message(), "tensor 'wide' is f64; an artefact's are f32, u8 or s32");
}

TEST(Text, LiteralsReadBackExactly) {
  for (const float value : {0.1f, -0.0f, 1e-45f, 3.4028235e38f, 16777216.0f}) {
    const std::string text = codegen::FloatLiteral(value);
    EXPECT_EQ(text.back(), 'f');
    const float back = std::strtof(text.c_str(), nullptr);
    EXPECT_EQ(std::memcmp(&back, &value, 4), 0) << text;
  }
  EXPECT_EQ(codegen::DoubleLiteral(1.0), "1.0");
  EXPECT_EQ(codegen::FloatLiteral(-HUGE_VALF), "-__builtin_inff()");
  EXPECT_EQ(codegen::CString("a\"b\\\n\xc3"), R"("a\"b\\\012\303")");
  EXPECT_EQ(codegen::CommentText("a\n*/\\"), "a_*/_");
  EXPECT_EQ(codegen::Grouped(-1234567), "-1,234,567");
}

TEST(Sources, TakeTheFamiliesThatAreNamedAndNoOther) {
  const auto tree =
      codegen::CollectSources(BLUESTEM_SOURCE_ROOT, {"bluestem/kernels/rearrange/rearrange.h"});
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  EXPECT_EQ(tree->files.count("bluestem/kernels/rearrange/rearrange.cc"), 1u);
  for (const auto& [path, content] : tree->files) {
    EXPECT_EQ(path.find("qconv"), std::string::npos) << path;
  }
}

TEST(Emit, NamesAMissingCompilerAndItsPackageBeforeItBuilds) {
  const TestFolder folder;
  const ScopedVariable path("PATH", folder.path().string());
  const Status status = codegen::Emit(*SmallNetwork(1), folder.path() / "out", Options({"armhf"}));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_EQ(status.message(),
            "target armhf needs arm-linux-gnueabihf-g++, which is not installed: apt-get install "
            "g++-arm-linux-gnueabihf");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Emit, ShowsTheCommandAndTheCompilersWordsWhenACompilerFails) {
  const TestFolder folder;
  const Path compiler = folder.path() / "g++";
  std::ofstream(compiler) << "#!/bin/sh\ncase $1 in --version) echo broken 1.0;; *) echo it is "
                             "broken >&2; exit 3;; esac\n";
  fs::permissions(compiler, fs::perms(0755));
  const ScopedVariable path("PATH", folder.path().string() + ":" + std::getenv("PATH"));
  const ScopedVariable cache("XDG_CACHE_HOME", folder.path().string());
  const Status status = codegen::Emit(*SmallNetwork(1), folder.path() / "out", Options({"x86-64"}));
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_NE(status.message().find("g++ ended with 3:\ng++ -std=c++20 -O3"), std::string::npos)
      << status.message();
  EXPECT_NE(status.message().find("it is broken"), std::string::npos) << status.message();
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
  EXPECT_FALSE(fs::exists(folder.path() / "out.tar.gz"));
}

TEST(Emit, ReplacesAnArtefactAndNothingElse) {
  const TestFolder folder;
  std::ofstream(folder.path() / "thesis.txt") << "mine";
  const Status status = codegen::Emit(*SmallNetwork(1), folder.path(), Options({"x86-64"}));
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_NE(status.message().find("exists and is no artefact"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder.path() / "thesis.txt"));
}

TEST(Emit, MakesTheSameArchiveTwice) {
  const TestFolder folder;
  const Path copy = folder.path() / "small";
  ASSERT_TRUE(codegen::Emit(*SmallNetwork(1), copy, Options({"x86-64"})).ok());
  EXPECT_EQ(Read(folder.path() / "small.tar.gz"),
            Read(Path(testing::SmallArtefact()).concat(".tar.gz")));
  ASSERT_TRUE(codegen::Emit(*SmallNetwork(1), copy, Options({"x86-64"})).ok()) << "again, over it";
}

TEST(Emit, SaysWhyAReadOnlyOutputFails) {
  const TestFolder folder;
  const Path root = folder.path() / "tiny";
  fs::create_directory(root);
  if (::mount("none", root.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0) {
    GTEST_SKIP() << "mounting a read-only folder needs root";
  }
  const Status status = codegen::Emit(*SmallNetwork(1), root / "out", Options({"x86-64"}));
  ::umount(root.c_str());
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_NE(status.message().find("Read-only file system"), std::string::npos) << status.message();
}

TEST(Emit, LeavesNothingOnAFullDisk) {
  const TestFolder folder;
  const Path root = folder.path() / "tiny";
  fs::create_directory(root);
  if (::mount("none", root.c_str(), "tmpfs", 0, "size=512k") != 0) {
    GTEST_SKIP() << "mounting a small disk needs root";
  }
  const Status status = codegen::Emit(*SmallNetwork(1), root / "out", Options({"x86-64"}));
  const bool empty = fs::is_empty(root);
  ::umount(root.c_str());
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("No space left"), std::string::npos) << status.message();
  EXPECT_TRUE(empty);
}

TEST(Emit, ArchiveUnpacksInAnEmptyFolderAndBuildsWithOneCall) {
  const TestFolder folder;
  const auto program = testing::FloatNetwork();
  ASSERT_TRUE(codegen::Emit(*program, folder.path() / "float", Options({"x86-64"})).ok());
  const auto built = Shell(
      "mkdir empty && cd empty && tar xzf ../float.tar.gz && cd float && "
      "env -i PATH=\"$PATH\" models/src/build.sh x86-64 rebuilt.so",
      folder.path());
  ASSERT_EQ(built.exit_code, 0) << built.output;
  for (const std::string& isa : testing::IsasHere()) {
    auto theirs = runtime::LoadLibrary(folder.path() / "empty/float/rebuilt.so", isa);
    auto ours = runtime::LoadLibrary(LibraryOf(folder.path() / "float"), isa);
    ASSERT_TRUE(theirs.ok() && ours.ok()) << theirs.status().message();
    const auto inputs = testing::RandomInputs(*program, 3);
    EXPECT_EQ(*(*theirs)->Run(inputs), *(*ours)->Run(inputs));
  }
}

TEST(Emit, GeneratedCodeHasNoWarnings) {
  for (const Path& artefact : {testing::SmallArtefact(), testing::EveryCallArtefact()}) {
    const auto checked =
        Shell("g++ -std=c++20 -Wall -Wextra -Wshadow -Werror -fsyntax-only -I. model.cc weights.cc",
              artefact / "models/src");
    EXPECT_EQ(checked.exit_code, 0) << checked.output;
  }
}

}  // namespace
}  // namespace bluestem
