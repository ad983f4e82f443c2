// Devices of other people's libraries, as a user meets them.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "tests/cli/tool.h"

namespace bluestem::cli {
namespace {

using ::testing::HasSubstr;

ToolResult Devices(const std::string& libraries) {
  ::setenv("BLUESTEM_DEVICES", libraries.c_str(), 1);
  ToolResult result = Tool({"devices"});
  ::unsetenv("BLUESTEM_DEVICES");
  return result;
}

const std::string kLibraries = BLUESTEM_BINARY_DIR "/lib/";

TEST(DeviceLibrary, ItsDevicesAreListedAndRun) {
  const ToolResult listed = Devices(kLibraries + "libnpu.so");
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_THAT(listed.out, HasSubstr("NPU: an example of a device in a library of its own"));
  ::setenv("BLUESTEM_DEVICES", (kLibraries + "libnpu.so").c_str(), 1);
  const ToolResult run =
      Tool({"benchmark", "-m", Artefact().string(), "-d", "HETERO:NPU,CPU", "--count", "1"});
  ::unsetenv("BLUESTEM_DEVICES");
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST(DeviceLibrary, ACallWithoutARowIsNotRunAndNotOptimizedOut) {
  ::setenv("BLUESTEM_DEVICES", (kLibraries + "libsilent.so").c_str(), 1);
  const auto document = Tool({"benchmark", "-m", Artefact().string(), "-d", "HETERO:SILENT,CPU",
                              "--count", "1", "--pc", "--json"})
                            .Json();
  const auto placed =
      Tool({"place", Artefact().string(), "-d", "HETERO:SILENT,CPU", "--json"}).Json();
  ::unsetenv("BLUESTEM_DEVICES");
  std::map<std::string, std::string> status;
  for (const auto& op : document.at("ops")) {
    status[op.at("op")] = op.at("status");
    if (op.at("status") == "not run") {
      EXPECT_EQ(op.at("device"), "SILENT");
    }
  }
  int silent = 0;
  for (const auto& region : placed.at("regions")) {
    const bool here = region.at("device") == "SILENT";
    for (const auto& call : region.at("calls")) {
      silent += here ? 1 : 0;
      EXPECT_EQ(status[call.at("op")], here ? "not run" : "executed") << call.at("op");
    }
  }
  EXPECT_GT(silent, 0);
  EXPECT_EQ(std::count_if(status.begin(), status.end(),
                          [](const auto& row) { return row.second == "not run"; }),
            silent);
}

TEST(DeviceLibrary, OneThatCannotBeUsedSaysWhy) {
  EXPECT_THAT(Devices("/nowhere/libnpu.so").out, HasSubstr("/nowhere/libnpu.so: cannot open"));
  EXPECT_THAT(Devices(kLibraries + "libother_version.so").out,
              HasSubstr("libother_version.so: built for version 6 of the devices' interface; this "
                        "program has version 5: build it anew"));
  EXPECT_THAT(Devices(kLibraries + "libnpu.so:" + kLibraries + "libnpu.so").out,
              HasSubstr("there is a device NPU already"));
  EXPECT_THAT(Devices("libm.so.6").out, HasSubstr("libm.so.6: it has no bluestem_devices"));
}

TEST(DeviceLibrary, HeteroDoesWithoutADeviceThatIsNotHereAndSaysSo) {
  ::setenv("BLUESTEM_DEVICES", "/nowhere/libnpu.so", 1);
  const ToolResult placed = Tool({"place", Artefact().string(), "-d", "HETERO:libnpu.so,CPU"});
  const ToolResult alone = Tool({"place", Artefact().string(), "-d", "libnpu.so"});
  ::unsetenv("BLUESTEM_DEVICES");
  EXPECT_EQ(placed.exit_code, 0);
  EXPECT_THAT(placed.err, HasSubstr("warning: HETERO:libnpu.so,CPU does without libnpu.so: "
                                    "BLUESTEM_DEVICES: /nowhere/libnpu.so: cannot open"));
  EXPECT_EQ(alone.exit_code, 6);
}

}  // namespace
}  // namespace bluestem::cli
