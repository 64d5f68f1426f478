#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/integration/agent/bench.h"

/// What the interface Probe promises, of the OpenOCD driver in both of its modes.
namespace tinyrig::agent {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class ProbeTest : public testing::TestWithParam<bool> {
 protected:
  ProbeTest() : bench_({.one_shot = GetParam()}) {
    const BuiltImage built =
        BuildZooImage("digits_ds", "kernels=dsp,weights=int8", bench_.artifacts());
    for (const v1::Segment& segment : built.image.segments()) {
      FlashSegment flash;
      flash.address = segment.address();
      flash.file = bench_.artifacts() / segment.artifact().sha256();
      bytes_ += std::filesystem::file_size(flash.file);
      request_.segments.push_back(std::move(flash));
    }
    request_.mailbox_address = built.image.mailbox_address();
    request_.mailbox_word = 0x1234;
  }

  Probe& probe() { return *bench_.board(0).probe; }
  vboard::RunningBoard& virtual_board() { return bench_.virtual_board(0); }

  Result<ProbeIdentity> Identify() { return bench_.Do(probe().Identify(Within(seconds(20)))); }
  Result<FlashReport> Flash() { return bench_.Do(probe().Flash(request_, Within(seconds(20)))); }
  Result<std::vector<std::vector<uint8_t>>> Read(uint32_t address, uint32_t size) {
    std::vector<MemoryRange> ranges(1);
    ranges[0].address = address;
    ranges[0].size = size;
    return bench_.Do(probe().ReadMemory(std::move(ranges), Within(seconds(20))));
  }

  Bench bench_;
  FlashRequest request_;
  uint64_t bytes_ = 0;
};

TEST_P(ProbeTest, TellsWhoIsThere) {
  for (int i = 0; i < 2; ++i) {
    const auto identity = Identify();
    ASSERT_TRUE(identity.ok()) << identity.status().ToString();
    EXPECT_EQ(identity->dpidr, 0x2BA01477u);
    EXPECT_EQ(identity->tool, "openocd 0.12.0");
    EXPECT_EQ(UidHex(identity->uid), virtual_board().Control({{"cmd", "status"}})["uid"]);
  }
}

TEST_P(ProbeTest, WritesWhatItSaysAndTheProgramRuns) {
  for (int i = 0; i < 3; ++i) {
    const auto report = Flash();
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->bytes_written, bytes_);
    ASSERT_EQ(report->phases.size(), 3u);
    EXPECT_EQ(report->phases[0].name, "flash.write");
    EXPECT_EQ(virtual_board().core(), "running");
    const auto word = Read(request_.mailbox_address, 4);
    ASSERT_TRUE(word.ok()) << word.status().ToString();
    EXPECT_EQ((*word)[0], (std::vector<uint8_t>{0x34, 0x12, 0, 0}));
    EXPECT_EQ(virtual_board().core(), "running") << "reading resumes";
  }
}

TEST_P(ProbeTest, APowerCycleInBetweenIsNoFailure) {
  ASSERT_TRUE(Flash().ok());
  virtual_board().Power("cycle");
  const auto identity = Identify();
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  virtual_board().Power("cycle");
  const auto report = Flash();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(virtual_board().core(), "running");
}

TEST_P(ProbeTest, ABoardWithoutPowerIsNamedAndWorksAgainLater) {
  ASSERT_TRUE(Identify().ok());
  virtual_board().Power("off");
  for (int i = 0; i < 2; ++i) {
    const auto identity = Identify();
    ASSERT_EQ(identity.status().code(), Code::kUnavailable) << identity.status().ToString();
    EXPECT_THAT(identity.status().message(), HasSubstr("check its power"));
  }
  virtual_board().Power("on");
  EXPECT_TRUE(Identify().ok());
}

TEST_P(ProbeTest, ARefusedWriteIsNotTheEnd) {
  const FlashRequest good = request_;
  request_.segments[0].address = 0x70000000;
  const auto report = Flash();
  EXPECT_EQ(report.status().code(), Code::kFailedPrecondition) << report.status().ToString();
  request_ = good;
  EXPECT_TRUE(Flash().ok());
}

TEST_P(ProbeTest, ADeadlineThatHasPassedKillsAndTheNextCallWorks) {
  ASSERT_TRUE(Identify().ok());
  virtual_board().Fault("probe_frozen");
  const auto start = Clock::now();
  const auto report = bench_.Do(probe().Flash(request_, Within(milliseconds(700))));
  EXPECT_FALSE(report.ok());
  EXPECT_LT(Clock::now() - start, seconds(5));
  virtual_board().Control({{"cmd", "clear"}});
  EXPECT_TRUE(Flash().ok());
}

TEST_P(ProbeTest, AnotherProgramOnTheProbeIsNamed) {
  // As a person at the bench would: a second OpenOCD that stays.
  ASSERT_TRUE(Identify().ok());
  probe().Release();
  vboard::Process other;
  const std::string log = (bench_.artifacts() / "other.log").string();
  ASSERT_TRUE(other.Spawn(virtual_board().OpenOcdCommand({"init", "sleep 20000"}), {}, log).ok());
  for (int i = 0; i < 500; ++i) {
    if (virtual_board().Control({{"cmd", "status"}})["probe"] == "open") break;
    usleep(20000);
  }
  const auto identity = Identify();
  EXPECT_EQ(identity.status().code(), Code::kUnavailable) << identity.status().ToString();
  EXPECT_THAT(identity.status().message(), HasSubstr("another program uses the probe"));
}

INSTANTIATE_TEST_SUITE_P(OpenOcd, ProbeTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "OneShot" : "LongLived"; });

}  // namespace
}  // namespace tinyrig::agent
