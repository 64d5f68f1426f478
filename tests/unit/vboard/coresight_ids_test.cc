#include "agent/virtual/coresight_ids.h"

#include <gtest/gtest.h>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint16_t kM4 = 0x4C4;

uint64_t PeripheralId(uint32_t base) {
  uint64_t id = 0;
  constexpr uint32_t kOffsets[] = {0xFE0, 0xFE4, 0xFE8, 0xFEC, 0xFD0};
  for (int i = 0; i < 5; ++i) id |= uint64_t{*CoreSightIdWord(kM4, base + kOffsets[i])} << (8 * i);
  return id;
}

TEST(CoreSightIds, ArmComponents) {
  EXPECT_EQ(PeripheralId(0xE00FF000), 0x4000BB4C4u);    // ROM table of a Cortex-M4
  EXPECT_EQ(PeripheralId(0xE000E000), 0x4000BB00Cu);    // SCS
  EXPECT_EQ(PeripheralId(0xE0001000), 0x4003BB002u);    // DWT
  EXPECT_EQ(PeripheralId(0xE0002000), 0x4002BB003u);    // FPB
  EXPECT_EQ(*CoreSightIdWord(kM4, 0xE00FFFF4), 0x10u);  // class: ROM table
  EXPECT_EQ(*CoreSightIdWord(kM4, 0xE000EFF4), 0xE0u);  // class: generic
}

TEST(CoreSightIds, RomTableLeadsToTheComponents) {
  EXPECT_EQ(*CoreSightIdWord(kM4, 0xE00FF000) + 0xE00FF000 - 3, 0xE000E000u);
  EXPECT_EQ(*CoreSightIdWord(kM4, 0xE00FF004) + 0xE00FF000 - 3, 0xE0001000u);
  EXPECT_EQ(*CoreSightIdWord(kM4, 0xE00FF014), 0u);
}

TEST(CoreSightIds, OtherAddressesAreQemus) {
  EXPECT_FALSE(CoreSightIdWord(kM4, 0xE000ED00).has_value());
  EXPECT_FALSE(CoreSightIdWord(kM4, 0x40000FE0).has_value());
}

}  // namespace
}  // namespace tinyrig::agent::vboard
