#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/cli/bench/diagnosis.h"
#include "tests/unit/cli/fake_machine.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;

class DoctorTest : public FakeMachine {
 protected:
  std::vector<Finding> Check() { return CheckMachine(ScanMachine(root_, person_)); }

  static const Finding* Find(const std::vector<Finding>& findings, Level level,
                             const std::string& check, const std::string& words) {
    for (const Finding& finding : findings) {
      if (finding.level == level && finding.check == check &&
          finding.what.find(words) != std::string::npos) {
        return &finding;
      }
    }
    return nullptr;
  }

  static size_t Problems(const std::vector<Finding>& findings) {
    return static_cast<size_t>(std::ranges::count(findings, Level::kProblem, &Finding::level));
  }
};

TEST_F(DoctorTest, AnEmptyMachineHasNoProbeAndNoProblem) {
  const auto findings = Check();
  EXPECT_NE(Find(findings, Level::kNote, "probe", "no debug probe"), nullptr);
  EXPECT_EQ(Problems(findings), 0u);
}

TEST_F(DoctorTest, AProbeWithItsPortIsFoundAndFine) {
  AddClass("tty", "ttyACM0", Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0666), 0666);
  Write("etc/udev/rules.d/60-tinyrig.rules", "# tinyrig\n");
  const auto findings = Check();
  const Finding* probe = Find(findings, Level::kOk, "probe", "ST-LINK/V2-1 serial 066DFF");
  ASSERT_NE(probe, nullptr);
  EXPECT_EQ(probe->where, "usb 1-2, /dev/ttyACM0");
  EXPECT_EQ(Problems(findings), 0u);
}

TEST_F(DoctorTest, SaysWhoOwnsWhatMayNotBeUsed) {
  const fs::path interface = Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0660);
  AddClass("tty", "ttyACM0", interface, 0660);
  AddClass("hidraw", "hidraw3", interface, 0600);
  auto findings = Check();
  EXPECT_EQ(Problems(findings), 3u);
  const Finding* raw = Find(findings, Level::kProblem, "permission", "/dev/bus/usb/001/007");
  ASSERT_NE(raw, nullptr);
  EXPECT_THAT(raw->where, HasSubstr("0660"));
  EXPECT_THAT(raw->todo, HasSubstr("60-tinyrig.rules"));
  EXPECT_NE(Find(findings, Level::kProblem, "permission", "/dev/hidraw3"), nullptr);
  EXPECT_NE(Find(findings, Level::kProblem, "permission", "/dev/ttyACM0"), nullptr);
  // With the rules there, the rules are not the advice.
  Write("etc/udev/rules.d/60-tinyrig.rules", "# tinyrig\n");
  findings = Check();
  EXPECT_THAT(Find(findings, Level::kProblem, "permission", "001/007")->todo, HasSubstr("plugdev"));
  // The owner may.
  struct stat info {};
  stat((root_ / "dev/ttyACM0").c_str(), &info);
  person_.groups = {info.st_gid};
  EXPECT_EQ(Find(Check(), Level::kProblem, "permission", "/dev/ttyACM0"), nullptr);
  EXPECT_NE(Find(Check(), Level::kProblem, "permission", "/dev/hidraw3"), nullptr);
}

TEST_F(DoctorTest, SaysWhoHasAPortOpen) {
  AddClass("tty", "ttyACM0", Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0666), 0666);
  Run(77, "picocom", "/dev/ttyACM0");
  Run(78, "bash", "/dev/null");
  const auto findings = Check();
  EXPECT_EQ(Problems(findings), 1u);
  const Finding* busy = Find(findings, Level::kProblem, "busy", "picocom (pid 77)");
  ASSERT_NE(busy, nullptr);
  EXPECT_THAT(busy->todo, HasSubstr("kill 77"));
}

TEST_F(DoctorTest, TheAgentsOwnUseIsNoProblemAndModemManagerIs) {
  AddClass("tty", "ttyACM0", Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0666), 0666);
  Run(77, "tinyrig-agent", "/dev/ttyACM0");
  Run(78, "openocd", "/dev/bus/usb/001/007");
  EXPECT_EQ(Problems(Check()), 0u);
  Run(79, "ModemManager", "/dev/ttyACM0");
  const auto findings = Check();
  EXPECT_EQ(Problems(findings), 1u);
  EXPECT_THAT(Find(findings, Level::kProblem, "busy", "ModemManager")->todo,
              HasSubstr("60-tinyrig.rules"));
  EXPECT_NE(Find(findings, Level::kNote, "busy", "as if it were a modem"), nullptr);
}

