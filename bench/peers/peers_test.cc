// Runs the programs that compare us with others on something small, and reads what they print.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/peers/report.h"
#include "bluestem/edge/cpu_features.h"

namespace bluestem::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kBuild = BLUESTEM_BINARY_DIR;

struct Output {
  int exit_code;
  std::string text;
};

// Runs a shell's command line in the build folder; `variable`: "NAME=VALUE" of its environment.
Output Call(const std::string& line, const std::string& variable = "") {
  FILE* pipe = popen(("cd '" + kBuild.string() + "' && " + variable + " bin/" + line).c_str(), "r");
  std::string text;
  std::array<char, 4096> part;
  for (size_t count = 1; count > 0;) {
    count = fread(part.data(), 1, part.size(), pipe);
    text.append(part.data(), count);
  }
  return {WEXITSTATUS(pclose(pipe)), text};
}

// Expects figures of `contender` in a row of --json, and how they compare with ours.
void ExpectFigures(const Json& row, const std::string& contender) {
  SCOPED_TRACE(row.value("shape", "no shape") + ", " + contender);
  ASSERT_TRUE(row.contains(contender));
  for (const char* key : {"gmacs_per_second_p50", "gmacs_per_second_best", "microseconds_p50"}) {
    const double value = row[contender].value(key, 0.0);
    EXPECT_TRUE(std::isfinite(value) && value > 0) << key << " " << value;
  }
  EXPECT_TRUE(row[contender].contains("implementation"));
  if (contender == "ours") return;
  EXPECT_GT(row.value("ratio_to_" + contender, 0.0), 0);
}

// Expects the document of one row whose shape is called `shape`, and returns the row.
Json ExpectOneRow(const Output& output, const std::string& shape, int threads) {
  EXPECT_EQ(output.exit_code, 0);
  const Json document = Json::parse(output.text, nullptr, false);
  for (const char* key : {"cpu", "cores", "isa", "mhz", "compiler", "flags", "commit", "peers"}) {
    EXPECT_TRUE(document.contains(key)) << key;
  }
  EXPECT_EQ(document.value("threads", 0), threads);
  const Json rows = document.value("rows", Json::array());
  EXPECT_EQ(rows.size(), 1u) << output.text;
  if (rows.size() != 1) return {};
  EXPECT_EQ(rows[0].value("shape", ""), shape);
  EXPECT_GT(rows[0].value("macs", 0.0), 0);
  return rows[0];
}

constexpr const char* kShort = " --rounds 1 --milliseconds 1 --json ";

// The greatest share of its roof that a row of bench_kernels --json has; checks the rows' figures.
double GreatestShare(const Json& rows) {
  double share = 0;
  for (const Json& row : rows) {
    if (!row.contains("step")) continue;
    for (const char* key : {"roof_registers", "roof_l1", "roof_l2"}) {
      EXPECT_GT(row.value(key, 0.0), 0) << row;
    }
    share = std::max(share, row.value("gmacs_per_second_p50", 0.0) / row.value("roof_l1", 1.0));
  }
  return share;
}

// The step alone is the kernel's bound. A busy moment is no verdict: it is measured again.
TEST(BenchKernels, SetsTheRoofOfItsStepBesideEachKernel) {
  double share = 2;
  for (int attempt = 0; attempt < 4 && share > 1.3; ++attempt) {
    const Output output =
        Call("bench_kernels --rounds 3 --milliseconds 2 --filter '3x3 128@28 u2s1' --roof --json");
    EXPECT_EQ(output.exit_code, 0);
    const Json rows = Json::parse(output.text, nullptr, false);
    ASSERT_TRUE(rows.is_array()) << output.text;
    share = GreatestShare(rows);
  }
#if defined(__x86_64__)
  EXPECT_GT(share, 0);
#endif
  EXPECT_LT(share, 1.3);
  EXPECT_EQ(Call("bench_kernels --filter 'no shape' --roof").exit_code, 2);
}

