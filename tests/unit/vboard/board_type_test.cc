#include "agent/virtual/board_type.h"

#include <gtest/gtest.h>

namespace tinyrig::agent::vboard {
namespace {

TEST(BoardType, VirtualM4HasItsLimits) {
  const BoardType* type = FindBoardType("virtual_m4");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(FindRegion(*type, RegionKind::kCode)->size, 1048576u);
  EXPECT_EQ(FindRegion(*type, RegionKind::kRam)->base, 0x20000000u);
  EXPECT_EQ(FindRegion(*type, RegionKind::kRam)->size, 262144u);
  EXPECT_EQ(FindRegion(*type, 0x003FFFF0)->kind, RegionKind::kUniqueId);
  EXPECT_EQ(FindRegion(*type, 0x000FFFFF)->kind, RegionKind::kCode);
  EXPECT_EQ(FindRegion(*type, 0x00100000), nullptr);
  EXPECT_EQ(FindRegion(*type, 0x20040000), nullptr);
  EXPECT_EQ(FindRegion(*type, 0xFFFFFFFF), nullptr);
}

TEST(BoardType, VirtualM7IsTwiceAsLarge) {
  const BoardType* type = FindBoardType("virtual_m7");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(BootRegion(*type).size, 2097152u);
  EXPECT_EQ(FindRegion(*type, RegionKind::kRam)->size, 524288u);
  EXPECT_EQ(type->flash, nullptr);
}

TEST(BoardType, VirtualF4HasTheFlashOfAnStm32F405) {
  const BoardType* type = FindBoardType("virtual_f4");
  ASSERT_NE(type, nullptr);
  ASSERT_NE(type->flash, nullptr);
  EXPECT_EQ(type->flash->sector_bytes.size(), 12u);
  EXPECT_EQ(FlashBytes(*type->flash), 1048576u);
  EXPECT_EQ(BootRegion(*type).base, 0x08000000u);
  EXPECT_EQ(BootRegion(*type).size, 1048576u);
  EXPECT_EQ(FindRegion(*type, RegionKind::kRam)->size, 131072u);
  EXPECT_EQ(FindRegion(*type, 0x20020000), nullptr);
}

TEST(BoardType, RegionsAreOrderedAndApart) {
  for (const char* name : {"virtual_m4", "virtual_m7", "virtual_f4"}) {
    const BoardType* type = FindBoardType(name);
    for (size_t i = 1; i < type->memory.size(); ++i) {
      const MemoryRegion& previous = type->memory[i - 1];
      EXPECT_LE(uint64_t{previous.base} + previous.size, type->memory[i].base) << name;
    }
  }
}

TEST(BoardType, UnknownNamesAreUnknown) {
  EXPECT_EQ(FindBoardType(""), nullptr);
  EXPECT_EQ(FindBoardType("virtual_m5"), nullptr);
  EXPECT_NE(BoardTypeNames().find("virtual_m4"), std::string::npos);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
