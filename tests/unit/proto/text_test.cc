#include <gtest/gtest.h>

#include "proto/text/clean.h"
#include "proto/text/utf8.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig {
namespace {

TEST(Text, KnowsUtf8) {
  for (const char* good :
       {"", "abc", "gr\xC3\xBCn", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
    EXPECT_EQ(ToUtf8(good), good);
  }
  for (const char* bad :
       {"\xFF", "\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "abc\xE2\x82"}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_TRUE(IsUtf8(ToUtf8(bad)));
  }
  EXPECT_EQ(ToUtf8("a\xFF"
                   "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Text, AMessageIsCleanedAllTheWayDown) {
  v1::AgentMessage message;
  v1::AttemptResult& result = *message.mutable_result();
  result.set_board_id("b\xff");
  result.add_log("fine");
  result.add_log("gr\xfcn");
  result.mutable_failure()->add_evidence("\x80");
  result.add_timeline();
  result.add_timeline()->set_name("\xc3");
  result.add_outputs()->set_data("\xff\xfe");  // Bytes, not text.
  result.add_samples()->set_ticks(7);
  CleanText(&message);
  v1::AgentMessage read;
  ASSERT_TRUE(read.ParseFromString(message.SerializeAsString()));
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(read.result().board_id(), "b" + mark);
  EXPECT_EQ(read.result().log(0), "fine");
  EXPECT_EQ(read.result().log(1), "gr" + mark + "n");
  EXPECT_EQ(read.result().failure().evidence(0), mark);
  EXPECT_EQ(read.result().timeline(1).name(), mark);
  EXPECT_EQ(read.result().outputs(0).data(), "\xff\xfe");
  EXPECT_EQ(read.result().samples(0).ticks(), 7u);
}

}  // namespace
}  // namespace tinyrig
