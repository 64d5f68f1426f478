// Every fault as OpenOCD sees it: the texts by which an agent tells them apart.

#include <gmock/gmock.h>

#include <fstream>

#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string BigImage(const RunningBoard& board) {
  const std::string path = board.Path("big.bin");
  std::ofstream(path, std::ios::binary) << std::string(100000, 'x');
  return path;
}

TEST(VboardFaults, AbsentProbeIsNotFound) {
  RunningBoard board;
  board.Fault("probe_absent");
  const RunResult result = board.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("unable to find a matching CMSIS-DAP device"));
  EXPECT_LT(result.seconds, 1.0);
  board.Control({{"cmd", "clear"}});
  EXPECT_EQ(board.LoadAndRun().exit_status, 0);
}

TEST(VboardFaults, WrongSerialIsNotFound) {
  RunningBoard board;
  const RunResult result = board.OpenOcd({"adapter serial VB9999", "init"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("unable to find a matching CMSIS-DAP device"));
}

TEST(VboardFaults, FrozenProbeTimesOut) {
  RunningBoard board;
  board.Fault("probe_frozen");
  const RunResult result = board.OpenOcd({"init"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("CMSIS-DAP command CMD_INFO failed."));
  EXPECT_GT(result.seconds, 5.0);
  EXPECT_LT(result.seconds, 9.0);
  board.Control({{"cmd", "clear"}, {"name", "probe_frozen"}});
  EXPECT_EQ(board.LoadAndRun().exit_status, 0);
}

TEST(VboardFaults, NoAcknowledge) {
  RunningBoard board;
  board.Fault("no_ack");
  const RunResult result = board.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Error connecting DP: cannot read IDR"));
  board.Control({{"cmd", "clear"}});
  EXPECT_EQ(board.LoadAndRun().exit_status, 0);
}

TEST(VboardFaults, ContactLostDuringALoad) {
  RunningBoard board;
  const std::string image = BigImage(board);
  board.Fault("no_ack", {{"after_transfers", 5000}});
  const RunResult result = board.OpenOcd({"init", "reset halt", "load_image " + image + " 0x1000"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log,
              HasSubstr("Failed to write memory and, additionally, failed to find out where"));
  EXPECT_EQ(board.Control({{"cmd", "status"}})["power"], "on");
}

TEST(VboardFaults, PowerLostDuringALoad) {
  RunningBoard board;
  const std::string image = BigImage(board);
  board.Fault("power_off", {{"after_transfers", 5000}});
  const RunResult result = board.OpenOcd({"init", "reset halt", "load_image " + image + " 0x1000"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log,
              HasSubstr("Failed to write memory and, additionally, failed to find out where"));
  EXPECT_EQ(board.Control({{"cmd", "status"}})["power"], "off");
  EXPECT_THAT(board.LoadAndRun().log, HasSubstr("Error connecting DP: cannot read IDR"));
  EXPECT_EQ(board.Control({{"cmd", "clear"}})["power"], "on");
  EXPECT_EQ(board.LoadAndRun().exit_status, 0);
}

TEST(VboardFaults, UnpoweredBoardDoesNotAnswer) {
  RunningBoard board;
  board.Power("off");
  const RunResult result = board.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Error connecting DP: cannot read IDR"));
}

TEST(VboardFaults, LostFlashFailsVerification) {
  RunningBoard board;
  board.Fault("flash_lost");
  const RunResult result = board.LoadAndRun();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("checksum mismatch - attempting binary compare"));
  EXPECT_THAT(result.log, HasSubstr("diff 0 address 0x"));
  EXPECT_EQ(board.core(), "halted");
}

TEST(VboardFaults, LyingFlashVerifiesAndRunsTheOldImage) {
  RunningBoard board;
  Terminal terminal = board.OpenTerminal();
  ASSERT_EQ(board.LoadAndRun(Firmware("other")).exit_status, 0);
  ASSERT_EQ(terminal.ReadUntil("up\n"), "other up\n");
  board.Fault("flash_lies");
  const RunResult result = board.LoadAndRun(Firmware("echo"));
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("verified "));
  EXPECT_EQ(terminal.ReadUntil("up\n"), "other up\n");
  board.Control({{"cmd", "clear"}});
  const RunResult truth = board.OpenOcd({"init", "halt", "verify_image " + Firmware("echo")});
  EXPECT_EQ(truth.exit_status, 1);
  EXPECT_EQ(board.LoadAndRun(Firmware("echo")).exit_status, 0);
  EXPECT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
}

TEST(VboardFaults, LyingFlashOnABlankBoardStaysSilent) {
  RunningBoard board;
  Terminal terminal = board.OpenTerminal();
  board.Fault("flash_lies");
  EXPECT_EQ(board.LoadAndRun().exit_status, 0);
  EXPECT_NE(board.core(), "running");  // locked up, or halted by the OpenOCD that saw it
  EXPECT_EQ(terminal.ReadQuiet(), "");
}

TEST(VboardFaults, UnpluggingAnOpenProbeEndsItsClient) {
  RunningBoard board;
  Process client;
  const auto argv = board.OpenOcdCommand({"init", "sleep 20000"});
  ASSERT_TRUE(client.Spawn(argv, {}, board.Path("client.log")).ok());
  for (int i = 0; i < 500 && board.Control({{"cmd", "status"}})["probe"] != "open"; ++i) {
    usleep(10000);
  }
  board.Fault("probe_absent");
  EXPECT_EQ(board.Control({{"cmd", "status"}})["probe"], "free");
}

}  // namespace
}  // namespace tinyrig::agent::vboard
