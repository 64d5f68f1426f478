// The JTAG side of the debug port, bit by bit.

#include "agent/virtual/jtag_tap.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tinyrig::agent::vboard {
namespace {

constexpr uint32_t kId = 0x4BA00477;
constexpr uint8_t kDpAcc = 0xA, kApAcc = 0xB, kAbort = 0x8;
constexpr uint64_t kOk = 2, kWait = 1;

/// 1 KiB at 0; everything else faults.
class SmallBus : public MemoryBus {
 public:
  std::array<uint8_t, 1024> bytes{};
  size_t Read(uint32_t address, uint32_t width, std::span<uint8_t> out) override {
    if (address + out.size() > bytes.size()) return 0;
    std::memcpy(out.data(), bytes.data() + address, out.size());
    return out.size() / width;
  }
  size_t Write(uint32_t address, uint32_t width, std::span<const uint8_t> in) override {
    if (address + in.size() > bytes.size()) return 0;
    std::memcpy(bytes.data() + address, in.data(), in.size());
    return in.size() / width;
  }
};

class JtagTapTest : public ::testing::Test {
 protected:
  JtagTapTest() {
    port_.PowerOnReset();
    tap_.idcode = [] { return kId; };
    for (int i = 0; i < 5; ++i) Clock(true, false);
    Clock(false, false);  // idle
  }
  bool Clock(bool tms, bool tdi) {
    tap_.Write(false, tms, tdi);
    const bool tdo = tap_.Tdo();
    tap_.Write(true, tms, tdi);
    return tdo;
  }
  /// From idle through a shift of `bits` and back to idle.
  uint64_t Scan(bool instruction, uint64_t out, uint32_t bits) {
    Clock(true, false);
    if (instruction) Clock(true, false);
    Clock(false, false);
    Clock(false, false);
    uint64_t in = 0;
    for (uint32_t i = 0; i < bits; ++i) {
      in |= uint64_t{Clock(i + 1 == bits, (out >> i) & 1)} << i;
    }
    Clock(true, false);
    Clock(false, false);
    return in;
  }
  uint64_t Instruction(uint8_t value) { return Scan(true, value, 4); }
  /// One access; returns what the scan brought: of the access before it.
  uint64_t Access(bool read, uint8_t address, uint32_t value = 0) {
    return Scan(false, uint64_t{value} << 3 | (address & 0xC) >> 1 | (read ? 1 : 0), 35);
  }
  uint32_t Status() {
    Instruction(kDpAcc);
    Access(true, 0x4);
    return static_cast<uint32_t>(Access(true, 0xC) >> 3);
  }
  void PowerUp() {
    Instruction(kDpAcc);
    Access(false, 0x4, 0x50000000);
    Access(false, 0x8, 0);
    Instruction(kApAcc);
    Access(false, 0x0, 0x23000052);
  }

  SmallBus bus_;
  DebugPort port_{bus_, {0x2BA01477, 0x24770011, 0xE00FF003}};
  JtagTap tap_{port_};
};

TEST_F(JtagTapTest, ResetSelectsIdcode) { EXPECT_EQ(Scan(false, 0, 32), kId); }

TEST_F(JtagTapTest, InstructionCaptureAndBypass) {
  EXPECT_EQ(Instruction(0xF), 1u);
  EXPECT_EQ(Scan(false, 0x5A, 9), 0x5Au << 1);  // one bit of delay
}

TEST_F(JtagTapTest, ResultsComeWithTheNextScan) {
  PowerUp();
  Access(false, 0x4, 0x40);        // TAR
  Access(false, 0xC, 0x12345678);  // DRW
  EXPECT_EQ(bus_.bytes[0x40], 0x78);
  Access(false, 0x4, 0x40);
  Access(true, 0xC);
  Instruction(kDpAcc);
  EXPECT_EQ(Access(true, 0xC), uint64_t{0x12345678} << 3 | kOk);
  EXPECT_EQ(Status() & 0xF0000020, 0xF0000000);
}

TEST_F(JtagTapTest, FaultSticksUntilOnesAreWritten) {
  PowerUp();
  Access(false, 0x4, 0x10000);
  Access(true, 0xC);
  EXPECT_NE(Status() & 0x20, 0u);
  Access(false, 0x4, 0x50000000);
  EXPECT_NE(Status() & 0x20, 0u);
  Access(false, 0x4, 0x50000020);
  EXPECT_EQ(Status() & 0x20, 0u);
  EXPECT_EQ(Status() & 0xF0000000, 0xF0000000);
}

TEST_F(JtagTapTest, WaitingAccessIsDoneOnceAndScansMeanwhileAreNot) {
  PowerUp();
  Access(false, 0x4, 0x40);
  bool busy = true;
  port_.contact = [&](size_t wanted, bool access_port, bool) {
    const bool waits = busy && access_port;
    return DebugPort::Reach{waits ? 0 : wanted, Ack::kWait};
  };
  Access(false, 0xC, 1);
  EXPECT_EQ(bus_.bytes[0x40], 0);
  EXPECT_EQ(Access(false, 0xC, 2) & 7, kWait);
  EXPECT_EQ(Access(false, 0xC, 2) & 7, kWait);
  busy = false;
  EXPECT_EQ(Access(false, 0xC, 2) & 7, kOk);
  EXPECT_EQ(bus_.bytes[0x40], 1);
  EXPECT_EQ(bus_.bytes[0x44], 2);
  EXPECT_EQ(bus_.bytes[0x48], 0);
}

TEST_F(JtagTapTest, AbortForgetsTheWaitingAccess) {
  PowerUp();
  Access(false, 0x4, 0x40);
  port_.contact = [](size_t wanted, bool access_port, bool) {
    return DebugPort::Reach{access_port ? 0 : wanted, Ack::kWait};
  };
  Access(false, 0xC, 1);
  Instruction(kDpAcc);
  EXPECT_EQ(Access(true, 0x4) & 7, kWait);
  Instruction(kAbort);
  Scan(false, 1 << 3, 35);
  Instruction(kDpAcc);
  EXPECT_EQ(Access(true, 0x4) & 7, kOk);
  EXPECT_EQ(bus_.bytes[0x40], 0);
}

TEST_F(JtagTapTest, NobodyListeningReadsAsOnes) {
  tap_.listening = [] { return false; };
  EXPECT_EQ(Scan(false, 0, 32), 0xFFFFFFFFu);
}

// The opening characters of a real OpenOCD 0.12.0, recorded with TDO held at zero.
TEST_F(JtagTapTest, RecordedSessionReadsTheIdcode) {
  const char* data = std::getenv("TINYRIG_TEST_DATA");
  const std::filesystem::path folder =
      data ? data : std::string(TINYRIG_SOURCE_DIR) + "/../shared/data";
  std::ifstream file(folder / "swo/openocd-0.12.0_remote_bitbang_jtag_init_tdo0.bin",
                     std::ios::binary);
  if (!file) GTEST_SKIP() << "no recording in " << folder;
  const std::string session(std::istreambuf_iterator<char>(file), {});
  tap_.Reset();
  std::string bits;
  for (const char c : session) {
    if (c >= '0' && c <= '7') tap_.Write(c & 4, c & 2, c & 1);
    if (c == 'R') bits += tap_.Tdo() ? '1' : '0';
  }
  ASSERT_GE(bits.size(), 32u);
  uint32_t id = 0;
  for (int i = 0; i < 32; ++i) id |= uint32_t{bits[i] == '1'} << i;
  EXPECT_EQ(id, kId);
}

}  // namespace
}  // namespace tinyrig::agent::vboard
