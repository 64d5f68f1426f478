#include "agent/virtual/stm32_flash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kKeyr = 0x04, kOptKeyr = 0x08, kSr = 0x0C, kCr = 0x10, kOptCr = 0x14;
constexpr uint32_t kLock = 1u << 31, kStart = 1u << 16;
constexpr uint32_t kProgramBytes = 0x001, kProgramHalves = 0x101, kProgramWords = 0x201;

constexpr std::array<uint32_t, 3> kSectors = {16, 16, 32};
constexpr FlashLayout kLayout{0x08000000, kSectors};

class Stm32FlashTest : public ::testing::Test {
 protected:
  Stm32FlashTest() : cells_(64, 0xFF) { flash_.UseCells(cells_); }
  void Unlock() {
    Write(kKeyr, 0x45670123);
    Write(kKeyr, 0xCDEF89AB);
  }
  Stm32Flash::Changed Write(uint32_t offset, uint32_t value) {
    return flash_.WriteRegister(offset, value, {});
  }
  Stm32Flash::Changed Program(uint32_t offset, std::vector<uint8_t> bytes,
                              Stm32Flash::Mishap mishap = {}) {
    return flash_.Program(offset, bytes, mishap);
  }
  Stm32Flash::Changed EraseSector(uint32_t sector, Stm32Flash::Mishap mishap = {}) {
    return flash_.WriteRegister(kCr, 0x2 | sector << 3 | kStart, mishap);
  }
  uint32_t sr() { return flash_.ReadRegister(kSr); }

  std::vector<uint8_t> cells_;
  Stm32Flash flash_{kLayout};
};

TEST_F(Stm32FlashTest, LockedUntilBothKeysCame) {
  EXPECT_EQ(flash_.ReadRegister(kCr), kLock);
  Write(kCr, kProgramBytes);
  EXPECT_EQ(flash_.ReadRegister(kCr), kLock);
  Write(kKeyr, 0x45670123);
  EXPECT_EQ(flash_.ReadRegister(kCr), kLock);
  Write(kKeyr, 0xCDEF89AB);
  EXPECT_EQ(flash_.ReadRegister(kCr), 0u);
  Write(kCr, kLock);
  EXPECT_EQ(flash_.ReadRegister(kCr), kLock);
  Unlock();
  EXPECT_EQ(flash_.ReadRegister(kCr), 0u);
}

TEST_F(Stm32FlashTest, WrongKeyBlocksUntilAReset) {
  Write(kKeyr, 0x12345678);
  Unlock();
  EXPECT_EQ(flash_.ReadRegister(kCr), kLock);
  flash_.Reset();
  Unlock();
  EXPECT_EQ(flash_.ReadRegister(kCr), 0u);
}

TEST_F(Stm32FlashTest, WritesWithoutProgramModeAreErrors) {
  EXPECT_EQ(Program(0, {0}).size, 0u);
  EXPECT_EQ(sr(), Stm32Flash::kSequenceError);
  EXPECT_EQ(cells_[0], 0xFF);
  Write(kSr, Stm32Flash::kSequenceError);
  EXPECT_EQ(sr(), 0u);
  Unlock();
  Program(0, {0});
  EXPECT_EQ(sr(), Stm32Flash::kSequenceError);
  EXPECT_EQ(cells_[0], 0xFF);
}

TEST_F(Stm32FlashTest, ProgrammingOnlyClearsBits) {
  Unlock();
  Write(kCr, kProgramHalves);
  const auto changed = Program(4, {0xF0, 0x3C});
  EXPECT_EQ(changed.offset, 4u);
  EXPECT_EQ(changed.size, 2u);
  Program(4, {0xFF, 0x0F});
  EXPECT_EQ(cells_[4], 0xF0);
  EXPECT_EQ(cells_[5], 0x0C);
  EXPECT_EQ(sr(), 0u);
}

TEST_F(Stm32FlashTest, AccessMustHaveTheConfiguredWidth) {
  Unlock();
  Write(kCr, kProgramWords);
  Program(0, {0, 0});
  EXPECT_EQ(sr(), Stm32Flash::kParallelismError);
  EXPECT_EQ(cells_[0], 0xFF);
  Program(4, {1, 2, 3, 4});
  EXPECT_EQ(cells_[7], 4);
}

TEST_F(Stm32FlashTest, SectorsAndTheWholeAreErased) {
  std::ranges::fill(cells_, uint8_t{0});
  Unlock();
  auto changed = EraseSector(1);
  EXPECT_EQ(changed.offset, 16u);
  EXPECT_EQ(changed.size, 16u);
  EXPECT_EQ(std::ranges::count(cells_, 0xFF), 16);
  EXPECT_EQ(cells_[15], 0);
  EXPECT_EQ(cells_[32], 0);
  changed = EraseSector(2);
  EXPECT_EQ(changed.offset, 32u);
  EXPECT_EQ(changed.size, 32u);
  changed = Write(kCr, 0x4 | kStart);
  EXPECT_EQ(changed.size, 64u);
  EXPECT_EQ(std::ranges::count(cells_, 0xFF), 64);
  EXPECT_EQ(flash_.erased_sectors(), 5u);
  EXPECT_EQ(EraseSector(3).size, 0u);  // there is no sector 3
  EXPECT_EQ(sr(), Stm32Flash::kSequenceError);
}

TEST_F(Stm32FlashTest, ProtectedSectorsStay) {
  std::ranges::fill(cells_, uint8_t{0x0F});
  Write(kOptKeyr, 0x08192A3B);
  Write(kOptKeyr, 0x4C5D6E7F);
  Write(kOptCr, 0x0FFDAAEC);  // sector 1
  Unlock();
  EXPECT_EQ(EraseSector(1).size, 0u);
  EXPECT_EQ(sr(), Stm32Flash::kWriteProtectError);
  Write(kSr, Stm32Flash::kWriteProtectError);
  EXPECT_EQ(EraseSector(0).size, 16u);
  Write(kCr, kProgramBytes);
  EXPECT_EQ(Program(16, {0}).size, 0u);
  EXPECT_EQ(sr(), Stm32Flash::kWriteProtectError);
  EXPECT_EQ(cells_[16], 0x0F);
}

TEST_F(Stm32FlashTest, MishapsFailFlipAndDelay) {
  Unlock();
  EXPECT_EQ(EraseSector(0, {.fails = true}).size, 0u);
  EXPECT_EQ(sr(), Stm32Flash::kWriteProtectError);
  Write(kSr, Stm32Flash::kWriteProtectError);
  Write(kCr, kProgramBytes);
  Program(3, {0x55}, {.flip = 0x10});
  EXPECT_EQ(cells_[3], 0x45);
  Program(4, {0x55}, {.busy_polls = 2});
  EXPECT_EQ(sr(), Stm32Flash::kBusy);
  EXPECT_EQ(sr(), Stm32Flash::kBusy);
  EXPECT_EQ(sr(), 0u);
}

TEST_F(Stm32FlashTest, NothingIsReachedOutside) {
  Unlock();
  Write(kCr, kProgramWords);
  EXPECT_EQ(Program(62, {0, 0, 0, 0}).size, 0u);
  EXPECT_EQ(Program(64, {0, 0, 0, 0}).size, 0u);
  EXPECT_EQ(sr(), Stm32Flash::kSequenceError);
  EXPECT_EQ(flash_.ReadRegister(0x1C), 0u);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
