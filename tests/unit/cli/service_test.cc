#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/cli/client/client.h"
#include "server/cli/service/bench_file.h"
#include "server/cli/service/lock.h"
#include "server/cli/service/paths.h"
#include "server/cli/service/supervisor.h"
#include "server/cli/text/file.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string NewFolder() {
  std::string name = testing::TempDir() + "service-XXXXXX";
  return mkdtemp(name.data());
}

/// Waits up to ten seconds for something to become true.
template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(PlanBoards, NumbersBoardsOfAKind) {
  const auto boards = PlanBoards("m4,virtual_m4", "/run/x");
  ASSERT_TRUE(boards.ok()) << boards.status().message();
  ASSERT_EQ(boards->size(), 2u);
  EXPECT_EQ((*boards)[1].id, "m4-2");
  EXPECT_EQ((*boards)[1].serial, "VB0002");
  EXPECT_EQ((*boards)[1].kind->board_type, "virtual_m4");
  EXPECT_EQ((*boards)[1].folder, "/run/x/boards/m4-2");
  EXPECT_TRUE(PlanBoards("none", "/run/x")->empty());
  for (const char* bad : {"", "m4,", "m5", "m4 m4"})
    EXPECT_FALSE(PlanBoards(bad, "/x").ok()) << bad;
}

TEST(BenchFile, IsYamlWithWhatTheAgentNeeds) {
  const auto boards = PlanBoards("m4,m4", "/run/a \"b\"");
  const YAML::Node bench =
      YAML::Load(BenchFile(*boards, "unix:/s.sock", "/state/agent", "/lib/x.so"));
  EXPECT_EQ(bench["server"].as<std::string>(), "unix:/s.sock");
  EXPECT_EQ(bench["state_dir"].as<std::string>(), "/state/agent");
  ASSERT_EQ(bench["boards"].size(), 2u);
  const YAML::Node board = bench["boards"][1];
  EXPECT_EQ(board["id"].as<std::string>(), "m4-2");
  EXPECT_EQ(board["type"].as<std::string>(), "virtual_m4");
  EXPECT_EQ(board["probe"]["serial"].as<std::string>(), "VB0002");
  EXPECT_EQ(board["probe"]["uid_address"].as<uint32_t>(), 0x003FFFF0u);
  EXPECT_EQ(board["probe"]["env"]["LD_PRELOAD"].as<std::string>(), "/lib/x.so");
  EXPECT_EQ(board["probe"]["env"]["TINYRIG_VBOARD_DAP"].as<std::string>(),
            "/run/a \"b\"/boards/m4-2/dap.sock");
  EXPECT_EQ(board["link"]["in"]["port"].as<std::string>(), "/run/a \"b\"/boards/m4-2/tty");
  EXPECT_EQ(board["link"]["out"]["driver"].as<std::string>(), "probe_memory");
  EXPECT_EQ(board["power"]["control"].as<std::string>(), "/run/a \"b\"/boards/m4-2/control.sock");
}

TEST(BenchFile, ANativeBoardHasNoProbeToPlug) {
  const auto boards = PlanBoards("native,m4", "/run/x");
  const YAML::Node bench = YAML::Load(BenchFile(*boards, "unix:/s.sock", "/state", "/lib/x.so"));
  const YAML::Node board = bench["boards"][0];
  EXPECT_EQ(board["id"].as<std::string>(), "native-1");
  EXPECT_EQ(board["probe"]["driver"].as<std::string>(), "native");
  EXPECT_EQ(board["probe"]["folder"].as<std::string>(), "/run/x/boards/native-1");
  EXPECT_FALSE(board["probe"]["env"]);
  EXPECT_EQ(board["link"]["port"].as<std::string>(), "/run/x/boards/native-1/tty");
  EXPECT_FALSE(board["power"]);
  EXPECT_EQ(bench["boards"][1]["power"]["driver"].as<std::string>(), "virtual");
}

