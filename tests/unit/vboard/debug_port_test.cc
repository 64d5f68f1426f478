// SW-DP and AHB-AP over a plain array of memory.

#include "agent/virtual/debug_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace tinyrig::agent::vboard {
namespace {

using ::testing::ElementsAre;

/// 0x3F00 bytes at 0x1000; everything else faults. Remembers widths.
class ArrayBus : public MemoryBus {
 public:
  static constexpr uint32_t kBase = 0x1000;
  std::array<uint8_t, 0x3F00> bytes{};
  std::vector<uint32_t> widths;
  std::vector<size_t> sizes;

  size_t Read(uint32_t address, uint32_t width, std::span<uint8_t> out) override {
    const size_t count = Reachable(address, out.size());
    std::memcpy(out.data(), bytes.data() + (address - kBase) * (count > 0), count);
    Note(width, out.size());
    return count / width;
  }
  size_t Write(uint32_t address, uint32_t width, std::span<const uint8_t> in) override {
    const size_t count = Reachable(address, in.size());
    if (count > 0) std::memcpy(bytes.data() + (address - kBase), in.data(), count);
    Note(width, in.size());
    return count / width;
  }

 private:
  size_t Reachable(uint32_t address, size_t size) const {
    if (address < kBase || address >= kBase + bytes.size()) return 0;
    return std::min<size_t>(size, kBase + bytes.size() - address);
  }
  void Note(uint32_t width, size_t size) {
    widths.push_back(width);
    sizes.push_back(size);
  }
};

class DebugPortTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kDpidr = 0x2BA01477;

  void SetUp() override {
    port_.PowerOnReset();
    Switch({0x9E, 0xE7});
    EXPECT_EQ(ReadDp(0x0), kDpidr);
    WriteDp(0x4, 0x50000000);
  }

  /// 56 ones, a select code, 56 ones, 8 idle clocks: what OpenOCD sends.
  void Switch(std::array<uint8_t, 2> code) {
    std::vector<uint8_t> bits(7, 0xFF);
    bits.insert(bits.end(), code.begin(), code.end());
    bits.insert(bits.end(), 7, 0xFF);
    bits.push_back(0x00);
    port_.Sequence(bits, bits.size() * 8);
  }
  SwdOutcome Read(bool ap, uint8_t address, uint32_t& value) {
    return port_.Read(ap, address, {&value, 1});
  }
  uint32_t ReadDp(uint8_t address) {
    uint32_t value = 0;
    EXPECT_EQ(Read(false, address, value).ack, Ack::kOk);
    return value;
  }
  uint32_t ReadAp(uint8_t address) {
    uint32_t value = 0;
    EXPECT_EQ(Read(true, address, value).ack, Ack::kOk);
    return value;
  }
  Ack WriteDp(uint8_t address, uint32_t value) {
    return port_.Write(false, address, {&value, 1}).ack;
  }
  Ack WriteAp(uint8_t address, uint32_t value) {
    return port_.Write(true, address, {&value, 1}).ack;
  }
  void SetUpTransfer(uint32_t csw, uint32_t tar) {
    EXPECT_EQ(WriteAp(0x0, csw), Ack::kOk);
    EXPECT_EQ(WriteAp(0x4, tar), Ack::kOk);
  }

  ArrayBus bus_;
  DebugPort port_{bus_, {kDpidr, 0x24770011, 0xE00FF003}};
};

constexpr uint32_t kWords = 0x23000052;   // 32 bit, single increment
constexpr uint32_t kBytes = 0x23000050;   // 8 bit, single increment
constexpr uint32_t kHalves = 0x23000051;  // 16 bit, single increment
constexpr uint32_t kPackedBytes = 0x23000060;
constexpr uint32_t kStill = 0x23000042;  // 32 bit, no increment

TEST_F(DebugPortTest, SilentUntilSwitchedToSwd) {
  port_.PowerOnReset();
  uint32_t value = 0;
  EXPECT_EQ(Read(false, 0, value).ack, Ack::kNone);
  Switch({0x9E, 0xE7});
  EXPECT_EQ(Read(false, 0, value).ack, Ack::kOk);
  Switch({0x3C, 0xE7});
  EXPECT_EQ(Read(false, 0, value).ack, Ack::kNone);
  Switch({0x9E, 0xE7});
  Switch({0x9E, 0xE7});  // idle clocks behind the first must not spoil the second
  EXPECT_EQ(Read(false, 0, value).ack, Ack::kOk);
}

