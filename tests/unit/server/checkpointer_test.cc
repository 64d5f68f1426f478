#include "server/store/checkpointer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/unit/server/temp_dir.h"

namespace tinyrig::server {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kCommit = 200 * kPage;
constexpr uint64_t kLog = Checkpointer::kPages * kPage;

class CheckpointerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db_.Execute("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x)").ok());
    checkpointer_ = Checkpointer::Start(file_.string(), db_.handle()).value();
  }

  // Some hundred pages of the log. The table stays small, the log does not.
  void Commit() {
    Transaction transaction = Transaction::Begin(db_).value();
    ASSERT_TRUE(db_.Run("INSERT INTO t(x) VALUES(randomblob(?))", int64_t{kCommit}).ok());
    ASSERT_TRUE(db_.Run("DELETE FROM t WHERE id < (SELECT max(id) FROM t) - 8").ok());
    ASSERT_TRUE(transaction.Commit().ok());
    written_ += kCommit;
  }

  // However slow the thread is: commits go on until it has done what it should.
  template <typename Done>
  void CommitUntil(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      Commit();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  uint64_t DatabaseBytes() const { return std::filesystem::file_size(file_); }
  uint64_t LogBytes() const { return std::filesystem::file_size(file_.string() + "-wal"); }

  TempDir dir_;
  std::filesystem::path file_ = dir_.path() / "t.db";
  Database db_ = Database::Open(file_.string(), Database::Mode::kReadWrite).value();
  std::unique_ptr<Checkpointer> checkpointer_;
  uint64_t written_ = 0;
};

TEST_F(CheckpointerTest, TheLogBeginsAnewWhileCommitsGoOn) {
  while (written_ < kLog / 2) Commit();
  EXPECT_LT(DatabaseBytes(), kCommit);  // All is in the log still.
  // A log that began anew is overwritten from its start: it stays while more is written.
  CommitUntil([&] { return written_ > 2 * LogBytes(); });
  EXPECT_GT(DatabaseBytes(), 8 * kCommit);
}

TEST_F(CheckpointerTest, AReaderHoldsItUpAndIsNotDisturbed) {
  Commit();
  Database reader = Database::Open(file_.string(), Database::Mode::kReadOnly).value();
  ASSERT_TRUE(reader.Execute("BEGIN").ok());
  const auto rows = [&] {
    Statement count = reader.Query("SELECT count(*) FROM t").value();
    EXPECT_TRUE(count.Step().value());
    return count.Int(0);
  };
  EXPECT_EQ(rows(), 1);
  while (written_ < 3 * kLog) Commit();
  EXPECT_EQ(rows(), 1);
  EXPECT_GE(LogBytes(), 3 * kLog);  // Nothing of it could be overwritten.
  ASSERT_TRUE(reader.Execute("COMMIT").ok());
  CommitUntil([&] { return written_ > 2 * LogBytes(); });
}

TEST_F(CheckpointerTest, WhatWasCommittedIsThereWhenItEnds) {
  while (written_ < 2 * kLog) Commit();
  checkpointer_.reset();
  Commit();
  Database reader = Database::Open(file_.string(), Database::Mode::kReadOnly).value();
  Statement ids = reader.Query("SELECT max(id) FROM t").value();
  ASSERT_TRUE(ids.Step().value());
  EXPECT_EQ(ids.Uint(0), written_ / kCommit);
}

}  // namespace
}  // namespace tinyrig::server
