// Devices of other people's libraries, as a user meets them.
#include <gmock/gmock.h>

#include <cstdlib>

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

TEST(DeviceLibrary, OneThatCannotBeUsedSaysWhy) {
  EXPECT_THAT(Devices("/nowhere/libnpu.so").out, HasSubstr("/nowhere/libnpu.so: cannot open"));
  EXPECT_THAT(Devices(kLibraries + "libother_version.so").out,
              HasSubstr("libother_version.so: built for version 5 of the devices' interface; this "
                        "program has version 4: build it anew"));
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
