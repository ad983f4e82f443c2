#include "bluestem/runtime/placement.h"

#include <gmock/gmock.h>

#include "bluestem/runtime/placed.h"
#include "tests/runtime/programs.h"

namespace bluestem::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A device with memory of its own that takes the ops it is told to, at a price.
class Fake : public Device {
 public:
  Fake(std::vector<std::string> ops, double call, double transfer)
      : ops_(std::move(ops)), call_(call), transfer_(transfer) {}
  std::string name() const override { return "FAKE"; }
  std::vector<DeviceProperty> properties() const override { return {}; }
  std::string Refusal(const program::Program&, const program::Call& call) const override {
    const bool takes = std::find(ops_.begin(), ops_.end(), call.op) != ops_.end();
    return takes ? "" : "only what it is told";
  }
  double CallNanoseconds(const program::Call&, const DeviceOptions&) const override {
    return call_;
  }
  double TransferNanoseconds(int64_t bytes) const override {
    return transfer_ + static_cast<double>(bytes);
  }
  Result<std::unique_ptr<Runner>> Prepare(std::shared_ptr<const program::Program> program,
                                          std::vector<Region> regions,
                                          const DeviceOptions& options) const override {
    return (*DeviceKinds()[0].open())->Prepare(std::move(program), std::move(regions), options);
  }

 private:
  std::vector<std::string> ops_;
  double call_;
  double transfer_;
};

// Takes at most two calls together.
class Short : public Fake {
 public:
  using Fake::Fake;
  RegionEnd Reach(const program::Program&, size_t begin, size_t end,
                  const DeviceOptions&) const override {
    return end - begin <= 2 ? RegionEnd{end, ""} : RegionEnd{begin + 2, "two are enough"};
  }
};

std::shared_ptr<const Device> Cpu() {
  return *DeviceKinds()[0].open();
}

std::vector<size_t> DevicesOf(const Placement& placement) {
  std::vector<size_t> devices;
  for (const PlacedCall& call : placement.calls) devices.push_back(call.device);
  return devices;
}

Placement MustPlace(const program::Program& program, std::shared_ptr<const Device> fake) {
  auto placement = Place(program, {std::move(fake), Cpu()}, PlacementMode::kHetero, {});
  EXPECT_TRUE(placement.ok()) << placement.status().message();
  return *placement;
}

TEST(DeviceString, NamesModesAndDevices) {
  EXPECT_EQ(ParseDeviceString("CPU")->mode, PlacementMode::kOne);
  const auto hetero = ParseDeviceString("HETERO:REFERENCE,CPU");
  ASSERT_TRUE(hetero.ok());
  EXPECT_EQ(hetero->mode, PlacementMode::kHetero);
  EXPECT_THAT(hetero->names, ElementsAre("REFERENCE", "CPU"));
  EXPECT_EQ(ParseDeviceString("AUTO")->names.size(), DeviceKinds().size());
}

TEST(DeviceString, AnUnknownOrRepeatedDeviceIsNamed) {
  const Status unknown = ParseDeviceString("HETERO:GPU,CPU").status();
  EXPECT_EQ(unknown.code(), Code::kInvalidArgument);
  EXPECT_THAT(unknown.message(),
              HasSubstr("device 'HETERO:GPU,CPU': there is no 'GPU'; expected "));
  EXPECT_THAT(unknown.message(),
              HasSubstr("CPU, REFERENCE, FPGA, FPGA-MODEL, FPGA-SIM, AUTO, HETERO:DEVICE"));
  EXPECT_THAT(ParseDeviceString("HETERO:CPU,CPU").status().message(), HasSubstr("CPU twice"));
  EXPECT_THAT(ParseDeviceString("").status().message(), HasSubstr("there is no ''"));
}

TEST(Placement, OneDeviceIsStrictAndNamesOpAndReason) {
  const auto fake = std::make_shared<Fake>(std::vector<std::string>{"relu"}, 1, 0);
  const Status status = Place(*Chain(3), {fake}, PlacementMode::kOne, {}).status();
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("no named device takes unary \"copy1\": FAKE: only what "
                                          "it is told; add CPU as the last: HETERO:FAKE,CPU"));
}

TEST(Placement, AutoTakesTheFirstDeviceThatTakesAll) {
  const auto fake = std::make_shared<Fake>(std::vector<std::string>{"relu"}, 1, 0);
  const auto placement = Place(*Chain(3), {fake, Cpu()}, PlacementMode::kAuto, {});
  ASSERT_TRUE(placement.ok());
  ASSERT_EQ(placement->devices.size(), 1u);
  EXPECT_EQ(placement->devices[0]->name(), "CPU");
}

TEST(Placement, HeteroGivesADeviceWhatItTakesWithReasons) {
  const auto fake = std::make_shared<Fake>(std::vector<std::string>{"relu", "copy1"}, 1, 1);
  const Placement placement = MustPlace(*Chain(4), fake);
  EXPECT_THAT(DevicesOf(placement), ElementsAre(0, 0, 1, 1));
  ASSERT_EQ(placement.regions.size(), 2u);
  EXPECT_EQ(placement.regions[0].end, 2u);
  EXPECT_THAT(placement.regions[0].inputs, ElementsAre(Crossing{{program::Space::kInput, 0}, 16}));
  EXPECT_THAT(placement.regions[0].outputs,
              ElementsAre(Crossing{{program::Space::kArena, 64}, 16}));
  EXPECT_THAT(placement.calls[2].reason, HasSubstr("FAKE refuses: only what it is told"));
  EXPECT_THAT(placement.calls[0].reason, HasSubstr("CPU would take"));
  EXPECT_THAT(ToText(placement, *Chain(4)), HasSubstr("region FAKE: 2 calls, 16 bytes in, 16"));
}