TEST(Peers, HasFiguresOfEachContenderAndAPlot) {
  const Output output =
      Call(std::string("bench_peers --filter @8 --threads 2") + kShort + "--plot peers_test.svg");
  const Json row = ExpectOneRow(output, "3x3 256->256 @8", 2);
  for (const char* contender : {"ours", "onednn_int8", "onednn_f32"}) ExpectFigures(row, contender);
  EXPECT_GT(fs::file_size(kBuild / "peers_test.svg"), 1000u);
  fs::remove(kBuild / "peers_test.svg");
}

TEST(Peers, RunsAWholeNet) {
  const Json row =
      ExpectOneRow(Call(std::string("bench_peers --filter Lmnet") + kShort), "LmnetV1", 1);
  for (const char* contender : {"ours", "onednn_int8", "onednn_f32"}) ExpectFigures(row, contender);
}

TEST(Peers, RunsOnnxRuntimeInInt8) {
  if (!fs::exists(kBuild / "ort")) {
    GTEST_SKIP() << "ONNX Runtime is not in " << kBuild / "ort"
                 << " (CONTRIBUTING.md, Measuring)";
  }
  const Json row = ExpectOneRow(Call(std::string("bench_peers --filter @8 --ort ort") + kShort),
                                "3x3 256->256 @8", 1);
  ExpectFigures(row, "ort_int8");
  EXPECT_NE(row["ort_int8"].value("implementation", "").find(": QLinearConv 1"), std::string::npos);
}

TEST(Peers, SaysWhereItLooksForOnnxRuntimeAndHowToInstallIt) {
  const Output output = Call("bench_peers --ort absent 2>&1");
  EXPECT_EQ(output.exit_code, 6);
  EXPECT_NE(output.text.find("absent/node_modules/onnxruntime-node"), std::string::npos);
  EXPECT_NE(output.text.find("npm install --prefix absent onnxruntime-node"), std::string::npos);
}

TEST(Peers, SaysHowItIsUsed) {
  for (const char* program : {"bench_peers", "bench_sweep"}) {
    const Output output = Call(std::string(program) + " --help");
    EXPECT_EQ(output.exit_code, 0);
    for (const char* name : {"usage: ", "[--isa NAME]", "[--filter TEXT]", "[--check]"}) {
      EXPECT_NE(output.text.find(name), std::string::npos) << program << " " << name;
    }
  }
}

TEST(Peers, RefusesWhatItDoesNotKnow) {
  for (const char* program : {"bench_peers ", "bench_sweep "}) {
    for (const auto& [arguments, message] :
         {std::pair("--filter nomatch --check", "--filter nomatch: is part of no name"),
          std::pair("--isa vax", "--isa vax: no such instruction set; this CPU has "),
          std::pair("--rounds many", "--rounds many: needs a number above 0"),
          std::pair("--rounds 0", "--rounds 0: needs a number above 0"),
          std::pair("--rounds", "--rounds: needs N"), std::pair("--chek", "--chek: unknown")}) {
      const Output output = Call(std::string(program) + arguments + " 2>&1");
      EXPECT_EQ(output.exit_code, 2) << program << arguments;
      EXPECT_NE(output.text.find(message), std::string::npos) << output.text;
    }
    // An instruction set of another architecture.
    const bool x86 = (edge::CpuIsas() & kernels::IsaBit(kernels::Isa::kSse4)) != 0;
    const Output absent = Call(std::string(program) + "--isa " + (x86 ? "neon" : "avx2") + " 2>&1");
    EXPECT_EQ(absent.exit_code, 6);
    EXPECT_NE(absent.text.find(": this CPU has "), std::string::npos) << absent.text;
    EXPECT_NE(absent.text.find("portable"), std::string::npos) << absent.text;
  }
}

