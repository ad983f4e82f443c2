// The driver's way to a board: sysfs and /dev as a folder, the simulated RTL behind the registers.
#include "bluestem/fpga/engine/uio.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "tests/fpga/lists.h"

namespace bluestem::fpga {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMemoryAddress = 0x30000000;

// A board's file system, as far as the port looks at it.
class Board : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "bluestem-board-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    std::filesystem::permissions(root_, std::filesystem::perms::others_exec,
                                 std::filesystem::perm_options::add);
    Put("sys/class/uio/uio0/name", "other\n");
    Put("sys/class/uio/uio1/name", "bluestem-engine\n");
    Put("sys/class/uio/uio1/maps/map0/size", "0x00001000\n");
    Put("sys/class/u-dma-buf/bluestem-memory/size", "1048576\n");
    Put("sys/class/u-dma-buf/bluestem-memory/phys_addr", "0x30000000\n");
    Put("dev/uio1", std::string(kRegisterBytes, '\0'));
    Put("dev/bluestem-memory", std::string(1 << 20, '\0'));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Put(const Path& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string WhyNot() const {
    const auto files = FindUio(root_);
    EXPECT_EQ(files.status().code(), Code::kUnavailable);
    return files.status().message();
  }

  Path root_;
};

TEST_F(Board, IsFoundByTheNamesOfItsDevices) {
  const auto files = FindUio(root_);
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_EQ(files->registers, root_ / "dev/uio1");
  EXPECT_EQ(files->memory, root_ / "dev/bluestem-memory");
  EXPECT_EQ(files->memory_bytes, 1U << 20);
  EXPECT_EQ(files->memory_address, kMemoryAddress);
}

TEST_F(Board, WithoutAnEngineSaysWhatIsThereAndWhatToLoad) {
  Put("sys/class/uio/uio1/name", "something\n");
  EXPECT_THAT(WhyNot(), HasSubstr("sys/class/uio: no UIO device 'bluestem-engine' (there is: "));
  EXPECT_THAT(WhyNot(), HasSubstr("something"));
  EXPECT_THAT(WhyNot(), HasSubstr("sudo systemctl restart bluestem-fpga"));
  std::filesystem::remove_all(root_ / "sys/class/uio");
  EXPECT_THAT(WhyNot(), HasSubstr("(there is: none)"));
}

TEST_F(Board, WithoutADmaBufferNamesTheModule) {
  std::filesystem::remove_all(root_ / "sys/class/u-dma-buf");
  EXPECT_THAT(WhyNot(), HasSubstr("u-dma-buf/bluestem-memory: no DMA buffer; load its driver, sudo "
                                  "modprobe u-dma-buf"));
}

TEST_F(Board, NumbersThatSysfsDoesNotGiveAreNamed) {
  Put("sys/class/u-dma-buf/bluestem-memory/phys_addr", "much\n");
  EXPECT_THAT(WhyNot(), HasSubstr("phys_addr: got 'much', expected a number"));
}

TEST_F(Board, TooFewRegistersAreRefused) {
  Put("sys/class/uio/uio1/maps/map0/size", "0x100\n");
  EXPECT_THAT(WhyNot(), HasSubstr("size: 256 bytes of registers, the engine has 4096; correct "
                                  "'reg' in bluestem.dtso"));
}

TEST_F(Board, MemoryThatTheCoherencyPortDoesNotShowIsRefused) {
  Put("sys/class/u-dma-buf/bluestem-memory/phys_addr", "0x3ff80000\n");
  EXPECT_THAT(WhyNot(), HasSubstr("1048576 bytes at 0x3ff80000 reach past the first gigabyte"));
}

TEST_F(Board, ItsFilesAreMappedAndBelongToOneUser) {
  const auto files = FindUio(root_);
  {
    auto access = OpenUio(*files);
    ASSERT_TRUE(access.ok()) << access.status().message();
    (*access)->Write(0x40, 0x12345678);
    EXPECT_EQ((*access)->Read(0x40), 0x12345678U);
    (*access)->memory()[5] = 7;
    EXPECT_EQ((*access)->memory().size(), 1U << 20);
    const auto second = OpenUio(*files);
    EXPECT_EQ(second.status().code(), Code::kUnavailable);
    EXPECT_THAT(second.status().message(), HasSubstr("dev/uio1: the engine is in use; end the"));
  }
  EXPECT_EQ((*ReadTextFile(files->registers)).substr(0x40, 4), "\x78\x56\x34\x12");
  EXPECT_EQ((*ReadTextFile(files->memory))[5], 7);
  EXPECT_TRUE(OpenUio(*files).ok());
}