TEST(Placement, WhatADeviceDoesNotReachGoesToTheNextWithTheReason) {
  const auto program = Chain(6);
  std::vector<std::string> ops;
  for (const program::Call& call : program->calls) ops.push_back(call.op);
  const auto reaching = std::make_shared<Short>(ops, 1, 1);
  const Placement placement = MustPlace(*program, reaching);
  EXPECT_THAT(DevicesOf(placement), ElementsAre(0, 0, 1, 0, 0, 1));
  EXPECT_THAT(placement.calls[2].reason, HasSubstr("FAKE refuses: two are enough"));
  const auto strict = [&](PlacementMode mode, std::vector<std::shared_ptr<const Device>> devices) {
    return Place(*program, std::move(devices), mode, {});
  };
  EXPECT_THAT(strict(PlacementMode::kOne, {reaching}).status().message(),
              HasSubstr("FAKE: two are enough; add CPU as the last"));
  EXPECT_THAT(strict(PlacementMode::kHetero, {reaching}).status().message(),
              HasSubstr("FAKE: two are enough; add CPU as the last"));
  const auto other = strict(PlacementMode::kAuto, {reaching, Cpu()});
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_EQ(other->devices[0]->name(), "CPU");
}

TEST(Placement, ARegionThatCostsMoreToReachThanItSavesStays) {
  const auto near = std::make_shared<Fake>(std::vector<std::string>{"copy1"}, 1, 50);
  EXPECT_THAT(DevicesOf(MustPlace(*Chain(3), near)), ElementsAre(1, 0, 1));
  const auto far = std::make_shared<Fake>(std::vector<std::string>{"copy1"}, 1, 500);
  const Placement placement = MustPlace(*Chain(3), far);
  EXPECT_THAT(DevicesOf(placement), ElementsAre(1, 1, 1));
  EXPECT_THAT(placement.calls[1].reason, HasSubstr("more to reach and to leave than that saves"));
}

TEST(Placement, NoPingPongOverOneCallThatTheDeviceRefuses) {
  // Two regions of FAKE around copy2 would cost four transfers; one side alone costs two.
  const auto fake = std::make_shared<Fake>(
      std::vector<std::string>{"relu", "copy1", "copy3", "copy4", "copy5", "copy6"}, 1, 200);
  EXPECT_THAT(DevicesOf(MustPlace(*Chain(7), fake)), ElementsAre(1, 1, 1, 0, 0, 0, 0));
}

TEST(Placement, APlacedSessionGivesTheBitsOfTheCpu) {
  const auto program = Chain(5);
  const std::vector<Tensor> inputs = {Tensor::Of<float>({1, 4}, {-1, 2, -0.5f, 3})};
  const auto expected = (*Interpret(program))->Run(inputs);
  for (const std::vector<std::string>& ops :
       {std::vector<std::string>{"copy1"}, {"relu", "copy2"}, {"relu", "copy1", "copy4"}}) {
    const auto fake = std::make_shared<Fake>(ops, 1, 1);
    auto placed = MakePlaced(program, MustPlace(*program, fake));
    ASSERT_TRUE(placed.ok());
    auto session = OpenSession(*placed, {});
    ASSERT_TRUE(session.ok()) << session.status().message();
    EXPECT_EQ((*session)->Run(inputs).value(), expected.value());
    std::vector<OpProfile> rows;
    ASSERT_TRUE((*session)->Profile(inputs, rows).ok());
    EXPECT_EQ(rows.size(), 5u);
  }
}

TEST(Placement, CallsStayWhereTheyWereSettledWhileThoseDevicesAreHere) {
  const auto program = Chain(3);
  const std::vector<std::string> places = {"REFERENCE", "CPU", "REFERENCE"};
  const auto kept = PlaceOn(*program, "HETERO:CPU,REFERENCE", {}, places);
  ASSERT_TRUE(kept.ok()) << kept.status().message();
  EXPECT_EQ(PlacesOf(*kept), places);
  EXPECT_EQ(kept->regions.size(), 3U);
  const auto anew = PlaceOn(*program, "CPU", {}, places);
  ASSERT_TRUE(anew.ok()) << anew.status().message();
  EXPECT_THAT(PlacesOf(*anew), ElementsAre("CPU", "CPU", "CPU"));
  const auto fake = std::make_shared<Fake>(std::vector<std::string>{"relu"}, 1, 0);
  const auto refused = Place(*program, {fake, *DeviceKinds()[0].open()}, PlacementMode::kHetero, {},
                             {"FAKE", "FAKE", "CPU"});
  EXPECT_EQ(refused.status().message(),
            "FAKE, where \"copy1\" was placed before, refuses it: only what it is told");
}

}  // namespace
}  // namespace bluestem::runtime
