#include "agent/uplink/identify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/uplink/backoff.h"
#include "agent/uplink/progress_limiter.h"

namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

ProbeIdentity Mcu(uint8_t first) {
  ProbeIdentity identity;
  identity.uid[0] = first;
  return identity;
}

TEST(ApplyIdentity, LearnsTheUid) {
  Board board;
  EXPECT_TRUE(ApplyIdentity(board, Mcu(0xA1)));
  EXPECT_EQ(board.mcu_uid, "a10000000000000000000000");
  EXPECT_EQ(board.broken, "");
  EXPECT_FALSE(ApplyIdentity(board, Mcu(0xA1))) << "nothing new";
}

TEST(ApplyIdentity, AnAbsentProbeBreaksTheBoardUntilItIsBack) {
  Board board;
  const Status absent(Code::kNotFound, "no adapter VB0001; plug it in");
  EXPECT_TRUE(ApplyIdentity(board, absent));
  EXPECT_EQ(board.broken, "no adapter VB0001; plug it in");
  EXPECT_FALSE(ApplyIdentity(board, absent));
  EXPECT_TRUE(ApplyIdentity(board, Mcu(1)));
  EXPECT_EQ(board.broken, "");
}

TEST(ApplyIdentity, ABoardWithoutContactIsNotBroken) {
  Board board;
  EXPECT_FALSE(ApplyIdentity(board, Status(Code::kUnavailable, "no target")));
  EXPECT_FALSE(ApplyIdentity(board, Status(Code::kDeadlineExceeded, "silent")));
  EXPECT_EQ(board.broken, "");
  EXPECT_EQ(board.mcu_uid, "");
}

TEST(ApplyIdentity, AnotherMcuBehindTheProbeBreaksTheBoard) {
  Board board;
  board.probe_serial = "VB0001";
  board.mcu_uid = UidHex(Mcu(1).uid);
  EXPECT_TRUE(ApplyIdentity(board, Mcu(2)));
  EXPECT_THAT(board.broken, HasSubstr("MCU 020000000000000000000000 is behind probe VB0001"));
  EXPECT_EQ(board.mcu_uid, UidHex(Mcu(1).uid));
  EXPECT_TRUE(ApplyIdentity(board, Mcu(1)));
  EXPECT_EQ(board.broken, "");
}

TEST(Backoff, DoublesUpToItsLimitAndStartsAgain) {
  Backoff backoff;
  std::vector<int64_t> waits;
  for (int i = 0; i < 7; ++i) waits.push_back(backoff.Next().count());
  EXPECT_THAT(waits, testing::ElementsAre(200, 400, 800, 1600, 3200, 5000, 5000));
  backoff.Reset();
  EXPECT_EQ(backoff.Next().count(), 200);
}

TEST(ProgressLimiter, LetsThroughWhatMatters) {
  ProgressLimiter limiter;
  const auto t = Clock::now();
  EXPECT_TRUE(limiter.Pass(t, "flash", 0, 0, false));
  EXPECT_FALSE(limiter.Pass(t + milliseconds(10), "flash", 1, 9, false)) << "too soon";
  EXPECT_TRUE(limiter.Pass(t + milliseconds(20), "flash", 1, 9, true)) << "a log line";
  EXPECT_TRUE(limiter.Pass(t + milliseconds(30), "stream", 0, 9, false)) << "a new phase";
  EXPECT_FALSE(limiter.Pass(t + milliseconds(40), "stream", 1, 9, false));
  EXPECT_TRUE(limiter.Pass(t + milliseconds(50), "stream", 9, 9, false)) << "the end";
  EXPECT_TRUE(limiter.Pass(t + milliseconds(250), "stream", 2, 9, false)) << "late enough";
}

}  // namespace
}  // namespace tinyrig::agent
