// What the board types have in common: load, run, an exact counter, a core that sleeps.

#include <gmock/gmock.h>

#include "tests/integration/vboard/harness.h"

namespace tinyrig::agent::vboard {
namespace {

using ::testing::HasSubstr;

struct TypeCase {
  const char* name;
  bool flash;
  const char* ticks;  // of two million instructions at 64 ns, and what starting and reading cost
  const char* last_ram_word;
  const char* beyond_ram;
};

class VboardTypes : public ::testing::TestWithParam<TypeCase> {
 protected:
  VboardTypes() : board_("VB0001", GetParam().name), terminal_(board_.OpenTerminal()) {}
  void Boot() {
    const RunResult load = GetParam().flash ? board_.Program() : board_.LoadAndRun();
    ASSERT_EQ(load.exit_status, 0) << load.log;
    ASSERT_THAT(terminal_.ReadUntil("up\n"), HasSubstr("echo"));
  }
  RunningBoard board_;
  Terminal terminal_;
};

TEST_P(VboardTypes, CountsExactly) {
  EXPECT_EQ(board_.core(), "locked_up");  // blank
  Boot();
  for (int i = 0; i < 3; ++i) {
    terminal_.Write("\x01");
    EXPECT_EQ(terminal_.ReadUntil("\n"), std::string("ticks ") + GetParam().ticks + "\n");
  }
}

TEST_P(VboardTypes, DebuggerWakesASleepingCore) {
  Boot();
  terminal_.Write("\x06");
  ASSERT_EQ(terminal_.ReadUntil("asleep\n"), "asleep\n");
  EXPECT_EQ(terminal_.ReadQuiet(), "");  // not awake by itself
  const RunResult result = board_.OpenOcd({"init", "mww 0xE000E200 0x80000000"});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_EQ(terminal_.ReadUntil("awake\n"), "awake\n");
  EXPECT_EQ(board_.core(), "running");
}

TEST_P(VboardTypes, RamEndsWhereThePartEnds) {
  const std::string last = GetParam().last_ram_word;
  const std::string beyond = GetParam().beyond_ram;
  RunResult result =
      board_.OpenOcd({"init", "reset halt", "mww " + last + " 0xcafe1234", "mdw " + last});
  EXPECT_EQ(result.exit_status, 0) << result.log;
  EXPECT_THAT(result.log, HasSubstr("cafe1234"));
  result = board_.OpenOcd({"init", "halt", "mdw " + beyond});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.log, HasSubstr("Failed to read memory at " + beyond));
}

INSTANTIATE_TEST_SUITE_P(
    All, VboardTypes,
    ::testing::Values(TypeCase{"virtual_m4", false, "0030d406", "0x2003fffc", "0x20040000"},
                      TypeCase{"virtual_m7", false, "0030d406", "0x2007fffc", "0x20080000"},
                      TypeCase{"virtual_f4", true, "07a12100", "0x2001fffc", "0x20020000"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tinyrig::agent::vboard
