// A board's life: load, verify and run through the real OpenOCD, power, ownership, directories.

#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "agent/virtual/unique_id.h"
#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string MeasuredTicks(Terminal& terminal) {
  terminal.Write("\x01");
  return terminal.ReadUntil("\n");
}

// Ended, though perhaps not yet reaped by whoever inherited it.
bool Gone(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string id, name, state;
  return !(stat >> id >> name >> state) || state == "Z";
}

std::string WriteImage(const std::string& path, size_t bytes) {
  std::ofstream file(path, std::ios::binary);
  for (size_t i = 0; i < bytes; ++i) file.put(static_cast<char>(i * 31 + (i >> 9)));
  return path;
}

TEST(VboardRun, LoadsVerifiesRunsAndAnswers) {
  RunningBoard board;
  EXPECT_EQ(board.core(), "locked_up");  // blank
  const RunResult load = board.LoadAndRun();
  EXPECT_EQ(load.exit_status, 0) << load.log;
  EXPECT_THAT(load.log, HasSubstr("verified "));
  Terminal terminal = board.OpenTerminal();
  EXPECT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
  terminal.Write("hello board");
  EXPECT_EQ(terminal.Read(11), "hello board");
  EXPECT_EQ(board.core(), "running");
}

TEST(VboardRun, PowerCycleForgetsEverythingAndKeepsTheTerminal) {
  RunningBoard board;
  Terminal terminal = board.OpenTerminal();
  const auto link = std::filesystem::read_symlink(board.Path("tty"));
  ASSERT_EQ(board.LoadAndRun().exit_status, 0);
  EXPECT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
  board.Power("off");
  EXPECT_EQ(board.core(), "off");
  terminal.Write("into the void");
  board.Power("on");
  EXPECT_EQ(board.core(), "locked_up");
  EXPECT_EQ(std::filesystem::read_symlink(board.Path("tty")), link);
  // Nothing of the old image is left.
  const RunResult blank = board.OpenOcd({"init", "reset halt", "echo [read_memory 0 32 4]"});
  EXPECT_THAT(blank.log, HasSubstr("0x0 0x0 0x0 0x0"));
  EXPECT_EQ(terminal.ReadQuiet(), "");
  ASSERT_EQ(board.LoadAndRun(Firmware("other")).exit_status, 0);
  EXPECT_EQ(terminal.ReadUntil("up\n"), "other up\n");
}

TEST(VboardRun, FivePowerCyclesCountTheSame) {
  RunningBoard board;
  for (int cycle = 0; cycle < 5; ++cycle) {
    board.Power("cycle");
    Terminal terminal = board.OpenTerminal();
    ASSERT_EQ(board.LoadAndRun().exit_status, 0);
    ASSERT_EQ(terminal.ReadUntil("up\n"), "echo up\n");
    // 2,000,000 instructions at 64 ns in ticks of 40 ns, and 6 ticks for starting and reading.
    EXPECT_EQ(MeasuredTicks(terminal), "ticks 0030d406\n") << "cycle " << cycle;
  }
}