TEST_F(DebugPortTest, SelectCodesCountOnlyBehindALineReset) {
  const std::array<uint8_t, 8> data = {0xFF, 0xFF, 0x3C, 0xE7, 0x00, 0x3C, 0xE7, 0x00};
  port_.Sequence(data, 64);
  EXPECT_EQ(ReadDp(0x0), kDpidr);
  const std::array<uint8_t, 10> later = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                         0xFF, 0xFF, 0x00, 0x3C, 0xE7};
  port_.Sequence(later, 80);  // eight zeros between the reset and the code
  EXPECT_EQ(ReadDp(0x0), kDpidr);
}

TEST_F(DebugPortTest, PowerUpIsAcknowledged) {
  EXPECT_EQ(ReadDp(0x4) & 0xF0000000, 0xF0000000);
  WriteDp(0x4, 0);
  uint32_t value = 0;
  EXPECT_EQ(Read(true, 0xC, value).ack, Ack::kFault);  // no debug power, no access port
}

TEST_F(DebugPortTest, AccessPortIdentifiesItself) {
  WriteDp(0x8, 0x000000F0);
  EXPECT_EQ(ReadAp(0xC), 0x24770011u);
  EXPECT_EQ(ReadAp(0x8), 0xE00FF003u);
  WriteDp(0x8, 0x010000F0);
  EXPECT_EQ(ReadAp(0xC), 0u);  // access port 1 is absent
}

TEST_F(DebugPortTest, BlocksBecomeOneRun) {
  SetUpTransfer(kWords, 0x1100);
  std::array<uint32_t, 64> words;
  for (size_t i = 0; i < words.size(); ++i) words[i] = 0x01010101u * static_cast<uint32_t>(i);
  EXPECT_EQ(port_.Write(true, 0xC, words).done, 64u);
  EXPECT_THAT(bus_.sizes, ElementsAre(256u));
  EXPECT_EQ(ReadAp(0x4), 0x1200u);
  WriteAp(0x4, 0x1100);
  std::array<uint32_t, 64> read{};
  EXPECT_EQ(port_.Read(true, 0xC, read).done, 64u);
  EXPECT_EQ(read, words);
  EXPECT_EQ(ReadDp(0xC), words.back());  // RDBUFF
}

TEST_F(DebugPortTest, IncrementWrapsAt4KiB) {
  SetUpTransfer(kWords, 0x1FFC);
  const std::array<uint32_t, 2> words = {1, 2};
  EXPECT_EQ(port_.Write(true, 0xC, words).done, 2u);
  EXPECT_EQ(bus_.bytes[0x0FFC], 1);
  EXPECT_EQ(bus_.bytes[0x0000], 2);
}

TEST_F(DebugPortTest, SubWordDataUsesItsLane) {
  SetUpTransfer(kBytes, 0x1001);
  EXPECT_EQ(WriteAp(0xC, 0x0000AA00), Ack::kOk);
  EXPECT_EQ(WriteAp(0xC, 0x00BB0000), Ack::kOk);
  EXPECT_EQ(bus_.bytes[1], 0xAA);
  EXPECT_EQ(bus_.bytes[2], 0xBB);
  EXPECT_EQ(bus_.widths.back(), 1u);
  SetUpTransfer(kHalves, 0x1002);
  EXPECT_EQ(ReadAp(0xC), 0x00BB0000u);
  EXPECT_EQ(bus_.widths.back(), 2u);
}

TEST_F(DebugPortTest, PackedTransfersCarryFourBytes) {
  SetUpTransfer(kPackedBytes, 0x1001);
  EXPECT_EQ(WriteAp(0xC, 0x33221144), Ack::kOk);  // lanes 1, 2, 3, 0
  EXPECT_THAT(std::span(bus_.bytes).subspan(1, 4), ElementsAre(0x11, 0x22, 0x33, 0x44));
  EXPECT_EQ(ReadAp(0x4), 0x1005u);
  EXPECT_EQ(ReadAp(0x0) & 0x77, kPackedBytes & 0x77);
}