TEST_F(Board, AFileThatIsNotThereIsNamed) {
  std::filesystem::remove(root_ / "dev/bluestem-memory");
  EXPECT_THAT(OpenUio(*FindUio(root_)).status().message(),
              HasSubstr("dev/bluestem-memory: No such file or directory; is the driver's module"));
}

TEST_F(Board, WithoutPermissionTheUdevRuleIsNamed) {
  const auto files = FindUio(root_);
  std::filesystem::permissions(files->registers, std::filesystem::perms::none);
  const auto as_nobody = [&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);  // root may open all
    const auto access = OpenUio(*files);
    fmt::print(stderr, "{}\n", access.status().message());
    ::_exit(access.ok() ? 1 : 0);
  };
  EXPECT_EXIT(as_nobody(), ::testing::ExitedWithCode(0),
              "dev/uio1: permission denied; install board/de10-nano/90-bluestem.rules");
}

// The simulated RTL behind a port's register file: what lies in its memory is seen by the RTL
// alone, at the address that the coherency port gives it.
class SimulatedAccess : public UioAccess {
 public:
  SimulatedAccess(std::unique_ptr<SimulationPort> rtl, std::vector<uint8_t>& memory)
      : rtl_(std::move(rtl)), memory_(memory), offset_(*rtl_->Attach(memory, {})) {}

  uint32_t Read(uint32_t offset) override { return rtl_->Read(static_cast<Register>(offset)); }
  void Write(uint32_t offset, uint32_t value) override {
    if (static_cast<Register>(offset) == Register::kBufferAddress) {
      value = value - static_cast<uint32_t>(kMemoryAddress) - kCoherentOffset + offset_;
    }
    rtl_->Write(static_cast<Register>(offset), value);
  }
  void EnableInterrupt() override { enabled_ = true; }
  // As uio_pdrv_genirq: one interrupt, then none until it is enabled again.
  bool WaitInterrupt(std::chrono::nanoseconds timeout) override {
    if (stale_ > 0) return --stale_ >= 0;
    if (!enabled_ || lost_) return false;
    if (!rtl_->Wait(timeout.count() / 20)) return false;  // 50 MHz
    enabled_ = false;
    return true;
  }
  std::span<uint8_t> memory() override { return memory_; }

  int stale_ = 0;      // interrupts of lists that were given up
  bool lost_ = false;  // no interrupt comes
  SimulationPort& rtl() { return *rtl_; }

 private:
  std::unique_ptr<SimulationPort> rtl_;
  std::vector<uint8_t>& memory_;
  uint32_t offset_;
  bool enabled_ = false;
};

class Uio : public Board {
 protected:
  void SetUp() override {
    Board::SetUp();
    const std::string missing = WhyNoSimulation();
    if (!missing.empty()) GTEST_SKIP() << missing;
    auto rtl = SimulationPort::Open(SimulationLibrary());
    ASSERT_TRUE(rtl.ok()) << rtl.status().message();
    auto access = std::make_unique<SimulatedAccess>(std::move(*rtl), memory_);
    access_ = access.get();
    auto port = std::make_unique<UioPort>(*FindUio(root_), std::move(access));
    port_ = port.get();
    port_->set_polled({});
    auto driver = EngineDriver::Open(std::move(port));
    ASSERT_TRUE(driver.ok()) << driver.status().message();
    driver_ = std::move(*driver);
    driver_->set_watchdog(1'000'000);
  }

  void ExpectRight(uint64_t seed) {
    ListBuilder list(seed);
    list.Conv();
    std::vector<uint8_t> expected = list.Finish(), given = expected;
    EngineModel model{driver_->config()};
    const EngineResult want = model.Run(expected, 0), got = driver_->Run(given, 0);
    ASSERT_EQ(got.status, want.status) << EngineStatusText(got.status) << got.refusal;
    EXPECT_EQ(got.clocks, want.clocks);
    EXPECT_EQ(access_->rtl().violation(), "");
    EXPECT_TRUE(given == expected);
  }

  std::vector<uint8_t> memory_ = std::vector<uint8_t>(1 << 20);
  SimulatedAccess* access_ = nullptr;
  UioPort* port_ = nullptr;
  std::unique_ptr<EngineDriver> driver_;
};

