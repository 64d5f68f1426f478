#include <gtest/gtest.h>

#include "server/cli/text/duration.h"
#include "server/cli/text/wrap.h"

namespace tinyrig::cli {
namespace {

TEST(DurationText, ChangesUnits) {
  EXPECT_EQ(DurationText(950'000), "950 ms");
  EXPECT_EQ(DurationText(2'500'000), "2.5 s");
  EXPECT_EQ(DurationText(12'000'000), "12 s");
  EXPECT_EQ(DurationText(12'030'000), "12 s");
  EXPECT_EQ(DurationText(59'940'000), "59.9 s");
  EXPECT_EQ(DurationText(59'960'000), "1 min");
  EXPECT_EQ(DurationText(123'000'000), "2 min 3 s");
  EXPECT_EQ(DurationText(7'200'000'000), "2 h");
  EXPECT_EQ(DurationText(11'100'000'000), "3 h 5 min");
  EXPECT_EQ(DurationText(93'600'000'000), "1 d 2 h");
  EXPECT_EQ(DurationText(604'800'000'000), "7 d");
  EXPECT_EQ(DurationText(604'801'000'000), "7 d 1 s");
}

TEST(DurationText, SaysWhatParseDurationReads) {
  for (const auto& [written, said] :
       {std::pair("90s", "1 min 30 s"), std::pair("30m", "30 min"), std::pair("365d", "365 d")}) {
    EXPECT_EQ(DurationText(*ParseDuration(written)), said);
  }
}

TEST(ParseDuration, KnowsItsUnits) {
  EXPECT_EQ(*ParseDuration("90s"), 90'000'000);
  EXPECT_EQ(*ParseDuration("30m"), 1'800'000'000);
  EXPECT_EQ(*ParseDuration("30min"), 1'800'000'000);
  EXPECT_EQ(*ParseDuration("2h"), 7'200'000'000);
  EXPECT_EQ(*ParseDuration("365d"), 31'536'000'000'000);
  for (const char* bad : {"", "h", "0s", "-1h", "1.5h", "1", "1 h", "1w", "366d",
                          "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_EQ(ParseDuration(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Wrap, BreaksAtBlanks) {
  EXPECT_EQ(Wrap("one two three", 0, 7), "one two\nthree\n");
  EXPECT_EQ(Wrap("one two three", 2, 7), "  one\n  two\n  three\n");
  EXPECT_EQ(Wrap("  one   two ", 0, 80), "one two\n");
  EXPECT_EQ(Wrap("", 4), "");
  EXPECT_EQ(Wrap("averylongword b", 0, 5), "averylongword\nb\n");
  EXPECT_EQ(Wrap("a\x1b[31m\nb", 0, 80), "a?[31m?b\n");
}

}  // namespace
}  // namespace tinyrig::cli
