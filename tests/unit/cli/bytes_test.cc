#include "server/cli/text/bytes.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

TEST(Bytes, KiloIsAThousandAndKibiIs1024) {
  const std::pair<const char*, uint64_t> kCases[] = {
      {"0", 0},
      {"100", 100},
      {"100B", 100},
      {"32kB", 32'000},
      {"64KiB", 65'536},
      {"64 KiB", 65'536},
      {"2MB", 2'000'000},
      {"1MiB", 1'048'576},
      {"1GB", 1'000'000'000},
      {"1GiB", 1'073'741'824},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, bytes] : kCases) {
    const auto parsed = ParseBytes(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status().message();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(Bytes, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "kB",
                           "-1",
                           "+1",
                           "1.5kB",
                           "1,5kB",
                           "32K",
                           "32KB",
                           "32kb",
                           "32Kib",
                           "32  kB",
                           " 32kB",
                           "32kB ",
                           "32kBx",
                           "0x20",
                           "1e3",
                           "18446744073709551616",
                           "18446744073709552kB",
                           "17179869184GiB"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << "'" << text << "'";
  }
}

TEST(Bytes, SaysHowToSpellIt) {
  EXPECT_NE(ParseBytes("32KB").status().message().find("write kB for 1000 bytes or KiB for 1024"),
            std::string::npos);
  EXPECT_NE(ParseBytes("1mib").status().message().find("spelt MiB"), std::string::npos);
  EXPECT_NE(ParseBytes("1.5kB").status().message().find("fractions"), std::string::npos);
}

TEST(Bytes, ExactFormatReadsBack) {
  EXPECT_EQ(FormatBytesExact(0), "0B");
  EXPECT_EQ(FormatBytesExact(100), "100B");
  EXPECT_EQ(FormatBytesExact(32'000), "32kB");
  EXPECT_EQ(FormatBytesExact(65'536), "64KiB");
  EXPECT_EQ(FormatBytesExact(1'048'576), "1MiB");
  for (uint64_t bytes = 1; bytes < 1'000'000'000'000; bytes = bytes * 3 + 1) {
    EXPECT_EQ(*ParseBytes(FormatBytesExact(bytes)), bytes);
    EXPECT_EQ(*ParseBytes(FormatBytesExact(bytes * 1000)), bytes * 1000);
    EXPECT_EQ(*ParseBytes(FormatBytesExact(bytes * 1024)), bytes * 1024);
  }
}

TEST(Bytes, ShortFormatIsDecimal) {
  EXPECT_EQ(FormatBytesShort(812), "812 B");
  EXPECT_EQ(FormatBytesShort(17'040), "17.0 kB");
  EXPECT_EQ(FormatBytesShort(999'949), "999.9 kB");
  EXPECT_EQ(FormatBytesShort(999'960), "1.00 MB");
  EXPECT_EQ(FormatBytesShort(1'048'576), "1.05 MB");
}

}  // namespace
}  // namespace tinyrig::cli