TEST_F(DebugPortTest, NoIncrementStays) {
  SetUpTransfer(kStill, 0x1010);
  const std::array<uint32_t, 3> words = {1, 2, 3};
  EXPECT_EQ(port_.Write(true, 0xC, words).done, 3u);
  EXPECT_EQ(bus_.bytes[0x10], 3);
  EXPECT_EQ(bus_.bytes[0x14], 0);
}

TEST_F(DebugPortTest, BankedRegistersReachFourWords) {
  SetUpTransfer(kWords, 0x1020);
  WriteDp(0x8, 0x10);
  EXPECT_EQ(WriteAp(0x0, 10), Ack::kOk);
  EXPECT_EQ(WriteAp(0xC, 13), Ack::kOk);
  EXPECT_EQ(bus_.bytes[0x20], 10);
  EXPECT_EQ(bus_.bytes[0x2C], 13);
  EXPECT_EQ(ReadAp(0xC), 13u);
}

TEST_F(DebugPortTest, BusFaultComesWithItsTransferAndSticks) {
  SetUpTransfer(kWords, 0x4EF8);
  std::array<uint32_t, 4> words{};
  const SwdOutcome outcome = port_.Read(true, 0xC, words);
  EXPECT_EQ(outcome.ack, Ack::kFault);
  EXPECT_EQ(outcome.done, 2u);
  EXPECT_NE(ReadDp(0x4) & 0x20, 0u);
  uint32_t value = 0;
  EXPECT_EQ(Read(true, 0x0, value).ack, Ack::kFault);
  EXPECT_EQ(Read(false, 0xC, value).ack, Ack::kFault);
  EXPECT_EQ(WriteDp(0x8, 0), Ack::kFault);
  EXPECT_EQ(WriteDp(0x0, 0x1E), Ack::kOk);  // ABORT clears it
  EXPECT_EQ(ReadDp(0x4) & 0x20, 0u);
  EXPECT_EQ(Read(true, 0x0, value).ack, Ack::kOk);
}

TEST_F(DebugPortTest, LostContactEndsARunInTheMiddle) {
  size_t left = 3;
  port_.contact = [&](size_t wanted, bool, bool) {
    const size_t passed = std::min(wanted, left);
    left -= passed;
    return DebugPort::Reach{passed, Ack::kNone};
  };
  uint32_t value = 0x1100;
  EXPECT_EQ(port_.Write(true, 0x4, {&value, 1}).ack, Ack::kOk);
  std::array<uint32_t, 4> words{};
  const SwdOutcome outcome = port_.Read(true, 0xC, words);
  EXPECT_EQ(outcome.ack, Ack::kNone);
  EXPECT_EQ(outcome.done, 2u);
  EXPECT_EQ(port_.Read(false, 0x0, words).ack, Ack::kNone);
}

TEST_F(DebugPortTest, DisturbedRunsEndWithTheirAnswer) {
  SetUpTransfer(kWords, 0x1000);
  Ack then = Ack::kWait;
  port_.contact = [&](size_t, bool access_port, bool) {
    return access_port ? DebugPort::Reach{2, then} : DebugPort::Reach{1, Ack::kOk};
  };
  const std::array<uint32_t, 4> words = {1, 2, 3, 4};
  SwdOutcome outcome = port_.Write(true, 0xC, words);
  EXPECT_EQ(outcome.ack, Ack::kWait);
  EXPECT_EQ(outcome.done, 2u);
  EXPECT_EQ(bus_.bytes[4], 2);
  EXPECT_EQ(bus_.bytes[8], 0);
  EXPECT_EQ(ReadDp(0x4) & 0x20, 0u);
  then = Ack::kFault;
  outcome = port_.Write(true, 0xC, std::span(words).subspan(2));
  EXPECT_EQ(outcome.done, 2u);  // reached all: nothing to be faulted
  std::array<uint32_t, 3> read{};
  outcome = port_.Read(true, 0xC, read);
  EXPECT_EQ(outcome.ack, Ack::kFault);
  EXPECT_EQ(outcome.done, 2u);
  EXPECT_NE(ReadDp(0x4) & 0x20, 0u);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
