#include "server/cli/report/escape.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

TEST(EscapeMarkup, LeavesNothingThatMarkupCouldRead) {
  EXPECT_EQ(EscapeMarkup("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(EscapeMarkup("]]>"), "]]&gt;");
  EXPECT_EQ(EscapeMarkup("tab\tline\nµ…"), "tab\tline\nµ…");
}

TEST(EscapeMarkup, ReplacesWhatXmlCannotCarry) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(EscapeMarkup(std::string_view("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(EscapeMarkup("\x1b[31m"), bad + "[31m");
  EXPECT_EQ(EscapeMarkup("\xff"), bad);
  EXPECT_EQ(EscapeMarkup("\xC2"), bad);                      // Cut off.
  EXPECT_EQ(EscapeMarkup("\xC0\xBC"), bad + bad);            // '<', overlong.
  EXPECT_EQ(EscapeMarkup("\xED\xA0\x80"), bad + bad + bad);  // A surrogate.
  EXPECT_EQ(EscapeMarkup("\xEF\xBF\xBF"), bad);              // U+FFFF.
  EXPECT_EQ(EscapeMarkup("\xF4\x90\x80\x80"), bad + bad + bad + bad);
}

TEST(CsvField, QuotesByRfc4180) {
  EXPECT_EQ(CsvField("plain"), "plain");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(CsvField(" padded"), "\" padded\"");
  EXPECT_EQ(CsvField(""), "");
}

TEST(ValidUtf8, KeepsGoodTextAndReplacesBadBytes) {
  EXPECT_EQ(ValidUtf8("µ\x1b"), "µ\x1b");
  EXPECT_EQ(ValidUtf8("a\xff"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
}

}  // namespace
}  // namespace tinyrig::cli
