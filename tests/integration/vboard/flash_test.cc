// virtual_f4: flash that behaves like flash, under OpenOCD's stock stm32f2x driver.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "agent/virtual/unique_id.h"
#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VboardFlash : public ::testing::Test {
 protected:
  RunningBoard board_{"VB0001", "virtual_f4"};
  Terminal terminal_ = board_.OpenTerminal();

  nlohmann::json status() { return board_.Control({{"cmd", "status"}}); }
  std::string Image(size_t bytes) {
    const std::string path = board_.Path("image.bin");
    std::ofstream file(path, std::ios::binary);
    for (size_t i = 0; i < bytes; ++i) file.put(static_cast<char>(i * 31 + (i >> 9)));
    return path;
  }
  void ProgramAndBoot(const std::string& name) {
    const RunResult result = board_.Program(Firmware(name));
    ASSERT_EQ(result.exit_status, 0) << result.log;
    ASSERT_THAT(result.log, HasSubstr("** Verified OK **"));
    ASSERT_EQ(terminal_.ReadUntil("up\n"), name + " up\n");
  }
};

TEST_F(VboardFlash, StockDriverErasesProgramsVerifiesAndRuns) {
  ProgramAndBoot("echo_f4");
  EXPECT_GT(status()["flash_half_words_by_loader"], 0);
  EXPECT_EQ(status()["flash_sectors_erased"], 1);
  ProgramAndBoot("other_f4");  // over the first: an erase that did nothing would show
  EXPECT_EQ(status()["flash_sectors_erased"], 2);
}

TEST_F(VboardFlash, WithoutAWorkAreaTheDriverWritesHalfWordsItself) {
  board_.settings = "set WORKAREASIZE 0";
  ProgramAndBoot("echo_f4");
  EXPECT_EQ(status()["flash_half_words_by_loader"], 0);
}

TEST_F(VboardFlash, LoaderGoesAroundItsRing) {
  const std::string image = Image(200 * 1024);  // the ring holds 16 KiB
  const std::string dump = board_.Path("dump.bin");
  const RunResult result = board_.OpenOcd(
      {"init", "reset init", "flash write_image erase " + image + " 0x08020000 bin",
       "verify_image " + image + " 0x08020000 bin", "dump_image " + dump + " 0x08020000 204800"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("verified 204800 bytes"));
  EXPECT_GE(status()["flash_half_words_by_loader"], 102400);
  EXPECT_EQ(RunProgram({"cmp", image, dump}, std::chrono::seconds(10)).exit_status, 0);
}

TEST_F(VboardFlash, PowerCycleKeepsFlashAndLosesRam) {
  ProgramAndBoot("echo_f4");
  ASSERT_EQ(board_.OpenOcd({"init", "mww 0x20001000 0xcafe1234"}).exit_status, 0);
  board_.Power("cycle");
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo_f4 up\n");
  const RunResult result = board_.OpenOcd({"init", "mdw 0x20001000"});
  EXPECT_THAT(result.log, Not(HasSubstr("cafe1234")));
}

TEST_F(VboardFlash, KilledBoardKeepsItsFlash) {
  ProgramAndBoot("echo_f4");
  board_.KillAndStartAgain();
  EXPECT_EQ(board_.OpenTerminal().ReadUntil("up\n"), "echo_f4 up\n");
}

TEST_F(VboardFlash, FlippedBitIsCaught) {
  ProgramAndBoot("echo_f4");
  // Unlock, program mode, one half word: 0x20020000 (initial stack pointer) loses its bit 17.
  const RunResult result =
      board_.OpenOcd({"init", "reset halt", "mww 0x40023c04 0x45670123",
                      "mww 0x40023c04 0xcdef89ab", "mww 0x40023c10 0x101", "mwh 0x08000002 0x2000",
                      "echo [read_memory 0x08000000 32 1]", "verify_image " + Firmware("echo_f4")});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("0x20000000"));
  EXPECT_THAT(result.log, HasSubstr("checksum mismatch"));
}

