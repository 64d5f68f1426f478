#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "agent/process/bounded_output.h"
#include "agent/process/child.h"
#include "tests/unit/agent/run_coroutine.h"

namespace tinyrig::agent {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class RunChildTest : public testing::Test {
 protected:
  Result<ChildResult> Shell(std::string script, Clock::duration limit = seconds(20)) {
    ChildSpec spec;
    spec.argv = {"sh", "-c", std::move(script)};
    spec.environment = {{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello"}};
    return RunCoroutine(io_, RunChild(std::move(spec), Within(limit)));
  }
  asio::io_context io_;
};

TEST_F(RunChildTest, TakesOutputAndExitStatus) {
  const auto run = Shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->output, "out\nerr\n");
  EXPECT_EQ(run->exit_status, 3);
  EXPECT_FALSE(run->ok());
}

TEST_F(RunChildTest, InheritsNothing) {
  setenv("SECRET", "do not tell", 1);
  const auto run = Shell("echo \"[$GREETING][$SECRET]\"; ls /proc/self/fd | wc -l");
  ASSERT_TRUE(run.ok());
  // 0, 1, 2 and the one of ls itself.
  EXPECT_EQ(run->output, "[hello][]\n4\n");
}

TEST_F(RunChildTest, TheDeadlineKillsTheWholeGroup) {
  const auto run = Shell("trap '' TERM; sleep 600 & echo $!; sleep 600", milliseconds(400));
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(run->timed_out);
  const pid_t grandchild = std::stoi(run->output);
  // The grandchild is init's to reap now; it is dead or a zombie.
  for (int i = 0; i < 200; ++i) {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string line;
    if (!std::getline(stat, line) || line.find(") Z ") != std::string::npos) return;
    usleep(10000);
  }
  FAIL() << "the grandchild lives";
}

TEST_F(RunChildTest, AMissingProgramIsNamed) {
  ChildSpec spec;
  spec.argv = {"no-such-program"};
  const auto run = RunCoroutine(io_, RunChild(std::move(spec), Within(seconds(5))));
  EXPECT_EQ(run.status().code(), Code::kNotFound);
  EXPECT_THAT(run.status().message(), HasSubstr("no-such-program"));
}

TEST_F(RunChildTest, ManyRunsLeaveNoDescriptors) {
  const auto count = [] {
    int fds = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      (void)entry;
      ++fds;
    }
    return fds;
  };
  ASSERT_TRUE(Shell("true").ok());
  const int before = count();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Shell("true").ok());
  EXPECT_EQ(count(), before);
}

TEST(BoundedOutput, KeepsBothEnds) {
  BoundedOutput output(10);
  output.Append("abcdefg");
  for (int i = 0; i < 1000; ++i) output.Append("x");
  output.Append("12345");
  const std::string text = output.Take();
  EXPECT_THAT(text, testing::StartsWith("abcde\n"));
  EXPECT_THAT(text, testing::EndsWith("\n12345"));
  EXPECT_LT(text.size(), 80u);
}

}  // namespace
}  // namespace tinyrig::agent