TEST_F(Uio, ListsGiveTheBitsAndClocksOfTheModel) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    ExpectRight(seed);
  }
}

TEST_F(Uio, OfAKeptBufferOnlyTheMapsAreCopiedAgain) {
  ListBuilder list(3);
  list.Conv();
  std::vector<uint8_t> given = list.Finish();
  uint64_t maps = 0;
  uint32_t input = 0;
  for (size_t i = 0;; ++i) {
    CommandWords words;
    std::memcpy(words.data(), given.data() + i * sizeof(words), sizeof(words));
    const Command command = Decode(words);
    if (command.opcode == Opcode::kEnd) break;
    if (command.opcode == Opcode::kLoadMap) input = command.address;
    if (command.opcode == Opcode::kLoadMap || command.opcode == Opcode::kStoreMap) {
      maps += uint64_t{command.in_h} * command.in_w * command.blocks * kWordBytes;
    }
  }
  ASSERT_TRUE(driver_->Keep(given).ok());
  EngineModel model{driver_->config()};
  for (int round = 0; round < 3; ++round) {
    given[input] ^= static_cast<uint8_t>(round);
    std::vector<uint8_t> expected = given;
    model.Run(expected, 0);
    const uint64_t before = port_->copied_bytes();
    ASSERT_EQ(driver_->Run(given, 0).status, EngineStatus::kDone);
    EXPECT_TRUE(given == expected);
    if (round == 0) continue;  // all of it
    EXPECT_EQ(port_->copied_bytes() - before, maps);
  }
}

TEST_F(Uio, KeptBuffersLieBesideEachOtherAndTheirRoomComesBack) {
  std::vector<uint8_t> first(400 << 10), second(400 << 10), third(400 << 10);
  EXPECT_TRUE(driver_->Keep(first).ok());
  EXPECT_TRUE(driver_->Keep(second).ok());
  ExpectRight(1);  // in what is left
  EXPECT_FALSE(driver_->Keep(third).ok());
  driver_->Release(first);
  EXPECT_TRUE(driver_->Keep(third).ok());
  EXPECT_FALSE(driver_->Keep(first).ok());
}

TEST_F(Uio, ABufferThatDoesNotFitIsRefusedWithTheBytesAndWhereToSetThem) {
  std::vector<uint8_t> large(2 << 20);
  const Status kept = driver_->Keep(large);
  EXPECT_EQ(kept.code(), Code::kUnavailable);
  EXPECT_THAT(kept.message(),
              HasSubstr("dev/bluestem-memory: 1048576 bytes of 1048576 are left, 2097152 are "
                        "needed; set 'size' in bluestem.dtso to at least 2097152, and cma=256M"));
  const EngineResult result = driver_->Run(large, 0);
  EXPECT_EQ(result.status, EngineStatus::kIdle);
  EXPECT_EQ(result.refusal, kept.message());
  ExpectRight(2);
}

TEST_F(Uio, AnInterruptOfAnEarlierListIsNotTakenForTheEnd) {
  access_->stale_ = 2;
  ExpectRight(4);
}

TEST_F(Uio, WithoutInterruptsTheListTimesOut) {
  driver_->set_watchdog(10'000);
  access_->lost_ = true;
  ListBuilder list(5);
  list.Conv();
  EXPECT_EQ(driver_->Run(list.Finish(), 0).status, EngineStatus::kTimeout);
}

TEST_F(Uio, AListThatEndsWhileItIsPolledNeedsNoInterrupt) {
  port_->set_polled(std::chrono::seconds(60));
  access_->lost_ = true;
  ExpectRight(5);
}

TEST_F(Uio, AnEngineThatNeverRestsIsRefusedUntilItIsLoadedAgain) {
  driver_->set_watchdog(10'000);
  access_->rtl().SetBus({24, 0, 1, 3, BLUESTEM_BUS_SILENT});
  ListBuilder list(6);
  list.Conv();
  EXPECT_EQ(driver_->Run(list.Finish(), 0).status, EngineStatus::kTimeout);
  EXPECT_THAT(driver_->Run(list.buffer(), 0).refusal,
              HasSubstr("the engine still runs a list that did not end; load bitstream"));
  access_->rtl().Reset();  // as loading does
  access_->rtl().SetBus({24, 0, 1, -1, BLUESTEM_BUS_FINE});
  ExpectRight(6);
}

}  // namespace
}  // namespace bluestem::fpga
