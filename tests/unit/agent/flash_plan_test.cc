#include "agent/session/flash_plan.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/temp_folder.h"

namespace tinyrig::agent {
namespace {

ProgramMemory Flash() {
  ProgramMemory memory;
  memory.sectors = {{0x1000, 16}, {0x1010, 16}, {0x1020, 64}};
  return memory;
}

TEST(FlashPlan, SectorsAreThoseThatTheImageTouches) {
  const TempFolder folder;
  const auto a = folder.Add("a", std::string(20, 'a'));
  const auto plans = PlanSectors({{0x1008, a}}, Flash());
  ASSERT_TRUE(plans.ok()) << plans.status().ToString();
  ASSERT_EQ(plans->size(), 2u);
  EXPECT_EQ((*plans)[0].sector, (FlashSector{0x1000, 16}));
  EXPECT_EQ((*plans)[0].image_bytes, 8u);
  EXPECT_EQ((*plans)[1].image_bytes, 12u);
  EXPECT_EQ((*plans)[0].hash.size(), 64u);
}

TEST(FlashPlan, HashesTellBytesAndPlaces) {
  const TempFolder folder;
  const auto hash = [&](uint32_t address, const std::string& bytes) {
    return PlanSectors({{address, folder.Add("x", bytes)}}, Flash())->at(0).hash;
  };
  EXPECT_EQ(hash(0x1000, "abc"), hash(0x1000, "abc"));
  EXPECT_NE(hash(0x1000, "abc"), hash(0x1000, "abd"));
  EXPECT_NE(hash(0x1000, "abc"), hash(0x1001, "abc"));
  EXPECT_NE(hash(0x1000, "abc"), hash(0x1000, std::string("abc\0", 4)));
  // The same sector's content does not depend on what lies in the next one.
  EXPECT_EQ(hash(0x1000, std::string(16, 'a')), hash(0x1000, std::string(30, 'a')));
}

TEST(FlashPlan, TwoSegmentsShareASector) {
  const TempFolder folder;
  const auto a = folder.Add("a", "aaaa");
  const auto b = folder.Add("b", "bbbb");
  const auto plans = PlanSectors({{0x1008, b}, {0x1000, a}}, Flash());
  ASSERT_TRUE(plans.ok());
  ASSERT_EQ(plans->size(), 1u);
  EXPECT_EQ((*plans)[0].image_bytes, 8u);
  EXPECT_EQ(PlanSectors({{0x1000, a}, {0x1008, b}}, Flash())->at(0).hash, (*plans)[0].hash);
}

TEST(FlashPlan, RamIsCutIntoBlocks) {
  const TempFolder folder;
  ProgramMemory ram;
  ram.block_bytes = 4096;
  const auto a = folder.Add("a", std::string(5000, 'a'));
  const auto b = folder.Add("b", std::string(10, 'b'));
  const auto plans = PlanSectors({{0, a}, {5000, b}, {0x40000, b}}, ram);
  ASSERT_TRUE(plans.ok());
  ASSERT_EQ(plans->size(), 3u);
  EXPECT_EQ((*plans)[1].sector, (FlashSector{4096, 4096}));
  EXPECT_EQ((*plans)[1].image_bytes, 5000u - 4096 + 10);
  EXPECT_EQ((*plans)[2].sector, (FlashSector{0x40000, 4096}));
}

TEST(FlashPlan, AnImageBesideTheFlashIsRefused) {
  const TempFolder folder;
  const auto a = folder.Add("a", std::string(100, 'a'));
  const auto plans = PlanSectors({{0x1000, a}}, Flash());
  EXPECT_EQ(plans.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(plans.status().message().find("4 of the image's 100 bytes"), std::string::npos)
      << plans.status().message();
  EXPECT_FALSE(PlanSectors({{0, folder.path() / "none"}}, Flash()).ok());
}

}  // namespace
}  // namespace tinyrig::agent