TEST(Peers, FailsWhereLessThanWhatIsAsked) {
  const std::string line = std::string("bench_peers --isa portable") + kShort;
  EXPECT_EQ(Call(line + "--filter @8").exit_code, 0);
  const Output conv = Call(line + "--filter @8 --least 1000 --least-net 0.001 2>&1 >/dev/null");
  EXPECT_EQ(conv.exit_code, 1);
  EXPECT_EQ(conv.text.find("less than 1000.00 of oneDNN int8's speed: 3x3 256->256 @8 ("), 0u)
      << conv.text;
  EXPECT_EQ(Call(line + "--filter @8 --least 0.001 --least-net 1000").exit_code, 0);
  EXPECT_EQ(Call(line + "--filter Lmnet --least 0.001 --least-net 1000 2>&1").exit_code, 1);
  EXPECT_EQ(Call(line + "--filter Lmnet --least 1000 --least-net 0.001").exit_code, 0);
}

TEST(Peers, NamesWhatItIsRestrictedTo) {
  const Output output = Call(std::string("bench_peers --isa portable --filter Lmnet") + kShort,
                             "ONEDNN_MAX_CPU_ISA=SSE41");
  const Json row = ExpectOneRow(output, "LmnetV1", 1);
  const Json document = Json::parse(output.text, nullptr, false);
  EXPECT_EQ(document.value("isa", ""), "portable");
  EXPECT_EQ(document.value("peers", "").find("oneDNN "), 0u);
  EXPECT_NE(document.value("peers", "").find("ONEDNN_MAX_CPU_ISA=SSE41"), std::string::npos);
  for (const char* contender : {"ours", "onednn_int8", "onednn_f32"}) {
    EXPECT_NE(row[contender].value("implementation", ""), "") << contender;
  }
}

TEST(SlowerThanInt8, CountsWhatIsSlowOrNotCompared) {
  const auto lane = [](const char* name, double seconds) {
    return Lane{{name, "", nullptr}, {seconds}};
  };
  const std::vector<Race> races = {
      {"conv", 1, {lane("ours", 1), lane("onednn_int8", 1.6)}},
      {"net", 1, {lane("ours", 1), lane("onednn_int8", 1.6)}, true},
  };
  EXPECT_EQ(SlowerThanInt8(races, 1.5, 1.5), 0);
  EXPECT_EQ(SlowerThanInt8(races, 1.7, 1.5), 1);
  EXPECT_EQ(SlowerThanInt8(races, 1.5, 2), 1);
  EXPECT_EQ(SlowerThanInt8(races, 1.7, 2), 2);
  EXPECT_EQ(SlowerThanInt8({{"alone", 1, {lane("ours", 1)}}}, 1, 1), 1);
}

TEST(Sweep, FailsWhereOneIsSlowerThanInt8) {
  const Output output = Call(
      "bench_sweep --check --own --isa portable --filter '3x3 256->256 @8 u8s8' --rounds 1 "
      "--milliseconds 1 2>&1 >/dev/null");
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.text.find("oneDNN int8's speed: 3x3 256->256 @8 u8s8 ("), std::string::npos)
      << output.text;
}

TEST(Sweep, HasFiguresOfBothContenders) {
  const std::string name = "3x3 3->32 @32 u8s1";
  const Json row = ExpectOneRow(Call("bench_sweep --filter '" + name + "'" + kShort), name, 1);
  for (const char* contender : {"ours", "onednn_int8"}) ExpectFigures(row, contender);
}

TEST(TrainStep, HasFiguresOfEachStep) {
  if (!fs::exists(kBuild / "bin" / "bench_train")) GTEST_SKIP() << "built without the trainer";
  const Output output = Call("bench_train --rounds 1 --width 32 --batch 8 --threads 1 --json");
  EXPECT_EQ(output.exit_code, 0);
  const Json document = Json::parse(output.text, nullptr, false);
  EXPECT_EQ(document.value("threads", 0), 1);
  EXPECT_GT(document.value("macs", 0.0), 1e6);
  const Json rows = document.value("rows", Json::array());
  ASSERT_EQ(rows.size(), 4u) << output.text;
  for (const Json& row : rows) {
    for (const char* key : {"images_per_second_p50", "milliseconds_p50", "gmacs_per_second",
                            "ratio_to_libtorch_f32"}) {
      const double value = row.value(key, 0.0);
      EXPECT_TRUE(std::isfinite(value) && value > 0) << row.value("step", "") << " " << key;
    }
  }
}

}  // namespace
}  // namespace bluestem::bench
