#include "agent/state/flash_record.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/temp_folder.h"

namespace tinyrig::agent {
namespace {

class FlashRecordTest : public testing::Test {
 protected:
  /// As another agent would find it after this one.
  FlashRecord Reopened(const std::string& uid = "aa") {
    FlashRecord record(folder_.path());
    record.Select(uid, true);
    return record;
  }

  TempFolder folder_;
};

TEST_F(FlashRecordTest, RemembersWhatWasVerified) {
  FlashRecord record = Reopened();
  EXPECT_FALSE(record.Holds(0x1000, "h"));
  ASSERT_TRUE(record.Begin({0x1000, 0x2000}).ok());
  ASSERT_TRUE(record.Commit({{0x1000, "h"}, {0x2000, "i"}}).ok());
  FlashRecord again = Reopened();
  EXPECT_TRUE(again.Holds(0x1000, "h"));
  EXPECT_FALSE(again.Holds(0x1000, "i"));
  EXPECT_TRUE(again.Holds(0x2000, "i"));
  EXPECT_EQ(again.max_erasures(), 1u);
}

TEST_F(FlashRecordTest, AnAgentThatDiedWhileItWroteClaimsNothingOfThat) {
  FlashRecord record = Reopened();
  ASSERT_TRUE(record.Begin({0x1000, 0x2000}).ok());
  ASSERT_TRUE(record.Commit({{0x1000, "h"}, {0x2000, "i"}}).ok());
  ASSERT_TRUE(record.Begin({0x1000}).ok());
  FlashRecord again = Reopened();  // no Commit()
  EXPECT_FALSE(again.Holds(0x1000, "h"));
  EXPECT_TRUE(again.Holds(0x2000, "i"));
  EXPECT_EQ(again.max_erasures(), 2u) << "erased, or about to be";
}

TEST_F(FlashRecordTest, AnotherMcuHasItsOwn) {
  FlashRecord record = Reopened();
  ASSERT_TRUE(record.Commit({{0x1000, "h"}}).ok());
  record.Select("bb", true);
  EXPECT_FALSE(record.Holds(0x1000, "h"));
  ASSERT_TRUE(record.Commit({{0x1000, "j"}}).ok());
  record.Select("aa", true);
  EXPECT_TRUE(record.Holds(0x1000, "h"));
  EXPECT_TRUE(Reopened("bb").Holds(0x1000, "j"));
}

TEST_F(FlashRecordTest, ForgettingKeepsTheWear) {
  FlashRecord record = Reopened();
  ASSERT_TRUE(record.Begin({0x1000}).ok());
  ASSERT_TRUE(record.Commit({{0x1000, "h"}}).ok());
  ASSERT_TRUE(record.Forget().ok());
  FlashRecord again = Reopened();
  EXPECT_FALSE(again.Holds(0x1000, "h"));
  EXPECT_FALSE(again.Holds(0x1000, "")) << "what is unknown equals nothing";
  EXPECT_EQ(again.max_erasures(), 1u);
}

TEST_F(FlashRecordTest, RamIsGoneWithThePowerAndWearsNot) {
  FlashRecord record(folder_.path());
  record.Select("aa", false);
  ASSERT_TRUE(record.Begin({0x1000}).ok());
  ASSERT_TRUE(record.Commit({{0x1000, "h"}}).ok());
  EXPECT_TRUE(record.Holds(0x1000, "h"));
  EXPECT_EQ(record.max_erasures(), 0u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  record.PowerLost();
  EXPECT_FALSE(record.Holds(0x1000, "h"));

  FlashRecord flash = Reopened();
  ASSERT_TRUE(flash.Commit({{0x1000, "h"}}).ok());
  flash.PowerLost();
  EXPECT_TRUE(flash.Holds(0x1000, "h"));
}

TEST_F(FlashRecordTest, AFileThatMakesNoSenseIsNoRecord) {
  for (const char* text : {"", "{", "[]", "{\"mcu_uid\": 7}", "{\"mcu_uid\": \"bb\"}",
                           "{\"mcu_uid\": \"aa\", \"sectors\": 1}",
                           "{\"mcu_uid\": \"aa\", \"sectors\": [1, {}, {\"address\": -1},"
                           " {\"address\": 4096, \"sha256\": 1, \"erasures\": \"x\"}]}"}) {
    folder_.Add("flash-aa.json", text);
    FlashRecord record = Reopened();
    EXPECT_FALSE(record.Holds(0x1000, "h")) << text;
    EXPECT_EQ(record.max_erasures(), 0u) << text;
  }
}

TEST_F(FlashRecordTest, WhatCannotBeRecordedMustNotBeWritten) {
  FlashRecord record(folder_.path() / "gone");
  record.Select("aa", true);
  EXPECT_FALSE(record.Begin({0x1000}).ok());
}

}  // namespace
}  // namespace tinyrig::agent