TEST_F(DoctorTest, SerialsThatTellNothing) {
  Plug("1-1", "0483", "3748", "STM32 STLink", "AB12", 4, 0666);
  Plug("1-2", "0483", "3748", "STM32 STLink", "AB12", 5, 0666);
  Plug("1-3", "c251", "f001", "x", "0001", 6, 0666);
  AddClass("tty", "ttyUSB0", Plug("1-4", "10c4", "ea60", "CP2102", "0001", 7, 0666), 0666);
  const auto findings = Check();
  const Finding* twice = Find(findings, Level::kProblem, "identity", "2 probes");
  ASSERT_NE(twice, nullptr);
  EXPECT_EQ(twice->where, "usb 1-1, usb 1-2");
  EXPECT_NE(Find(findings, Level::kProblem, "identity", "ULINK"), nullptr);
  EXPECT_NE(Find(findings, Level::kNote, "identity", "CP210x"), nullptr);
  EXPECT_EQ(Problems(findings), 2u);
}

TEST_F(DoctorTest, ComparesTheBenchFile) {
  AddClass("tty", "ttyACM0", Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0666), 0666);
  const auto boards = ReadBenchBoards(
      "bench: b\n"
      "boards:\n"
      "  - {id: here, probe: {serial: 066DFF}, link: {driver: uart, port: /dev/ttyACM0}}\n"
      "  - {id: gone, probe: {serial: X1}, link: {in: {port: /dev/ttyACM9}, out: {driver: p}}}\n"
      "  - {id: virtual, probe: {serial: V, env: {TINYRIG_VBOARD_DAP: s}}, link: {port: /run/t}}\n",
      "b.yaml");
  ASSERT_TRUE(boards.ok()) << boards.status().message();
  const auto findings = CheckBench(ScanMachine(root_, person_), *boards, root_);
  EXPECT_EQ(Problems(findings), 3u);
  EXPECT_NE(Find(findings, Level::kOk, "bench", "board here"), nullptr);
  EXPECT_NE(Find(findings, Level::kProblem, "bench", "probe of board gone"), nullptr);
  EXPECT_NE(Find(findings, Level::kProblem, "bench", "port of board gone"), nullptr);
  EXPECT_EQ(Find(findings, Level::kProblem, "bench", "probe of board virtual"), nullptr);
  EXPECT_NE(Find(findings, Level::kProblem, "bench", "port of board virtual"), nullptr);
  for (const char* bad : {"", "a: [", "boards: 5", "[1, 2]"}) {
    EXPECT_EQ(ReadBenchBoards(bad, "b.yaml").status().code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_TRUE(ReadBenchBoards("boards: [1, {id: {}}, {probe: x, link: []}]", "b").ok());
}

TEST(Tools, VersionsAreReadAndCompared) {
  EXPECT_EQ(FirstVersion("Open On-Chip Debugger 0.12.0\nLicensed"), "0.12.0");
  EXPECT_EQ(FirstVersion("Open On-Chip Debugger 0.11.0+dev-00362"), "0.11.0");
  EXPECT_EQ(FirstVersion("QEMU emulator version 7.2.17 (Debian 1:7.2)"), "7.2.17");
  EXPECT_EQ(FirstVersion("no digits"), "");
  EXPECT_EQ(FirstVersion("built 2021 by 7"), "");
  EXPECT_TRUE(AtLeast("0.12.0", "0.12"));
  EXPECT_TRUE(AtLeast("1.0", "0.12"));
  EXPECT_FALSE(AtLeast("0.11.9", "0.12"));
  EXPECT_FALSE(AtLeast("", "0.12"));
}

TEST(Tools, MissingAndOldOnesAreFound) {
  auto findings = CheckTools({{"openocd", "/usr/bin/openocd", "0.11.0"}});
  EXPECT_EQ(findings[0].level, Level::kProblem);
  EXPECT_THAT(findings[0].what, HasSubstr("too old"));
  EXPECT_EQ(findings[1].level, Level::kNote);  // QEMU: only for virtual boards.
  findings = CheckTools({{"openocd", "", ""}});
  EXPECT_EQ(findings[0].level, Level::kProblem);
  EXPECT_THAT(findings[0].todo, HasSubstr("apt-get install openocd"));
  EXPECT_EQ(CheckTools({{"openocd", "/usr/bin/openocd", "0.12.0"}})[0].level, Level::kOk);
}

TEST(Tools, OneThatHangsIsGivenUp) {
  std::string name = "/tmp/tinyrig-tool-XXXXXX";
  const fs::path folder = mkdtemp(name.data());
  std::ofstream(folder / "slow-tool") << "#!/bin/sh\necho slow-tool 3.1\nsleep 1000\n";
  chmod((folder / "slow-tool").c_str(), 0755);
  const std::string path = std::getenv("PATH");
  setenv("PATH", (folder.string() + ":" + path).c_str(), 1);
  const Tool tool = FindTool("slow-tool", std::chrono::milliseconds(300));
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(tool.path, (folder / "slow-tool").string());
  EXPECT_TRUE(tool.version == "3.1" || tool.version.empty());
  EXPECT_EQ(FindTool("no-such-tool-anywhere").path, "");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tinyrig::cli
