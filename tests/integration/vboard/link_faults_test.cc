// Faults of the probe and of the wires between probe and target, as OpenOCD sees them.

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;

class VboardLinkFaults : public ::testing::Test {
 protected:
  int strikes(const char* fault) {
    return board_.Control({{"cmd", "status"}})["fault_strikes"].value(fault, 0);
  }
  void ExpectSound() {
    board_.Control({{"cmd", "clear"}});
    const RunResult result = board_.LoadAndRun();
    EXPECT_EQ(result.exit_status, 0) << result.log;
  }
  RunningBoard board_;
};

TEST_F(VboardLinkFaults, AnotherSerialNumberIsNotFound) {
  board_.Fault("probe_serial");
  const RunResult result = board_.OpenOcd({"init"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("unable to find a matching CMSIS-DAP device"));
  ExpectSound();
}

TEST_F(VboardLinkFaults, KilledProbeIsGoneUntilItComesBack) {
  board_.Fault("probe_killed", {{"after_transfers", 100}});
  const RunResult result = board_.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("the probe was unplugged"));
  EXPECT_FALSE(std::filesystem::exists(board_.Path("dap.sock")));
  EXPECT_THAT(board_.OpenOcd({"init"}).log,
              HasSubstr("unable to find a matching CMSIS-DAP device"));
  ExpectSound();
}

// OpenOCD does not mind over SWD: whoever asks must compare.
TEST_F(VboardLinkFaults, WrongIdcodeIsOnlyLogged) {
  board_.Fault("idcode", {{"value", 0x0BC11477}});
  const RunResult result = board_.OpenOcd({"init"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("SWD DPIDR 0x0bc11477"));
  board_.Control({{"cmd", "clear"}});
  EXPECT_THAT(board_.OpenOcd({"init"}).log, HasSubstr("SWD DPIDR 0x2ba01477"));
}

TEST_F(VboardLinkFaults, StuckWaitHidesTheCore) {
  board_.Fault("wait_stuck");
  RunResult result = board_.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Could not find MEM-AP to control the core"));
  ExpectSound();
  board_.Fault("wait_stuck", {{"after_transfers", 150}});  // in the middle
  EXPECT_EQ(board_.LoadAndRun().exit_status, 1);
  ExpectSound();
}

TEST_F(VboardLinkFaults, AFewWaitsDoNotMatter) {
  board_.Fault("wait_some", {{"after_transfers", 50}, {"count", 20}});
  EXPECT_EQ(board_.LoadAndRun().exit_status, 0);
  EXPECT_EQ(strikes("wait_some"), 20);
}

TEST_F(VboardLinkFaults, ParityErrorsStrikeReads) {
  board_.Fault("parity", {{"after_transfers", 50}});
  board_.LoadAndRun();  // whether OpenOCD notices depends on what it was reading
  EXPECT_EQ(strikes("parity"), 1);
  ExpectSound();
}

TEST_F(VboardLinkFaults, FaultingAccessPortHidesTheCore) {
  board_.Fault("ap_fault");
  const RunResult result = board_.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Could not find MEM-AP to control the core"));
  EXPECT_GT(strikes("ap_fault"), 0);
  ExpectSound();
}

TEST_F(VboardLinkFaults, BrownOutLosesRamUnderTheDebugger) {
  ExpectSound();
  board_.Fault("brown_out", {{"after_transfers", 100}});
  board_.LoadAndRun();
  EXPECT_EQ(strikes("brown_out"), 1);
  EXPECT_EQ(board_.Control({{"cmd", "status"}})["power"], "on");
  EXPECT_EQ(board_.Control({{"cmd", "status"}})["qemu_starts"], 2);
  ExpectSound();
}

TEST_F(VboardLinkFaults, WrongBoardHasAnotherUniqueId) {
  const char* const read = "echo \"uid [read_memory 0x003ffff0 32 3]\"";
  const auto uid = [&] {
    const std::string log = board_.OpenOcd({"init", read}).log;
    return log.substr(log.find("uid"), 40);
  };
  const std::string own = uid();
  board_.Fault("wrong_board", {{"seed", 3}});
  const std::string other = uid();
  EXPECT_NE(other, own);
  board_.Power("cycle");
  EXPECT_EQ(uid(), other);
  board_.Control({{"cmd", "clear"}});
  EXPECT_EQ(uid(), own);
}

TEST_F(VboardLinkFaults, BadBitInCodeMemoryFailsVerification) {
  board_.Fault("flash_bad_bit", {{"after_bytes", 200}, {"seed", 1}});
  const RunResult result = board_.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("diff 0 address 0x000000c8"));
  EXPECT_EQ(board_.LoadAndRun().exit_status, 0);  // it was that once
}

TEST_F(VboardLinkFaults, ChangedClockShowsInEveryCount) {
  board_.Fault("clock_changed", {{"shift", 7}});
  Terminal terminal = board_.OpenTerminal();
  ASSERT_EQ(board_.LoadAndRun().exit_status, 0);
  ASSERT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
  terminal.Write("\x01");
  // 2,000,000 instructions at 128 ns in ticks of 40 ns: twice what the firmware expects.
  const std::string ticks = terminal.ReadUntil("\n");
  EXPECT_NEAR(std::stod("0x" + ticks.substr(6, 8)), 6400000, 20) << ticks;
  board_.Control({{"cmd", "clear"}});
  ASSERT_EQ(board_.LoadAndRun().exit_status, 0);
  ASSERT_THAT(terminal.ReadUntil("up\n"), HasSubstr("echo up\n"));
  terminal.Write("\x01");
  EXPECT_EQ(terminal.ReadUntil("\n"), "ticks 0030d406\n");
}

TEST_F(VboardLinkFaults, DelayedBytesAllArrive) {
  ExpectSound();
  Terminal terminal = board_.OpenTerminal();
  ASSERT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
  board_.Fault("uart_delay", {{"ms", 60}});
  const auto start = std::chrono::steady_clock::now();
  terminal.Write("late");
  EXPECT_EQ(terminal.Read(4), "late");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(120));  // both ways
}

}  // namespace
}  // namespace tinyrig::agent::vboard
