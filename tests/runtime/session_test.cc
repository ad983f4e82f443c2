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
                     .output = {program::Space::kArena, 0}},
                    {.op = "copy",
                     .comment = "",
                     .params = copy,
                     .inputs = {{program::Space::kArena, 0}},
                     .output = {program::Space::kOutput, 0}}};
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

TEST(Interpret, TakesOneThreadUnlessAskedAndRefusesWhatIsNoNumberOfThem) {
  EXPECT_EQ((*Interpret(Relu()))->threads(), 1);
  EXPECT_EQ((*Interpret(Relu(), "", 3))->threads(), 3);
  EXPECT_GE((*Interpret(Relu(), "", 0))->threads(), 1);
  const auto many = Interpret(Relu(), "", 65);
  EXPECT_EQ(many.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(many.status().message(), "65 threads; expected 1..64, or 0 for one a core");
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
  ExpectRefused(
      library, Code::kInvalidData,
      "artefact ABI version 99; this program speaks versions 1 to 2: use a newer bluestem");
}

// What version 1 had: everything but create_with and session_threads.
constexpr const char* kVersion1 = R"(
#include <stddef.h>
typedef struct { const char* n; int d; int r; long long s[6]; size_t b; double c; int z; } info;
static info kInfo = {"x", 0, 1, {1}, 4, 0, 0};
int bluestem_abi_version(void) { return 1; }
const char* bluestem_model_hash(void) { return "hash"; }
const char* bluestem_status_text(int s) { return s == 0 ? "ok" : "not ok"; }
int bluestem_input_count(void) { return 1; }
int bluestem_output_count(void) { return 1; }
const info* bluestem_input(int i) { return &kInfo; }
const info* bluestem_output(int i) { return &kInfo; }
size_t bluestem_arena_bytes(void) { return 0; }
size_t bluestem_weight_bytes(void) { return 0; }
int bluestem_create(void** s) { *s = &kInfo; return 0; }
int bluestem_create_isa(const char* i, void** s) { *s = &kInfo; return 0; }
void bluestem_destroy(void* s) {}
const char* bluestem_session_isa(const void* s) { return "portable"; }
int bluestem_run(void* s, const void* const* x, void* const* y) {
  *(float*)y[0] = 2 * *(const float*)x[0];
  return 0;
}
int bluestem_op_count(void) { return 0; }
int bluestem_profile(void* s, const void* const* x, void* const* y, void* o) { return 0; }
)";

TEST_F(TestFile, LoadLibraryRunsAnOldLibraryAndSaysThatItHasNoThreads) {
  const Path source = Write("old.c", kVersion1);
  const Path library = folder_ / "old.so";
  const std::string command = "gcc -shared -fPIC -o " + library.string() + " " + source.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto session = LoadLibrary(library);
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ((*session)->threads(), 1);
  EXPECT_EQ((*(*session)->Run({Tensor::Of<float>({1}, {3})}))[0], Tensor::Of<float>({1}, {6}));
  const auto threaded = LoadLibrary(library, "", 2);
  ASSERT_FALSE(threaded.ok());
  EXPECT_EQ(threaded.status().code(), Code::kUnavailable);
  EXPECT_NE(threaded.status().message().find("made by an older bluestem (artefact ABI version 1), "
                                             "before there were threads; convert the model again"),
            std::string::npos)
      << threaded.status().message();
}

}  // namespace
}  // namespace bluestem::runtime
