// Power switches that are other people's programs, which are scripts here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "agent/drivers/power_command/power_command.h"
#include "agent/drivers/uhubctl/uhubctl_power.h"
#include "tests/unit/agent/run_coroutine.h"
#include "tests/unit/agent/temp_folder.h"

namespace tinyrig::agent {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kOff =
    "Current status for hub 1-1.4 [2109:3431 USB2.0 Hub, USB 2.10, 4 ports, ppps]\n"
    "  Port 2: 0103 power enable connect [0d28:0204 ARM \"power off BBC\" 9900]\n"
    "Sent power off request\n"
    "New status for hub 1-1.4 [2109:3431 USB2.0 Hub, USB 2.10, 4 ports, ppps]\n"
    "  Port 2: 0000 off\n";
constexpr std::string_view kOn =
    "Current status for hub 2-1.4 [2109:0817 USB3.0 Hub, USB 3.20, 4 ports, ppps]\n"
    "  Port 2: 0080 off\n"
    "Sent power on request\n"
    "New status for hub 2-1.4 [2109:0817 USB3.0 Hub, USB 3.20, 4 ports, ppps]\n"
    "  Port 2: 02a0 power 5gbps Rx.Detect\n";
const uhubctl::Port kUsb2{"1-1.4", 2};
const uhubctl::Port kUsb3{"2-1.4", 2};

TEST(UhubctlProtocol, ArgumentsAreExact) {
  EXPECT_THAT(uhubctl::SetArguments("uhubctl", kUsb2, false),
              ElementsAre("uhubctl", "-e", "-l", "1-1.4", "-p", "2", "-a", "off"));
  EXPECT_EQ(uhubctl::SetArguments("uhubctl", kUsb2, true).back(), "on");
}

TEST(UhubctlProtocol, TheNewStatusDecides) {
  EXPECT_TRUE(uhubctl::CheckAnswer(kOff, 0, kUsb2, false).ok());
  EXPECT_TRUE(uhubctl::CheckAnswer(kOn, 0, kUsb3, true).ok());
  EXPECT_FALSE(uhubctl::CheckAnswer(kOff, 0, kUsb2, true).ok());
  EXPECT_FALSE(uhubctl::CheckAnswer(kOn, 0, kUsb3, false).ok());
  EXPECT_FALSE(uhubctl::CheckAnswer(kOff, 1, kUsb2, false).ok());
  EXPECT_FALSE(uhubctl::CheckAnswer(kOff, 0, {"1-1", 2}, false).ok());    // Another hub.
  EXPECT_FALSE(uhubctl::CheckAnswer(kOff, 0, {"1-1.4", 3}, false).ok());  // Another port.
  for (size_t size = 0; size < kOff.size() - 5; ++size) {                 // Cut off before "off".
    EXPECT_FALSE(uhubctl::CheckAnswer(kOff.substr(0, size), 0, kUsb2, false).ok()) << size;
  }
}

TEST(UhubctlProtocol, FailuresSayWhatToDo) {
  const auto message = [](std::string_view output) {
    return uhubctl::CheckAnswer(output, 1, kUsb2, false).message();
  };
  EXPECT_THAT(message("No compatible devices detected at location 1-1.4!\nRun with -h.\n"),
              HasSubstr("lists those"));
  EXPECT_THAT(message("There were permission problems while accessing USB.\nPermission denied\n"),
              HasSubstr("udev"));
  EXPECT_THAT(message("something new\n"), HasSubstr("something new"));
}

class PowerProgram : public testing::Test {
 protected:
  std::string Script(const std::string& body) {
    const fs::path path = folder_ / "tool";
    std::ofstream(path) << "#!/bin/sh\n" << body;
    chmod(path.c_str(), 0755);
    return path.string();
  }
  std::string Calls() {
    std::ifstream file(folder_ / "calls");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Answers as uhubctl does, and keeps its arguments.
  std::string Hub() {
    return Script("echo \"$3 $5 $7\" >>" + (folder_ / "calls").string() +
                  "\necho \"New status for hub $3 [x]\"\n"
                  "if [ $7 = on ]; then echo \"  Port $5: 0100 power\"; "
                  "else echo \"  Port $5: 0000 off\"; fi\n");
  }
  static Deadline Soon() { return Within(std::chrono::seconds(20)); }

  TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
  asio::io_context io_;
};

TEST_F(PowerProgram, BothHalvesOfAUsb3HubAreSwitched) {
  uhubctl::UhubctlPower power({kUsb2, kUsb3}, Hub(), milliseconds(1));
  EXPECT_TRUE(RunCoroutine(io_, power.Cycle(Soon())).ok());
  EXPECT_EQ(Calls(), "1-1.4 2 off\n2-1.4 2 off\n1-1.4 2 on\n2-1.4 2 on\n");
}

TEST_F(PowerProgram, AHubThatOnlyPretendsIsFound) {
  const std::string tool =
      Script("echo 'New status for hub 1-1.4 [x]'; echo '  Port 2: 0103 power enable'");
  uhubctl::UhubctlPower power({kUsb2}, tool);
  EXPECT_TRUE(RunCoroutine(io_, power.On(Soon())).ok());
  const Status off = RunCoroutine(io_, power.Off(Soon()));
  EXPECT_EQ(off.code(), Code::kUnavailable);
  EXPECT_THAT(off.message(), HasSubstr("pretend"));
}

TEST_F(PowerProgram, AMissingUhubctlIsNamed) {
  uhubctl::UhubctlPower power({kUsb2}, (folder_ / "none").string());
  const Status status = RunCoroutine(io_, power.On(Soon()));
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("uhubctl"));
}

TEST_F(PowerProgram, CommandsAreStartedWithoutAShell) {
  const std::string tool = Script("echo \"$#:$1:$2\" >>" + (folder_ / "calls").string() + "\n");
  power_command::CommandPower power({{tool, "$HOME; true", "on"}, {tool, "*", "off"}, {}},
                                    milliseconds(1));
  EXPECT_TRUE(RunCoroutine(io_, power.Cycle(Soon())).ok());
  EXPECT_EQ(Calls(), "2:*:off\n2:$HOME; true:on\n");
}

TEST_F(PowerProgram, ACycleOfItsOwnIsUsed) {
  const std::string tool = Script("echo $1 >>" + (folder_ / "calls").string() + "\n");
  power_command::CommandPower power({{tool, "on"}, {tool, "off"}, {tool, "cycle"}});
  EXPECT_TRUE(RunCoroutine(io_, power.Cycle(Soon())).ok());
  EXPECT_EQ(Calls(), "cycle\n");
}

TEST_F(PowerProgram, FailuresCarryWhatTheProgramSaid) {
  const std::string tool = Script("echo relay is stuck; exit 3\n");
  power_command::CommandPower power({{tool}, {tool}, {}});
  const Status failed = RunCoroutine(io_, power.On(Soon()));
  EXPECT_EQ(failed.code(), Code::kUnavailable);
  EXPECT_THAT(failed.message(), HasSubstr("exit code 3: relay is stuck"));
  power_command::CommandPower none({{"/no/such/relay"}, {"x"}, {}});
  EXPECT_EQ(RunCoroutine(io_, none.On(Soon())).code(), Code::kUnavailable);
  const std::string hangs = Script("sleep 1000\n");
  power_command::CommandPower slow({{hangs}, {hangs}, {}});
  EXPECT_EQ(RunCoroutine(io_, slow.On(Within(milliseconds(200)))).code(), Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace tinyrig::agent
