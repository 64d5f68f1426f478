// What a debugger can do with the core, seen through the real OpenOCD.

#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VboardDebug : public ::testing::Test {
 protected:
  VboardDebug() : terminal_(board_.OpenTerminal()) {
    const RunResult load = board_.LoadAndRun();
    EXPECT_EQ(load.exit_status, 0) << load.log;
    EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo up\n");
  }
  RunningBoard board_;
  Terminal terminal_;
};

TEST_F(VboardDebug, HaltStopsAndResumeContinues) {
  EXPECT_EQ(board_.OpenOcd({"init", "halt"}).exit_status, 0);
  EXPECT_EQ(board_.core(), "halted");
  terminal_.Write("x");
  EXPECT_EQ(terminal_.ReadQuiet(), "");
  EXPECT_EQ(board_.OpenOcd({"init", "halt", "resume"}).exit_status, 0);
  EXPECT_EQ(terminal_.Read(1), "x");  // the UART held it
}

TEST_F(VboardDebug, RegistersAreReadAndWritten) {
  // OpenOCD writes its register cache back when it lets the core go.
  const RunResult result = board_.OpenOcd({"init", "halt", "set_reg {r7 0x12345678 r11 7}", "step",
                                           "echo \"got [get_reg -force {r7 r11}]\""});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("got r7 0x12345678 r11 0x00000007"));
}

TEST_F(VboardDebug, FloatingPointRegistersAreReadAndWritten) {
  const RunResult result = board_.OpenOcd(
      {"init", "halt", "reg d3 0x400921fb54442d18", "step", "echo \"got [get_reg -force {d3}]\""});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("got d3 0x400921fb54442d18"));
}

TEST_F(VboardDebug, StepMovesOneInstruction) {
  const RunResult result =
      board_.OpenOcd({"init", "reset halt", "set a [dict get [get_reg pc] pc]", "step",
                      "set b [dict get [get_reg pc] pc]", "echo \"moved [expr {$b - $a}]\""});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, ::testing::ContainsRegex("moved (2|4)\n"));
}

TEST_F(VboardDebug, HardwareBreakpointStops) {
  // The instruction after the echo loop's UART read, found by where the core waits.
  const RunResult result =
      board_.OpenOcd({"init", "halt", "set pc [dict get [get_reg pc] pc]", "bp $pc 2 hw", "resume",
                      "wait_halt 2000", "echo \"again [expr {[dict get [get_reg pc] pc] == $pc}]\"",
                      "rbp $pc", "resume"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("halted due to breakpoint"));
  EXPECT_THAT(result.log, HasSubstr("again 1"));
  terminal_.Write("free");
  EXPECT_EQ(terminal_.Read(4), "free");
}

TEST_F(VboardDebug, WatchpointStops) {
  const RunResult result = board_.OpenOcd({"init", "halt", "wp 0x40004004 4 r", "resume",
                                           "wait_halt 2000", "rwp 0x40004004", "resume"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("halted due to watchpoint"));
}

TEST_F(VboardDebug, BkptInTheImageHalts) {
  terminal_.Write("\x05");
  for (int i = 0; i < 100 && board_.core() != "halted"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(board_.core(), "halted");
  const RunResult result =
      board_.OpenOcd({"init", "halt", "set pc [dict get [get_reg -force pc] pc]",
                      "echo \"code [read_memory $pc 16 1]\"", "reg pc [expr {$pc + 2}]", "resume"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("code 0xbe00"));
  EXPECT_EQ(terminal_.ReadUntil("\n"), "past bkpt\n");
}

TEST_F(VboardDebug, LoaderOnTheTargetRuns) {
  // With a work area OpenOCD verifies by a checksum routine that ends in BKPT.
  const RunResult result =
      board_.OpenOcd({"vb.cpu configure -work-area-phys 0x20008000 -work-area-size 16384", "init",
                      "reset halt", "verify_image " + Firmware("echo"), "resume"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("verified "));
  EXPECT_THAT(result.log, Not(HasSubstr("No working memory")));
}

TEST_F(VboardDebug, AccessesOfEveryWidthAgree) {
  const RunResult result = board_.OpenOcd(
      {"init", "halt", "write_memory 0x20001000 32 {0x03020100 0x07060504 0x0b0a0908}",
       "write_memory 0x20001001 8 {0xaa}", "write_memory 0x20001006 16 {0xbbcc}",
       "echo \"words [read_memory 0x20001000 32 3]\"",
       "echo \"bytes [read_memory 0x20001001 8 5]\"",
       "echo \"halves [read_memory 0x20001002 16 3]\"",
       "echo \"wrap [llength [read_memory 0x20000ffc 8 4101]]\""});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("words 0x302aa00 0xbbcc0504 0xb0a0908"));
  EXPECT_THAT(result.log, HasSubstr("bytes 0xaa 0x2 0x3 0x4 0x5"));
  EXPECT_THAT(result.log, HasSubstr("halves 0x302 0x504 0xbbcc"));
  EXPECT_THAT(result.log, HasSubstr("wrap 4101"));
}

TEST_F(VboardDebug, UnmappedAddressesFault) {
  RunResult result = board_.OpenOcd({"init", "halt", "mww 0x70000004 1"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Failed to write memory at 0x70000004"));
  result = board_.OpenOcd({"init", "halt", "mdw 0x20040000 1"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Failed to read memory at 0x20040000"));
}

TEST_F(VboardDebug, LockUpIsSeenAndAResetRecovers) {
  terminal_.Write("\x03");
  EXPECT_EQ(terminal_.ReadUntil("\n"), "dying\n");
  for (int i = 0; i < 200 && board_.core() != "locked_up"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(board_.core(), "locked_up");
  const RunResult result = board_.OpenOcd({"init", "poll off", "catch {poll}", "reset run"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("clearing lockup after double fault"));
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo up\n");  // the image was still there
}

TEST_F(VboardDebug, QemuThatDiesUnderADebuggerIsReplaced) {
  kill(pid_t(board_.Control({{"cmd", "status"}})["qemu_pid"]), SIGKILL);
  EXPECT_EQ(board_.OpenOcd({"init", "reset run"}).exit_status, 0);
  EXPECT_EQ(terminal_.ReadUntil("up\n"), "echo up\n");
}

TEST_F(VboardDebug, ReconnectsDoNotDisturbTheFirmware) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(board_.OpenOcd({"init", "mdw 0x20000000 4"}).exit_status, 0);
    terminal_.Write("ping");
    EXPECT_EQ(terminal_.Read(4), "ping");
  }
}

}  // namespace
}  // namespace tinyrig::agent::vboard
