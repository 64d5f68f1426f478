// The same board by JTAG: OpenOCD's own remote_bitbang driver on jtag.sock.

#include <gmock/gmock.h>

#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;

class VboardJtag : public ::testing::Test {
 protected:
  std::vector<std::string> Command(const std::vector<std::string>& commands) const {
    std::vector<std::string> argv = {"openocd", "-c", "set JTAG_SOCKET " + board_.Path("jtag.sock"),
                                     "-f", OpenOcdConfig("virtual_m4_jtag")};
    for (const std::string& command : commands) argv.insert(argv.end(), {"-c", command});
    argv.insert(argv.end(), {"-c", "shutdown"});
    return argv;
  }
  RunResult OpenOcd(const std::vector<std::string>& commands) const {
    return RunProgram(Command(commands), std::chrono::seconds(60));
  }
  RunResult LoadAndRun() const {
    const std::string image = Firmware("echo");
    return OpenOcd(
        {"init", "reset halt", "load_image " + image, "verify_image " + image, "reset run"});
  }
  void WaitUntilOpen() {
    for (int i = 0; i < 500 && board_.Control({{"cmd", "status"}})["probe"] != "open"; ++i) {
      usleep(10000);
    }
  }
  RunningBoard board_;
};

TEST_F(VboardJtag, LoadsVerifiesAndRuns) {
  Terminal terminal = board_.OpenTerminal();
  const RunResult result = LoadAndRun();
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("tap/device found: 0x4ba00477"));
  EXPECT_THAT(result.log, HasSubstr("verified "));
  EXPECT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
  EXPECT_EQ(board_.LoadAndRun(Firmware("other")).exit_status, 0);  // and by SWD again
  EXPECT_EQ(terminal.ReadUntil("up\n"), "other up\n");
}

// OpenOCD 0.12 turned away by remote_bitbang says so (1) or dies of an assertion of its own
// (SIGABRT), whichever it meets first: both are "not let in".
TEST_F(VboardJtag, OneClientAtATimeOverBothFronts) {
  Process first;
  ASSERT_TRUE(first.Spawn(Command({"init", "sleep 20000"}), {}, board_.Path("first")).ok());
  WaitUntilOpen();
  RunResult second = OpenOcd({"init"});
  EXPECT_NE(second.exit_status, 0) << second.log;
  second = board_.OpenOcd({"init"});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_THAT(second.log, HasSubstr("unable to open CMSIS-DAP device"));
  EXPECT_TRUE(first.Alive());
  first.Kill();
  EXPECT_EQ(OpenOcd({"init"}).exit_status, 0);
  Process swd;
  ASSERT_TRUE(
      swd.Spawn(board_.OpenOcdCommand({"init", "sleep 20000"}), {}, board_.Path("swd")).ok());
  WaitUntilOpen();
  EXPECT_NE(OpenOcd({"init"}).exit_status, 0);
  EXPECT_TRUE(swd.Alive());
}

TEST_F(VboardJtag, UnpoweredBoardReadsAsOnes) {
  board_.Power("off");
  EXPECT_THAT(OpenOcd({"init"}).log, HasSubstr("JTAG scan chain interrogation failed: all ones"));
  board_.Power("on");
  board_.Fault("no_ack");
  EXPECT_THAT(OpenOcd({"init"}).log, HasSubstr("JTAG scan chain interrogation failed: all ones"));
  board_.Control({{"cmd", "clear"}});
  EXPECT_EQ(OpenOcd({"init"}).exit_status, 0);
}

TEST_F(VboardJtag, WrongIdcodeIsNamed) {
  board_.Fault("idcode");
  EXPECT_THAT(OpenOcd({"init"}).log, HasSubstr("UNEXPECTED: 0x1ba00477"));
}

TEST_F(VboardJtag, StuckWaitStalls) {
  board_.Fault("wait_stuck", {{"after_transfers", 20}});  // before, OpenOCD tries 256 access ports
  const RunResult result = OpenOcd({"init", "reset halt"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("DAP transaction stalled (WAIT)"));
}

TEST_F(VboardJtag, AFewWaitsDoNotMatter) {
  board_.Fault("wait_some", {{"after_transfers", 60}});
  EXPECT_EQ(LoadAndRun().exit_status, 0);
  EXPECT_EQ(board_.Control({{"cmd", "status"}})["fault_strikes"]["wait_some"], 20);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
