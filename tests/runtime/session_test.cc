#include "bluestem/runtime/session.h"

#include <dlfcn.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "bluestem/edge/cpu_features.h"

namespace bluestem::runtime {
namespace {

namespace fs = std::filesystem;

// y = max(x, 0) on f32 [1,4], through the arena.
std::shared_ptr<program::Program> Relu() {
  auto program = std::make_shared<program::Program>();
  program->name = "relu";
  program->model_hash = "hash";
  program->inputs = {{.name = "x", .dtype = DType::kF32, .shape = {1, 4}}};
  program->outputs = {{.name = "y", .dtype = DType::kF32, .shape = {1, 4}}};
  program->arena_bytes = 64;
  const kernels::UnaryParams relu = {.op = kernels::UnaryOp::kRelu, .count = 4, .p0 = 0, .p1 = 0};
  const kernels::UnaryParams copy = {.op = kernels::UnaryOp::kCopy, .count = 4, .p0 = 0, .p1 = 0};
  program->calls = {{.op = "relu",
                     .comment = "",
                     .params = relu,
                     .inputs = {{program::Space::kInput, 0}},
                     .output = {program::Space::kArena, 0},
                     .scratch = {}},
                    {.op = "copy",
                     .comment = "",
                     .params = copy,
                     .inputs = {{program::Space::kArena, 0}},
                     .output = {program::Space::kOutput, 0},
                     .scratch = {}}};
  return program;
}

class TestFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bluestem-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  Path Write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  void ExpectRefused(const Path& library, Code code, const std::string& text) {
    const auto session = LoadLibrary(library);
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.status().code(), code);
    EXPECT_NE(session.status().message().find(text), std::string::npos)
        << session.status().message();
    EXPECT_NE(session.status().message().find(library.string()), std::string::npos);
  }
  // A real shared library that is no artefact: libc itself. (Not by a function that sanitizers
  // replace.)
  static Path Libc() {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &info);
    return info.dli_fname;
  }

  Path folder_;
};

TEST(Interpret, RunsCallsInOrder) {
  const auto session = Interpret(Relu());
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto outputs = (*session)->Run({Tensor::Of<float>({1, 4}, {-1, 2, -0.5f, 3})});
  ASSERT_TRUE(outputs.ok());
  EXPECT_EQ((*outputs)[0], Tensor::Of<float>({1, 4}, {0, 2, 0, 3}));
}

TEST(Interpret, ProfilesEachCall) {
  const auto session = Interpret(Relu());
  std::vector<OpProfile> ops;
  ASSERT_TRUE((*session)->Profile({Tensor::Of<float>({1, 4}, {1, 2, 3, 4})}, ops).ok());
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops[0].op, "relu");
  EXPECT_EQ(ops[0].kernel, "unary_f32");
}

TEST(Interpret, NamesTheInputThatDoesNotFit) {
  const auto session = Interpret(Relu());
  EXPECT_EQ((*session)->Run({Tensor(DType::kF32, {1, 5})}).status().message(),
            "input 'x': got f32 [1,5]; the model expects f32 [1,4]");
  EXPECT_EQ((*session)->Run({Tensor(DType::kU8, {1, 4})}).status().message(),
            "input 'x': got u8 [1,4]; the model expects f32 [1,4]");
  EXPECT_EQ((*session)->Run({}).status().message(), "the model has 1 inputs; got 0 tensors");
}

TEST(Interpret, SaysWhatThisCpuHasWhenAnIsaIsMissing) {
  const auto session = Interpret(Relu(), "vax");
  EXPECT_EQ(session.status().code(), Code::kUnavailable);
  EXPECT_EQ(session.status().message().rfind("instruction set 'vax': this CPU has ", 0), 0u);
  EXPECT_NE(session.status().message().find("portable, reference"), std::string::npos);
}

TEST(Interpret, TellsItsIsa) {
  EXPECT_EQ((*Interpret(Relu(), "portable"))->isa(), "portable");
  EXPECT_EQ((*Interpret(Relu()))->isa(), kernels::IsaName(edge::BestIsa(edge::CpuIsas())));
}

TEST(Interpret, RefusesAProgramThatLeavesItsArena) {
  auto program = Relu();
  program->arena_bytes = 8;
  EXPECT_FALSE(Interpret(program).ok());
}

TEST_F(TestFile, LoadLibraryNamesAMissingFile) {
  ExpectRefused(folder_ / "absent.so", Code::kIo, "No such file");
  ExpectRefused(folder_, Code::kIo, "is a folder");
}

TEST_F(TestFile, LoadLibraryRefusesWhatIsNoLibrary) {
  ExpectRefused(Write("empty.so", ""), Code::kInvalidData, "not a shared library");
  ExpectRefused(Write("text.so", std::string(500, 'x')), Code::kInvalidData,
                "not a shared library");
}

TEST_F(TestFile, LoadLibraryNamesBothArchitectures) {
  std::string bytes = *ReadTextFile(Libc());
  const uint16_t other = EM_RISCV;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_machine), &other, sizeof(other));
  ExpectRefused(Write("other.so", bytes), Code::kInvalidData,
                "this library is for RISC-V; this machine is ");
}

TEST_F(TestFile, LoadLibrarySaysThatAFileIsCutShort) {
  const std::string bytes = *ReadTextFile(Libc());
  for (const size_t size : {sizeof(Elf64_Ehdr) + 8, bytes.size() / 2, bytes.size() - 1}) {
    ExpectRefused(Write("cut.so", bytes.substr(0, size)), Code::kInvalidData,
                  fmt::format("cut short: {} bytes, but its header tells of", size));
  }
}

TEST_F(TestFile, LoadLibraryNamesTheMissingFunction) {
  ExpectRefused(Libc(), Code::kInvalidData, "has no bluestem_abi_version: not a Bluestem artefact");
}

TEST_F(TestFile, LoadLibraryRefusesANewerAbi) {
  const Path source = Write("new.c", "int bluestem_abi_version(void) { return 99; }\n");
  const Path library = folder_ / "new.so";
  const std::string command = "gcc -shared -fPIC -o " + library.string() + " " + source.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  ExpectRefused(library, Code::kInvalidData,
                "artefact ABI version 99; this program speaks version 1: use a newer bluestem");
}

}  // namespace
}  // namespace bluestem::runtime