TEST(VboardRun, LoadOf200KiBTakesLessThanASecond) {
  RunningBoard board;
  const std::string image = WriteImage(board.Path("big.bin"), 200 * 1024);
  const std::string dump = board.Path("dump.bin");
  const RunResult result = board.OpenOcd({"init", "reset halt", "load_image " + image + " 0x10000",
                                          "verify_image " + image + " 0x10000",
                                          "dump_image " + dump + " 0x10000 204800"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_LT(result.seconds, 1.0) << result.log;
  EXPECT_EQ(RunProgram({"cmp", image, dump}, std::chrono::seconds(5)).exit_status, 0);
}

TEST(VboardRun, UniqueIdIsPlantedAndSurvivesTheDebugger) {
  RunningBoard board("VB0042");
  const std::string expected = UniqueIdHex(MakeUniqueId("VB0042"));
  EXPECT_EQ(board.Control({{"cmd", "status"}})["uid"], expected);
  const std::string dump = board.Path("uid.bin");
  const RunResult result = board.OpenOcd(
      {"init", "reset halt", "mww 0x3ffff0 0x12345678", "dump_image " + dump + " 0x3ffff0 12"});
  ASSERT_EQ(result.exit_status, 0) << result.log;
  UniqueId read{};
  std::ifstream(dump, std::ios::binary)
      .read(reinterpret_cast<char*>(read.data()), static_cast<std::streamsize>(read.size()));
  EXPECT_EQ(UniqueIdHex(read), expected);
}

TEST(VboardRun, ProbeWritesReachTheRunningFirmware) {
  RunningBoard board;
  Terminal terminal = board.OpenTerminal();
  ASSERT_EQ(board.LoadAndRun().exit_status, 0);
  terminal.ReadUntil("up\n");
  const RunResult result = board.OpenOcd({"init", "mww 0x20000000 0xcafe0042"});
  ASSERT_EQ(result.exit_status, 0) << result.log;
  terminal.Write("\x04");
  EXPECT_EQ(terminal.ReadUntil("\n"), "mailbox cafe0042\n");
  EXPECT_EQ(board.core(), "running");
}

TEST(VboardRun, SecondClientIsRefused) {
  RunningBoard board;
  const std::string mark = board.Path("first");
  Process first;
  const auto argv = board.OpenOcdCommand({"init", "echo first_is_in", "sleep 3000"});
  ASSERT_TRUE(first.Spawn(argv, {}, mark).ok());
  for (int i = 0; i < 500 && board.Control({{"cmd", "status"}})["probe"] != "open"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const RunResult second = board.OpenOcd({"init"});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_THAT(second.log, HasSubstr("unable to open CMSIS-DAP device"));
  EXPECT_TRUE(first.Alive());
  first.Kill();
  EXPECT_EQ(board.OpenOcd({"init"}).exit_status, 0);
}

TEST(VboardRun, ClientsFollowEachOtherWithoutAGap) {
  RunningBoard board;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(board.OpenOcd({"init"}).exit_status, 0) << i;
}

TEST(VboardRun, TwoBoardsDoNotMix) {
  RunningBoard first("VB0001");
  RunningBoard second("VB0002");
  RunResult first_load, second_load;
  std::thread one([&] { first_load = first.LoadAndRun(Firmware("echo")); });
  std::thread two([&] { second_load = second.LoadAndRun(Firmware("other")); });
  one.join();
  two.join();
  EXPECT_EQ(first_load.exit_status, 0) << first_load.log;
  EXPECT_EQ(second_load.exit_status, 0) << second_load.log;
  EXPECT_EQ(first.OpenTerminal().ReadUntil("up\n"), "echo up\n");
  EXPECT_EQ(second.OpenTerminal().ReadUntil("up\n"), "other up\n");
}

TEST(VboardRun, PowerCycleUnderAnAttachedOpenOcd) {
  RunningBoard board;
  Terminal terminal = board.OpenTerminal();
  const std::string log = board.Path("attached.log");
  Process attached;
  const auto argv =
      board.OpenOcdCommand({"init", "reset halt", "echo cycle_now", "sleep 2000", "reset halt",
                            "load_image " + Firmware("echo"), "reset run"});
  ASSERT_TRUE(attached.Spawn(argv, {}, log).ok());
  const auto said = [&] {
    std::stringstream text;
    text << std::ifstream(log).rdbuf();
    return text.str();
  };
  for (int i = 0; i < 1000 && said().find("cycle_now") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  board.Power("cycle");
  EXPECT_EQ(terminal.ReadUntil("up\n", std::chrono::seconds(20)), "echo up\n") << said();
  for (int i = 0; i < 500 && attached.Alive(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(attached.end(), "exit status 0") << said();
}

TEST(VboardRun, PowerCyclesLeaveNothingBehind) {
  RunningBoard board;
  const std::string descriptors = "/proc/" + std::to_string(board.process().pid()) + "/fd";
  const auto open = [&] {
    const std::filesystem::directory_iterator all(descriptors);
    return std::distance(begin(all), end(all));
  };
  board.Power("cycle");
  const auto before = open();
  for (int i = 0; i < 10; ++i) board.Power("cycle");
  EXPECT_LE(open(), before + 1);  // the connection of the last command may still be closing
  EXPECT_EQ(board.Control({{"cmd", "status"}})["qemu_starts"], 12);
}

TEST(VboardRun, TermEndsItCleanly) {
  RunningBoard board;
  const pid_t qemu = board.Control({{"cmd", "status"}})["qemu_pid"];
  kill(board.process().pid(), SIGTERM);
  for (int i = 0; i < 500 && board.process().Alive(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(board.process().end(), "exit status 0");
  EXPECT_TRUE(Gone(qemu));
  for (const char* name : {"dap.sock", "control.sock", "tty", "vboard.json"}) {
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(board.Path(name))))
        << name;
  }
}

TEST(VboardRun, KilledBoardTakesQemuAlongAndItsDirectoryCanBeUsedAgain) {
  RunningBoard board;
  const pid_t qemu = board.Control({{"cmd", "status"}})["qemu_pid"];
  kill(board.process().pid(), SIGKILL);
  for (int i = 0; i < 500 && (board.process().Alive() || !Gone(qemu)); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(Gone(qemu));
  Process again;
  const std::string directory = std::filesystem::path(board.Path("x")).parent_path();
  ASSERT_TRUE(again.Spawn(BoardCommand("VB0001", directory), {}, board.Path("again.log")).ok());
  std::string core;
  for (int i = 0; i < 500 && core.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::string answer = board.ControlLine("{\"cmd\":\"status\"}");
    if (!answer.empty()) core = nlohmann::json::parse(answer)["core"];
  }
  EXPECT_EQ(core, "locked_up");
}

TEST(VboardRun, OneDirectoryHoldsOneBoard) {
  RunningBoard board;
  const std::string directory = std::filesystem::path(board.Path("x")).parent_path();
  const RunResult result = RunProgram(BoardCommand("VB0009", directory), std::chrono::seconds(5));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("another virtual board lives in"));
  EXPECT_EQ(board.core(), "locked_up");
}

TEST(VboardRun, BadCommandLinesSayWhatToDo) {
  ScratchDirectory scratch;
  const auto long_name = scratch.path() + "/" + std::string(120, 'x');
  RunResult result = RunProgram(BoardCommand("VB0001", long_name), std::chrono::seconds(5));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("choose a shorter --dir"));
  result = RunProgram(BoardCommand("has space", scratch.path()), std::chrono::seconds(5));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("serial number"));
  auto argv = BoardCommand("VB0001", scratch.path());
  argv[2] = "virtual_m99";
  result = RunProgram(argv, std::chrono::seconds(5));
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_THAT(result.log, HasSubstr("virtual_m4"));
  argv = BoardCommand("VB0001", scratch.path());
  argv.insert(argv.end(), {"--qemu", "no-such-qemu"});
  result = RunProgram(argv, std::chrono::seconds(5));
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("cannot execute no-such-qemu"));
}

TEST(VboardRun, ControlSocketSurvivesNonsense) {
  RunningBoard board;
  EXPECT_THAT(board.ControlLine("garbage"), HasSubstr("\"ok\":false"));
  EXPECT_THAT(board.ControlLine("{\"cmd\":\"fault\",\"name\":\"nope\"}"),
              HasSubstr("probe_absent"));
  EXPECT_THAT(board.ControlLine(std::string(100000, 'x')), HasSubstr("too long"));
  EXPECT_THAT(board.ControlLine("{\"cmd\":\"fault\",\"name\":\"uart_drop\",\"rate\":7}"),
              HasSubstr("from 0 to 1"));
  const auto status = board.Control({{"cmd", "status"}});
  EXPECT_TRUE(status["faults"].empty()) << status;
}

TEST(VboardRun, DescriptionNamesEverything) {
  RunningBoard board("VB0007");
  const auto json = nlohmann::json::parse(std::ifstream(board.Path("vboard.json")));
  EXPECT_EQ(json["pid"], board.process().pid());
  EXPECT_EQ(json["serial"], "VB0007");
  EXPECT_EQ(json["type"], "virtual_m4");
  EXPECT_EQ(json["uid"], UniqueIdHex(MakeUniqueId("VB0007")));
  EXPECT_EQ(json["dap"], board.Path("dap.sock"));
  EXPECT_EQ(json["tty"], board.Path("tty"));
  EXPECT_EQ(json["control"], board.Path("control.sock"));
  EXPECT_TRUE(std::filesystem::exists(std::string(json["pty"])));
}

// OpenOCD's `reset run` lets the core go before it resets it. On a busy machine the reset comes
// late; by then the core must not have run what stands at the old image's program counter.
TEST(VboardRun, ResetMayComeLateAfterALoad) {
  RunningBoard board;
  const RunResult result = board.OpenOcd({"init", "reset halt", "load_image " + Firmware("echo"),
                                          "mww 0xE000EDF0 0xA05F0001", "sleep 100", "reset run"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_EQ(board.Control({{"cmd", "status"}})["lockups"], 0);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
