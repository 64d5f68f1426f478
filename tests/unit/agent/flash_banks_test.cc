#include "agent/drivers/openocd/flash_banks.h"

#include <gtest/gtest.h>

#include <iterator>

#include "tests/unit/agent/temp_folder.h"

namespace tinyrig::agent::openocd {
namespace {

// As OpenOCD 0.12.0 printed it for an STM32F405, shortened.
constexpr char kInfo[] =
    "tinyrig state: halted\n"
    "tinyrig bank: #0 : stm32f2x at 0x08000000, size 0x00100000, buswidth 0, chipwidth 0\n"
    "\t#  0: 0x00000000 (0x4000 16kB) not protected\n"
    "\t#  1: 0x00004000 (0x4000 16kB) protected\n"
    "\t#  2: 0x00008000 (0x10000 64kB) not protected\n"
    "STM32F4xx - Rev: unknown (0x2003)\n"
    "\n"
    "tinyrig bank: unreadable\n"
    "tinyrig bank: #2 : stm32f2x at 0x1fff7800, size 0x00000200, buswidth 0, chipwidth 0\n"
    "\t#  0: 0x00000000 (0x20 0kB) not protected\n"
    "tinyrig done\n";

std::vector<FlashBank> Banks() { return ParseBanks(kInfo); }

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FlashBanks, AreReadWithTheirSectors) {
  const auto banks = Banks();
  ASSERT_EQ(banks.size(), 2u);
  EXPECT_EQ(banks[0].number, 0u);
  EXPECT_EQ(banks[0].address, 0x08000000u);
  ASSERT_EQ(banks[0].sectors.size(), 3u);
  EXPECT_EQ(banks[0].sectors[2], (FlashSector{0x08008000, 0x10000}));
  EXPECT_EQ(banks[1].number, 2u);
  EXPECT_EQ(AllSectors(banks).size(), 4u);
  EXPECT_TRUE(ParseBanks("tinyrig bank: unreadable\n\t# 0x1 0x2\n").empty());
  EXPECT_TRUE(ParseBanks("").empty());
}

TEST(FlashBanks, AnAddressIsInOneOrInNone) {
  const auto banks = Banks();
  EXPECT_EQ(BankOf(banks, 0x08017FFF), &banks[0]);
  EXPECT_EQ(BankOf(banks, 0x08018000), nullptr);
  EXPECT_EQ(BankOf(banks, 0x1FFF7800), &banks[1]);
  EXPECT_EQ(BankOf(banks, 0), nullptr);
}

TEST(FlashBanks, NeighboursAreErasedTogether) {
  const auto banks = Banks();
  const auto& sectors = banks[0].sectors;
  const auto ranges = EraseRanges(banks, {sectors[0], sectors[1], banks[1].sectors[0]});
  ASSERT_TRUE(ranges.ok());
  ASSERT_EQ(ranges->size(), 2u);
  EXPECT_EQ((*ranges)[0].first, 0u);
  EXPECT_EQ((*ranges)[0].last, 1u);
  EXPECT_EQ((*ranges)[1].bank, 2u);
  const auto apart = EraseRanges(banks, {sectors[0], sectors[2]});
  ASSERT_EQ(apart->size(), 2u);
  EXPECT_EQ(EraseRanges(banks, {{0x08000000, 0x100}}).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(EraseRanges(banks, {{0, 0x100}}).status().code(), Code::kFailedPrecondition);
}

TEST(FlashBanks, TouchedSectorsAreThoseWithBytesInThem) {
  const TempFolder folder;
  const auto file = folder.Add("a.bin", std::string(0x4000, 'a'));
  const auto one = TouchedSectors(Banks(), {{0x08004000, file}});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(*one, (std::vector<FlashSector>{{0x08004000, 0x4000}}));
  const auto two = TouchedSectors(Banks(), {{0x08004004, file}});
  EXPECT_EQ(two->size(), 2u);
  EXPECT_FALSE(TouchedSectors(Banks(), {{0, folder.path() / "none"}}).ok());
}

TEST(FlashBanks, PartsAreWhatLiesInTheSectors) {
  const TempFolder folder;
  const auto file = folder.Add("a.bin", "0123456789abcdef");
  const auto whole = folder.Add("b.bin", "xyz");
  const std::vector<FlashSegment> segments = {{0x1002, file}, {0x2000, whole}};
  // 0x1000..0x1008 and its neighbour are one piece, 0x1010 is another.
  const auto parts =
      CutParts(segments, {{0x1000, 4}, {0x1004, 4}, {0x1010, 8}, {0x2000, 16}}, folder.path());
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].address, 0x1002u);
  EXPECT_EQ(Read((*parts)[0].file), "012345");
  EXPECT_EQ((*parts)[1].address, 0x1010u);
  EXPECT_EQ(Read((*parts)[1].file), "ef");
  EXPECT_EQ((*parts)[2].file, whole);
  EXPECT_TRUE(CutParts(segments, {}, folder.path())->empty());
  EXPECT_FALSE(CutParts({{0, folder.path() / "none"}}, {}, folder.path()).ok());
}

}  // namespace
}  // namespace tinyrig::agent::openocd