TEST_F(VboardFlash, StrayWritesSetAnErrorAndChangeNothing) {
  ProgramAndBoot("echo_f4");
  const RunResult result =
      board_.OpenOcd({"init", "reset halt", "mww 0x08000000 0", "mww 0x00000004 0",
                      "echo \"sr [read_memory 0x40023c0c 32 1]\"",
                      "verify_image " + Firmware("echo_f4"), "reset run"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("sr 0x80"));  // PGSERR
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo_f4 up\n");
}

TEST_F(VboardFlash, IdentifiesAsAnStm32F405) {
  const RunResult result = board_.OpenOcd({"init", "reset halt", "flash info 0",
                                           "echo \"uid [read_memory 0x1fff7a10 8 12]\"",
                                           "echo \"copy [read_memory 0x2002fff0 8 12]\""});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("device id = 0x20036413"));
  EXPECT_THAT(result.log, HasSubstr("flash size = 1024 KiB"));
  std::string bytes;
  for (const uint8_t byte : MakeUniqueId("VB0001")) bytes += fmt::format(" {:#x}", byte);
  EXPECT_THAT(result.log, HasSubstr("uid" + bytes + "\n"));
  EXPECT_THAT(result.log, HasSubstr("copy" + bytes + "\n"));
}

TEST_F(VboardFlash, LostWritesFailVerification) {
  ProgramAndBoot("other_f4");
  board_.Fault("flash_lost");
  const RunResult result = board_.Program();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("** Verify Failed **"));
}

// Nothing but a program that checks itself can tell: the read-back agrees.
TEST_F(VboardFlash, LyingFlashReadsBackAndRunsTheOldImage) {
  ProgramAndBoot("other_f4");
  board_.settings = "set WORKAREASIZE 0";  // verify by reading back, not on the target
  board_.Fault("flash_lies");
  const RunResult result = board_.Program();
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "other_f4 up\n");
  board_.Control({{"cmd", "clear"}});
  ProgramAndBoot("echo_f4");
}

TEST_F(VboardFlash, FailingOperationIsReportedByTheDriver) {
  board_.Fault("flash_error");  // the erase
  RunResult result = board_.Program();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("failed erasing sectors"));
  board_.Fault("flash_error", {{"after_bytes", 100}});  // in the middle of programming
  result = board_.Program();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("** Programming Failed **"));
  EXPECT_EQ(status()["fault_strikes"]["flash_error"], 2);
  ProgramAndBoot("echo_f4");  // each struck once
}

TEST_F(VboardFlash, BadBitIsCaughtByVerification) {
  board_.Fault("flash_bad_bit", {{"after_bytes", 100}, {"seed", 3}});
  const RunResult result = board_.Program();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("** Verify Failed **"));
  ProgramAndBoot("echo_f4");
}

TEST_F(VboardFlash, SlowFlashIsWaitedForUpToTheDriversLimit) {
  board_.Fault("flash_slow", {{"polls", 5}});
  ProgramAndBoot("echo_f4");
  board_.settings = "set WORKAREASIZE 0";
  board_.Fault("flash_slow", {{"polls", 100}});  // of a millisecond; it allows five a write
  const RunResult result = board_.Program(Firmware("other_f4"));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("timed out waiting for flash"));
}

TEST_F(VboardFlash, BrownOutKeepsFlash) {
  ProgramAndBoot("echo_f4");
  board_.Fault("brown_out");
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo_f4 up\n");
  EXPECT_EQ(status()["qemu_starts"], 2);
}

TEST_F(VboardFlash, AnotherBoardBehindTheProbeHasAnotherId) {
  board_.Fault("wrong_board", {{"seed", 4}});
  std::string bytes;
  for (const uint8_t byte : MakeUniqueId("another 4")) bytes += fmt::format(" {:#x}", byte);
  const char* const read =
      "echo \"uid [read_memory 0x1fff7a10 8 12] copy [read_memory 0x2002fff0 8 12]\"";
  const RunResult result = board_.OpenOcd({"init", read});
  EXPECT_THAT(result.log, HasSubstr("uid" + bytes + " copy" + bytes + "\n"));
  board_.Control({{"cmd", "clear"}});
  EXPECT_THAT(board_.OpenOcd({"init", read}).log, Not(HasSubstr(bytes)));
}

TEST_F(VboardFlash, ForeignFlashFileIsRefused) {
  ScratchDirectory scratch;
  std::ofstream(scratch.path() + "/flash.bin") << "not a megabyte";
  const RunResult result =
      RunProgram(BoardCommand("VB0002", scratch.path(), "virtual_f4"), std::chrono::seconds(10));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("remove the file"));
}

}  // namespace
}  // namespace tinyrig::agent::vboard
