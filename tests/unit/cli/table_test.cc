#include "server/cli/text/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tinyrig::cli {
namespace {

TEST(Table, AlignsColumns) {
  Table table({{"model"}, {"count", Align::kRight}, {"state"}});
  table.AddRow({"kws", "7", "ok"});
  table.AddRow({"µ-model", "12,345", ""});
  EXPECT_EQ(table.Render(),
            "model     count  state\n"
            "-------  ------  -----\n"
            "kws           7  ok\n"
            "µ-model  12,345\n");
}

TEST(Table, MissingCellsAreEmptyAndExtraOnesDropped) {
  Table table({{"a"}, {"b"}});
  table.AddRow({"1"});
  table.AddRow({"1", "2", "3"});
  EXPECT_EQ(table.Render(), "a  b\n-  -\n1\n1  2\n");
}

TEST(Table, CellsNeverSteerTheTerminal) {
  Table table({{"a"}});
  table.AddRow({"x\ny\x1b[31m\xC2\x9Bz"});
  EXPECT_EQ(table.Render(), "a\n----------\nx?y?[31m?z\n");
}

TEST(Table, ShortenCutsAtCodePoints) {
  EXPECT_EQ(Shorten("abc", 3), "abc");
  EXPECT_EQ(Shorten("abcd", 3), "ab…");
  EXPECT_EQ(Shorten("äöüß", 3), "äö…");
}

TEST(Numbers, AreGrouped) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(43'040'000), "43,040,000");
  EXPECT_EQ(FormatCount(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(Numbers, KeepSixDigits) {
  EXPECT_EQ(FormatNumber(7'698'445), "7,698,445");
  EXPECT_EQ(FormatNumber(-1'000), "-1,000");
  EXPECT_EQ(FormatNumber(0.5), "0.5");
  EXPECT_EQ(FormatNumber(1'234.56), "1,234.6");
  EXPECT_EQ(FormatNumber(1'234.96), "1,235.0");
  EXPECT_EQ(FormatNumber(0.9972222), "0.997222");
  EXPECT_EQ(FormatNumber(NAN), "?");
  EXPECT_EQ(FormatNumber(INFINITY), "?");
}

}  // namespace
}  // namespace tinyrig::cli
