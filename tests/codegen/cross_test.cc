// The compiled models of other machines, under qemu-user.
#include "tests/codegen/fixture.h"

namespace bluestem {
namespace {

using testing::TestFolder;

// Runs the target's bluestem-run on `count` random inputs and compares every output with the
// interpreter.
void ExpectEqualUnderQemu(const std::shared_ptr<program::Program>& program, const Path& artefact,
                          const std::string& target, const std::vector<std::string>& emulator,
                          const std::vector<std::string>& isas) {
  const TestFolder folder;
  auto interpreter = runtime::Interpret(program, "reference");
  ASSERT_TRUE(interpreter.ok());
  constexpr uint32_t kCount = 20;
  Bytes in;
  Bytes expected;
  for (uint32_t seed = 0; seed < kCount; ++seed) {
    const auto inputs = testing::RandomInputs(*program, seed);
    const Bytes input = testing::Concatenated(inputs);
    const Bytes output = testing::Concatenated(*(*interpreter)->Run(inputs));
    in.insert(in.end(), input.begin(), input.end());
    expected.insert(expected.end(), output.begin(), output.end());
  }
  ASSERT_TRUE(WriteFile(folder.path() / "in", in).ok());
  for (const std::string& isa : isas) {
    std::vector<std::string> command = emulator;
    command.push_back((artefact / ("bin/bluestem-run-" + target)).string());
    for (const char* word : {"--raw-in", "in", "--raw-out", "out", "--isa"})
      command.emplace_back(word);
    command.push_back(isa);
    const auto ran = RunProcess(command, folder.path());
    ASSERT_TRUE(ran.ok());
    ASSERT_EQ(ran->exit_code, 0) << ran->output;
    EXPECT_EQ(*ReadFile(folder.path() / "out"), expected) << target << " " << isa;
  }
}

// Expects that bluestem-run does not start with an instruction set that the machine lacks.
void ExpectRefused(const Path& artefact, const std::string& target,
                   std::vector<std::string> command, const std::string& isa) {
  command.push_back((artefact / ("bin/bluestem-run-" + target)).string());
  command.insert(command.end(), {"--isa", isa});
  const auto ran = RunProcess(command, "/");
  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->exit_code, 6) << ran->output;
}

struct Machine {
  const char* target;
  std::vector<std::string> emulator;
  std::vector<std::string> isas;
  std::string lacks;  // an instruction set
};

void CheckMachine(const Machine& machine) {
  const codegen::Target* target = codegen::FindTarget(machine.target);
  for (const std::string& tool : {std::string(target->compiler), machine.emulator[0]}) {
    if (FindProgram(tool).empty()) GTEST_SKIP() << tool << " is not installed";
  }
  const TestFolder folder;
  for (const auto& program : {testing::SmallNetwork(1), testing::EveryCall()}) {
    const Path artefact = folder.path() / program->model_hash;
    const Status status = codegen::Emit(*program, artefact, testing::Options({machine.target}));
    ASSERT_TRUE(status.ok()) << status.message();
    ExpectEqualUnderQemu(program, artefact, machine.target, machine.emulator, machine.isas);
    ExpectRefused(artefact, machine.target, machine.emulator, machine.lacks);
    const auto dynamic =
        RunProcess({"readelf", "-d", testing::LibraryOf(artefact, machine.target).string()}, "/");
    EXPECT_EQ(dynamic->output.find("(NEEDED)"), dynamic->output.rfind("(NEEDED)"))
        << dynamic->output;
    const auto foreign = runtime::LoadLibrary(testing::LibraryOf(artefact, machine.target));
    EXPECT_NE(foreign.status().message().find(
                  fmt::format("this library is for {}; this machine is", machine.target)),
              std::string::npos)
        << foreign.status().message();
  }
}

TEST(Cross, Aarch64GivesTheSameBytes) {
  CheckMachine({"aarch64",
                {"qemu-aarch64", "-cpu", "max"},
                {"neon_dot", "neon", "portable", "reference"},
                "avx2"});
}

TEST(Cross, Aarch64WithoutDotProductsGivesTheSameBytesAndRefusesThem) {
  CheckMachine(
      {"aarch64", {"qemu-aarch64", "-cpu", "cortex-a72"}, {"neon", "portable"}, "neon_dot"});
}

TEST(Cross, ArmhfGivesTheSameBytesOnACortexA9) {
  CheckMachine(
      {"armhf", {"qemu-arm", "-cpu", "cortex-a9"}, {"neon", "portable", "reference"}, "neon_dot"});
}

}  // namespace
}  // namespace bluestem
