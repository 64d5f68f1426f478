#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/openocd/commands.h"
#include "agent/drivers/openocd/output.h"

namespace tinyrig::agent::openocd {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

ChildResult RanWith(std::string output, int exit_status) {
  ChildResult run;
  run.exit_status = exit_status;
  run.output = std::move(output);
  return run;
}

// Texts as OpenOCD 0.12.0 printed them.
struct Case {
  const char* output;
  int exit_status;
  Code code;
  const char* remedy;
};

class ClassifyTest : public testing::TestWithParam<Case> {};

TEST_P(ClassifyTest, FindsTheCause) {
  const Status status = Classify(RanWith(GetParam().output, GetParam().exit_status));
  EXPECT_EQ(status.code(), GetParam().code) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(GetParam().remedy));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ClassifyTest,
    testing::Values(
        Case{"Error: unable to find a matching CMSIS-DAP device\n", 1, Code::kNotFound,
             "USB cable"},
        Case{"Error: unable to open CMSIS-DAP device 0xd28:0x204\n"
             "Error: unable to find a matching CMSIS-DAP device\n",
             1, Code::kUnavailable, "another program"},
        Case{"Error: CMSIS-DAP command CMD_INFO failed.\n", 1, Code::kUnavailable, "unplug"},
        Case{"tinyrig dpidr: expected 0x2ba01477, found 0x1ba01477\nanother debug port\n", 1,
             Code::kFailedPrecondition, "expected 0x2ba01477, found 0x1ba01477"},
        Case{"Error: Error connecting DP: cannot read IDR\n", 1, Code::kUnavailable, "power"},
        Case{"Error: Could not find MEM-AP to control the core\n", 1, Code::kUnavailable,
             "power-cycle"},
        Case{"Error: Failed to write memory and, additionally, failed to find out where\n", 1,
             Code::kUnavailable, "lost while writing"},
        Case{"Error: Failed to write memory at 0x70000004\n", 1, Code::kFailedPrecondition,
             "board type"},
        Case{"Error: checksum mismatch - attempting binary compare\n"
             "diff 0 address 0x00000010. Was 0xef instead of 0x55\n",
             1, Code::kDataLoss, "read back"},
        Case{"diff 0 address 0x08000004. Was 0xff instead of 0xd5\ncontents differ\n", 1,
             Code::kDataLoss, "read back"},
        Case{"couldn't open nofile.elf\n", 1, Code::kInternal, "missing"},
        Case{"something new\n", 1, Code::kUnavailable, "something new"},
        // It says that all is well, but did not come to the end.
        Case{"Info : SWD DPIDR 0x2ba01477\n", 0, Code::kUnavailable, "DPIDR"},
        // Logged as an error on success.
        Case{"Error: No working memory available. Specify -work-area-phys to target.\n"
             "tinyrig done\nshutdown command invoked\n",
             0, Code::kOk, ""}));

TEST(Classify, AKilledRunIsATimeout) {
  ChildResult run = RanWith("Info : halted\n", -1);
  run.timed_out = true;
  run.signal = 9;
  EXPECT_EQ(Classify(run).code(), Code::kDeadlineExceeded);
}

TEST(ParseIdentity, ReadsIdAndUid) {
  const auto identity = ParseIdentity(
      "tinyrig dp: 0x2ba01477\nOpen On-Chip Debugger 0.12.0\n"
      "tinyrig uid: 0x44332211 0x88776655 0xccbbaa99\n");
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  EXPECT_EQ(identity->dpidr, 0x2ba01477u);
  EXPECT_EQ(identity->tool, "openocd 0.12.0");
  EXPECT_EQ(UidHex(identity->uid), "112233445566778899aabbcc");
}

TEST(ParseIdentity, ShortOrMissingUidIsAnError) {
  EXPECT_FALSE(ParseIdentity("tinyrig uid: 0x1 0x2\n").ok());
  EXPECT_FALSE(ParseIdentity("").ok());
  EXPECT_FALSE(ParseIdentity("tinyrig uid: 0xzz 0x1 0x2").ok());
}

