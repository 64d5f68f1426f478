#include "agent/uplink/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/unit/agent_uplink/temp_dir.h"

namespace tinyrig::agent {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

v1::AttemptResult MakeResult(uint64_t job, const std::string& board = "b1") {
  v1::AttemptResult result;
  result.mutable_key()->set_job_id(job);
  result.mutable_key()->set_attempt(2);
  result.mutable_key()->set_fence(job + 100);
  result.set_board_id(board);
  return result;
}

constexpr LeaseKey kKey1{1, 2, 101};
constexpr LeaseKey kKey2{2, 2, 102};

std::string Bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class SpoolTest : public testing::Test {
 protected:
  Spool Open() {
    Result<Spool> spool = Spool::Open(dir());
    EXPECT_TRUE(spool.ok()) << spool.status().message();
    return std::move(*spool);
  }
  fs::path dir() const { return temp_.path() / "spool"; }
  fs::path file1() const { return dir() / "1-2-101.result"; }
  size_t Files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir()), {}));
  }
  TempDir temp_;
};

TEST_F(SpoolTest, SurvivesReload) {
  {
    Spool spool = Open();
    ASSERT_TRUE(spool.Put(MakeResult(2, "b2")).ok());
    ASSERT_TRUE(spool.Put(MakeResult(1)).ok());
  }
  Spool spool = Open();
  EXPECT_THAT(spool.Keys(), ElementsAre(kKey1, kKey2));
  const Result<v1::AttemptResult> result = spool.Get(kKey2);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->board_id(), "b2");
}

TEST_F(SpoolTest, RemovedIsGoneForGood) {
  {
    Spool spool = Open();
    ASSERT_TRUE(spool.Put(MakeResult(1)).ok());
    spool.Remove(kKey1);
    spool.Remove(kKey1);
    EXPECT_FALSE(spool.Has(kKey1));
    EXPECT_EQ(spool.Get(kKey1).status().code(), Code::kNotFound);
  }
  EXPECT_THAT(Open().Keys(), IsEmpty());
  EXPECT_EQ(Files(), 0u);
}

// A crash between write and rename leaves only the temporary file.
TEST_F(SpoolTest, HalfWrittenFilesAreRemoved) {
  { ASSERT_TRUE(Open().Put(MakeResult(1)).ok()); }
  fs::rename(file1(), file1().string() + ".tmp");
  EXPECT_THAT(Open().Keys(), IsEmpty());
  EXPECT_EQ(Files(), 0u);
}

TEST_F(SpoolTest, EveryDamageIsSetAsideAndTheRestStays) {
  {
    Spool spool = Open();
    ASSERT_TRUE(spool.Put(MakeResult(1, std::string(100, 'x'))).ok());
    ASSERT_TRUE(spool.Put(MakeResult(2)).ok());
  }
  const std::string whole = Bytes(file1());
  std::vector<std::string> damaged = {"", "abc", "garbage that is longer than a checksum"};
  for (size_t size = 0; size < whole.size(); ++size) damaged.push_back(whole.substr(0, size));
  for (size_t i = 0; i < whole.size(); ++i) {
    damaged.push_back(whole);
    damaged.back()[i] = static_cast<char>(damaged.back()[i] ^ 0x10);
  }
  for (const std::string& bytes : damaged) {
    Write(file1(), bytes);
    Spool spool = Open();
    ASSERT_THAT(spool.Keys(), ElementsAre(kKey2)) << bytes.size();
    ASSERT_EQ(Bytes(file1().string() + ".bad"), bytes);
  }
}

TEST_F(SpoolTest, AResultUnderAnotherNameIsSetAside) {
  { ASSERT_TRUE(Open().Put(MakeResult(1)).ok()); }
  fs::rename(file1(), dir() / "7-2-101.result");
  EXPECT_THAT(Open().Keys(), IsEmpty());
  EXPECT_TRUE(fs::exists(dir() / "7-2-101.result.bad"));
}

TEST_F(SpoolTest, DamageWhileOpenIsNoticed) {
  Spool spool = Open();
  ASSERT_TRUE(spool.Put(MakeResult(1)).ok());
  Write(file1(), "oops");
  EXPECT_EQ(spool.Get(kKey1).status().code(), Code::kDataLoss);
  EXPECT_FALSE(spool.Has(kKey1));
}

TEST_F(SpoolTest, ForeignFilesAreLeftAlone) {
  Open();
  Write(dir() / "README", "mine");
  EXPECT_THAT(Open().Keys(), IsEmpty());
  EXPECT_TRUE(fs::exists(dir() / "README"));
}

TEST_F(SpoolTest, ADiskThatRefusesKeepsTheResultInMemory) {
  Spool spool = Open();
  fs::remove_all(dir());
  const Status put = spool.Put(MakeResult(1));
  EXPECT_EQ(put.code(), Code::kUnavailable) << put.message();
  ASSERT_TRUE(spool.Has(kKey1));
  EXPECT_EQ(spool.Get(kKey1)->board_id(), "b1");
  spool.Remove(kKey1);
  EXPECT_FALSE(spool.Has(kKey1));
}

}  // namespace
}  // namespace tinyrig::agent