TEST(Paths, LongStateFoldersGetShortSockets) {
  const auto near = MakeSocketFolder("/tmp/state");
  ASSERT_TRUE(near.ok());
  EXPECT_EQ(near->path, "/tmp/state");
  EXPECT_FALSE(near->temporary);
  const auto far = MakeSocketFolder("/" + std::string(90, 'x'));
  ASSERT_TRUE(far.ok()) << far.status().message();
  EXPECT_TRUE(far->temporary);
  struct stat info {};
  ASSERT_EQ(stat(far->path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_LT(far->path.size() + std::string("/boards/xxxxxx-99/control.sock").size(), 108u);
  rmdir(far->path.c_str());
}

TEST(Paths, ClientsFindTheServiceOfAFolder) {
  const std::string folder = NewFolder();
  EXPECT_EQ(ReadServiceFile(folder).address, "unix:" + folder + "/tinyrigd.sock");
  EXPECT_FALSE(ReadServiceFile(folder).is_private);
  ASSERT_TRUE(WriteServiceFile(folder, {"unix:/short/tinyrigd.sock", true}).ok());
  EXPECT_EQ(ReadServiceFile(folder).address, "unix:/short/tinyrigd.sock");
  EXPECT_TRUE(ReadServiceFile(folder).is_private);
  RemoveServiceFile(folder);
  EXPECT_EQ(ReadServiceFile(folder).address, "unix:" + folder + "/tinyrigd.sock");
  EXPECT_FALSE(SocketAnswers("unix:" + folder + "/tinyrigd.sock"));
  EXPECT_FALSE(SocketAnswers("unix:/" + std::string(200, 'x')));
  fs::remove_all(folder);
}

TEST(Paths, UnusableFoldersAreNamed) {
  const Status status = MakePrivateFolder("/proc/no/such");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("--state"), std::string::npos) << status.message();
  EXPECT_FALSE(MakePrivateFolder("/dev/null").ok());
}

TEST(CheckAddress, TakesSocketsAndPorts) {
  for (const char* good : {"unix:/run/x.sock", "127.0.0.1:7410", "localhost:1", "[::1]:80"}) {
    EXPECT_TRUE(CheckAddress(good).ok()) << good;
  }
  for (const char* bad :
       {"", "unix:", "localhost", "localhost:", ":80", "localhost:http", "localhost:123456"}) {
    EXPECT_FALSE(CheckAddress(bad).ok()) << bad;
  }
}

TEST(Client, SaysThatNobodyAnswers) {
  const Client client("unix:/nowhere/tinyrigd.sock");
  const auto hello = client.Hello(200ms);
  ASSERT_FALSE(hello.ok());
  EXPECT_EQ(hello.status().code(), Code::kUnavailable);
  EXPECT_NE(hello.status().message().find("tinyrig up"), std::string::npos);
}

TEST(FileLock, ExcludesAndShares) {
  const std::string folder = NewFolder();
  const std::string path = folder + "/lock";
  auto first = FileLock::Try(path, FileLock::Kind::kShared);
  auto second = FileLock::Try(path, FileLock::Kind::kShared);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(FileLock::Try(path, FileLock::Kind::kExclusive).status().code(), Code::kUnavailable);
  first->Release();
  second->Release();
  EXPECT_TRUE(FileLock::Try(path, FileLock::Kind::kExclusive).ok());
  EXPECT_EQ(FileLock::Try(folder + "/no/lock", FileLock::Kind::kShared).status().code(),
            Code::kFailedPrecondition);
  fs::remove_all(folder);
}

TEST(RestartDelay, DoublesToTenSeconds) {
  EXPECT_EQ(RestartDelay(1), 200ms);
  EXPECT_EQ(RestartDelay(2), 400ms);
  EXPECT_EQ(RestartDelay(4), 1600ms);
  EXPECT_EQ(RestartDelay(7), 10s);
  EXPECT_EQ(RestartDelay(4'000'000'000), 10s);
}

class SupervisorTest : public testing::Test {
 protected:
  ~SupervisorTest() override { fs::remove_all(folder_); }

  ChildSpec Shell(const std::string& name, const std::string& script) const {
    return {
        name, {"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "WORD=hello"}, folder_ + "/log"};
  }
  std::string Log() const { return ReadFile(folder_ + "/log", 1 << 20).value_or(""); }

  const std::string folder_ = NewFolder();
};

TEST_F(SupervisorTest, GivesChildrenOnlyTheirEnvironmentAndALog) {
  setenv("SECRET", "x", 1);
  Supervisor supervisor;
  supervisor.Start(Shell("a", "echo $WORD-$SECRET; echo err >&2; exec sleep 60"));
  EXPECT_TRUE(Eventually([&] { return Log() == "hello-\nerr\n"; })) << Log();
}

TEST_F(SupervisorTest, RestartsWhatEnds) {
  Supervisor supervisor;
  supervisor.Start(Shell("a", "echo run; exit 3"));
  EXPECT_TRUE(Eventually([&] { return supervisor.History("a").exits >= 3; }));
  EXPECT_EQ(supervisor.History("a").last_exit, "exit code 3");
  EXPECT_GE(Log().size(), 12u);
}

TEST_F(SupervisorTest, RestartsWhatIsKilled) {
  Supervisor supervisor;
  supervisor.Start(Shell("a", "exec sleep 60"));
  ASSERT_TRUE(Eventually([&] { return supervisor.Pid("a") != 0; }));
  const pid_t first = supervisor.Pid("a");
  kill(first, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return supervisor.Pid("a") != 0 && supervisor.Pid("a") != first; }));
  EXPECT_EQ(supervisor.History("a").last_exit, "signal 9 (Killed)");
}

TEST_F(SupervisorTest, SaysWhenAProgramCannotStart) {
  Supervisor supervisor;
  supervisor.Start({"a", {"/nowhere/program"}, {}, folder_ + "/log"});
  EXPECT_TRUE(Eventually([&] { return supervisor.History("a").exits > 0; }));
  EXPECT_NE(supervisor.History("a").last_exit.find("could not be started"), std::string::npos);
}

TEST_F(SupervisorTest, StopsInReverseOrderAndKillsTheStubborn) {
  Supervisor supervisor;
  supervisor.Start(
      Shell("first", "trap 'echo first ends; exit 0' TERM; echo up; while :; do sleep 0.05; done"));
  ASSERT_TRUE(Eventually([&] { return Log().find("up\n") != std::string::npos; }));
  supervisor.Start(Shell(
      "second", "trap 'echo second ends; exit 0' TERM; echo up2; while :; do sleep 0.05; done"));
  supervisor.Start(Shell("deaf", "trap '' TERM; echo up3; while :; do sleep 0.05; done"));
  ASSERT_TRUE(Eventually([&] {
    return Log().find("up2\n") != std::string::npos && Log().find("up3\n") != std::string::npos;
  }));
  const pid_t deaf = supervisor.Pid("deaf");
  supervisor.Stop(300ms);
  EXPECT_EQ(kill(deaf, 0), -1);
  const size_t second = Log().find("second ends");
  ASSERT_NE(second, std::string::npos);
  EXPECT_LT(second, Log().find("first ends"));
}

TEST_F(SupervisorTest, TakesGrandchildrenAlong) {
  Supervisor supervisor;
  supervisor.Start(Shell("a", "sleep 60 & echo $! >" + folder_ + "/pid; wait"));
  ASSERT_TRUE(
      Eventually([&] { return ReadFile(folder_ + "/pid", 100).value_or("").ends_with('\n'); }));
  const pid_t grandchild = std::stoi(*ReadFile(folder_ + "/pid", 100));
  ASSERT_EQ(kill(grandchild, 0), 0);
  supervisor.Stop(1s);
  // It may stay a zombie for a moment, until init has taken note.
  EXPECT_TRUE(Eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string id, name, state;
    return !(stat >> id >> name >> state) || state == "Z";
  }));
}

}  // namespace
}  // namespace tinyrig::cli