TEST(CheckFlashRun, WantsAHaltedCoreAndTheWord) {
  const std::string good = "tinyrig state: halted\ntinyrig mailbox: 0xdeadbeef\n";
  EXPECT_TRUE(CheckFlashRun(good, 0xdeadbeef).ok());
  EXPECT_EQ(CheckFlashRun(good, 0xdeadbeee).code(), Code::kDataLoss);
  EXPECT_EQ(CheckFlashRun("tinyrig state: running\ntinyrig mailbox: 0x1\n", 1).code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(CheckFlashRun("", 1).code(), Code::kFailedPrecondition);
}

TEST(ParseTimes, TakesWhatIsBetweenTheMarks) {
  const auto phases = ParseTimes(
      "tinyrig time: flash.halt 1000\nInfo : x\ntinyrig time: flash.write 1015\n"
      "tinyrig time:  1100\ntinyrig done\n");
  ASSERT_EQ(phases.size(), 2u);
  EXPECT_EQ(phases[0].name, "flash.halt");
  EXPECT_EQ(phases[0].duration, milliseconds(15));
  EXPECT_EQ(phases[1].name, "flash.write");
  EXPECT_EQ(phases[1].duration, milliseconds(85));
  EXPECT_TRUE(ParseTimes("tinyrig time: flash.write soon\n").empty());
}

TEST(Commands, StartOpensNoPort) {
  const Adapter adapter{"virtual_m4.cfg", "VB0001", 0x3FFFF0, 0};
  const auto one_shot = StartCommand(adapter, Service::kNone);
  ASSERT_TRUE(one_shot.ok());
  EXPECT_THAT(*one_shot, Contains("adapter serial {VB0001}"));
  EXPECT_THAT(*one_shot, Contains("tcl_port disabled"));
  const auto stays = StartCommand(adapter, Service::kPipe);
  ASSERT_TRUE(stays.ok());
  EXPECT_THAT(*stays, Contains("tcl_port pipe"));
  EXPECT_THAT(*stays, Not(Contains("shutdown")));
}

TEST(Commands, FlashProvesContactLoadsVerifiesAndEndsWithTheMark) {
  FlashRequest request;
  request.segments = {{0, "/state/a.bin"}, {0x40000, "/state/b.bin"}};
  request.mailbox_address = 0x20001000;
  request.mailbox_word = 0x1234;
  FlashWork work;
  work.write = {{0, "/state/part-0.bin"}};
  work.verify = request.segments;
  const Adapter adapter{"virtual_m4.cfg", "VB0001", 0x3FFFF0, 0x2BA01477};
  const auto script = FlashScript(adapter, {}, work, request);
  ASSERT_TRUE(script.ok());
  EXPECT_THAT(script->front(), HasSubstr("dpreg 0"));
  EXPECT_THAT(*script, Contains(HasSubstr("$dpidr != 0x2ba01477")));
  EXPECT_THAT(*script, Contains("reset halt"));
  EXPECT_THAT(*script, Contains("load_image {/state/part-0.bin} 0x00000000 bin"));
  EXPECT_THAT(*script, Contains("verify_image {/state/a.bin} 0x00000000 bin"));
  EXPECT_THAT(*script, Contains("verify_image {/state/b.bin} 0x00040000 bin"));
  EXPECT_THAT(*script, Contains("write_memory 0x20001000 32 0x00001234"));
  EXPECT_THAT(script->back(), HasSubstr(kDoneMarker));
}

TEST(Commands, FlashIsErasedWrittenAndReadBackBySector) {
  FlashRequest request;
  request.segments = {{0x08020000, "/state/b.bin"}};
  FlashWork work;
  work.reset = false;
  work.erase = {{0, 5, 6}};
  work.write = {{0x08020000, "/state/part-0.bin"}};
  work.verify = request.segments;
  const std::vector<FlashBank> banks = {{0, 0x08000000, {{0x08020000, 0x20000}}}};
  const auto script = FlashScript({"f4.cfg", "", 0, 0}, banks, work, request);
  ASSERT_TRUE(script.ok());
  EXPECT_THAT(*script, Not(Contains("reset halt")));
  EXPECT_THAT(*script, Contains("flash erase_sector 0 5 6"));
  EXPECT_THAT(*script, Contains("flash write_image {/state/part-0.bin} 0x08020000 bin"));
  EXPECT_THAT(*script, Contains("flash verify_bank 0 {/state/b.bin} 0x20000"));
}

TEST(Commands, MemoryIsWrittenInWordsWhereItCanBe) {
  std::vector<MemoryAccess> steps;
  steps.push_back(WriteBytes(0x20000003, {1, 2, 3, 4, 5, 6}));
  steps.push_back(ReadWords(0x20000010, 2));
  steps.push_back(WriteWord(0xE000E200, 0x80000000));
  EXPECT_EQ(AccessCommand(steps),
            "set tinyrig_words {}\n"
            "write_memory 0x20000003 8 {0x1 }\n"
            "write_memory 0x20000004 32 {0x5040302 }\n"
            "write_memory 0x20000008 8 {0x6 }\n"
            "append tinyrig_words \" \" [read_memory 0x20000010 32 2]\n"
            "write_memory 0xe000e200 32 {0x80000000 }\n"
            "set tinyrig_words");
}

TEST(Commands, RefusesWhatTclWouldMisread) {
  const Adapter bad{"a.cfg", "x}; exec rm {", 0, 0};
  EXPECT_EQ(StartCommand(bad, Service::kNone).status().code(), Code::kInvalidArgument);
  FlashRequest request;
  request.segments = {{0, "/tmp/a\nb"}};
  FlashWork work;
  work.verify = request.segments;
  EXPECT_EQ(FlashScript({"a.cfg", "", 0, 0}, {}, work, request).status().code(),
            Code::kInvalidArgument);
}

TEST(OpenOcdOutput, AToolThatWasKilledSaysNothingAboutTheBench) {
  ChildResult run;
  run.signal = 9;
  run.output = "Error: Failed to write memory at 0x00000004";
  EXPECT_EQ(Classify(run).code(), Code::kAborted);
  run.timed_out = true;  // by the agent itself
  EXPECT_EQ(Classify(run).code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace tinyrig::agent::openocd
