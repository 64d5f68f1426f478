#include "agent/session/marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "proto/device/paint.h"
#include "tests/unit/agent/run_coroutine.h"

namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

constexpr uint64_t kNonce = 0x1122334455667788;

std::vector<uint8_t> PaintedBytes(uint32_t address, uint32_t size, uint64_t nonce = kNonce) {
  std::vector<uint8_t> bytes;
  for (uint32_t i = 0; i < size; ++i) bytes.push_back(device::PaintByte(nonce, address + i));
  return bytes;
}

TEST(Paint, ComplementsAgreeInNoByteAndOthersInFew) {
  uint32_t equal = 0;
  for (uint32_t address = 0x20000000; address < 0x20010000; ++address) {
    ASSERT_EQ(device::PaintByte(kNonce, address) ^ device::PaintByte(kNonce ^ 1, address), 0xFF);
    equal += device::PaintByte(kNonce, address) == device::PaintByte(kNonce + 2, address);
  }
  EXPECT_NEAR(equal, 65536 / 256, 100);  // as many as chance gives
}

TEST(Paint, LooksLikeNoConstantAndNoCopyOfItself) {
  std::map<uint8_t, int> values;
  for (uint32_t i = 0; i < 65536; ++i) ++values[device::PaintByte(kNonce, 0x20000000 + i)];
  for (const auto& [value, count] : values) EXPECT_LT(count, 400) << int{value};
  const auto low = PaintedBytes(0x20000000, 1024);
  for (uint32_t shift = 1; shift < 64; ++shift) {
    EXPECT_NE(PaintedBytes(0x20000000 + shift, 1024), low) << shift;
  }
}

TEST(Marks, CountsFromEitherEnd) {
  auto memory = PaintedBytes(0x1000, 64);
  EXPECT_EQ(UsedFromBelow({0x1000, memory}, kNonce), 0u);
  EXPECT_EQ(UsedFromAbove({0x1000, memory}, kNonce), 0u);
  EXPECT_FALSE(FindTouched({0x1000, memory}, kNonce));
  memory[21] ^= 1;
  memory[30] ^= 0x80;
  EXPECT_EQ(UsedFromBelow({0x1000, memory}, kNonce), 31u);
  EXPECT_EQ(UsedFromAbove({0x1000, memory}, kNonce), 64u - 20) << "stacks are made of words";
  const auto touched = FindTouched({0x1000, memory}, kNonce);
  ASSERT_TRUE(touched);
  EXPECT_EQ(touched->first_address, 0x1015u);
  EXPECT_EQ(touched->last_address, 0x101Eu);
  EXPECT_EQ(UsedFromBelow({0x1000, memory}, kNonce ^ 1), 64u) << "another session's paint";
}

/// Memory behind a probe: 0x20000000 to 0x20010000, painted.
class MemoryProbe : public Probe {
 public:
  explicit MemoryProbe(uint64_t nonce) : memory(PaintedBytes(kBase, kSize, nonce)) {}
  Awaitable<Result<ProbeIdentity>> Identify(Deadline) override { co_return ProbeIdentity{}; }
  Awaitable<Result<FlashReport>> Flash(FlashRequest, Deadline) override { co_return FlashReport{}; }
  Awaitable<Status> Reset(Deadline) override { co_return OkStatus(); }
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange> ranges,
                                                                  Deadline) override {
    std::vector<std::vector<uint8_t>> read;
    for (const MemoryRange& range : ranges) {
      EXPECT_EQ(range.address % 4, 0u);
      EXPECT_EQ(range.size % 4, 0u);
      bytes_read += range.size;
      const auto from = memory.begin() + (range.address - kBase);
      read.emplace_back(from, from + range.size);
    }
    co_return read;
  }
  uint8_t& at(uint32_t address) { return memory.at(address - kBase); }

  static constexpr uint32_t kBase = 0x20000000;
  static constexpr uint32_t kSize = 0x10000;
  std::vector<uint8_t> memory;
  uint32_t bytes_read = 0;
};

constexpr uint32_t kStack = 0x20000000;
constexpr uint32_t kStackBytes = 4096;
constexpr uint32_t kArena = 0x20004000;
constexpr uint32_t kArenaBytes = 20'001;
constexpr uint32_t kInputBytes = 37;
constexpr uint32_t kStaged = kArena + 20'072;  // 20,001 + 64, rounded up

class SessionMarks : public testing::Test {
 protected:
  SessionMarks() {
    session_.nonce = kNonce;
    session_.started.set_arena_address(kArena);
    session_.started.set_arena_bytes(kArenaBytes);
    session_.started.set_arena_limit(0x8000);
    session_.started.set_input_bytes(kInputBytes);
    session_.started.set_stack_low_address(kStack);
    session_.started.set_stack_bytes(kStackBytes);
  }

  /// What a run leaves: stack, model and staged input.
  void Use(uint32_t arena_bytes, uint32_t stack_bytes) {
    for (uint32_t i = 0; i < arena_bytes; ++i) Touch(kArena + i);
    for (uint32_t i = 0; i < kInputBytes; ++i) Touch(kStaged + i);
    for (uint32_t i = 1; i <= stack_bytes; ++i) Touch(kStack + kStackBytes - i);
  }
  void Touch(uint32_t address) { probe_.at(address) = ~device::PaintByte(kNonce, address); }

  StepResult<v1::MemoryMarks> Read() {
    return RunCoroutine(io_, ReadMarks(probe_, session_, Clock::now()));
  }
  StepResult<Done> Check() { return RunCoroutine(io_, CheckPaint(probe_, session_, Clock::now())); }
  void ExpectVariant(const char* message) {
    const auto marks = Read();
    ASSERT_FALSE(marks);
    EXPECT_EQ(marks.error().owner(), v1::FAILURE_OWNER_VARIANT);
    EXPECT_THAT(marks.error().message(), HasSubstr(message));
    EXPECT_THAT(marks.error().evidence(), testing::SizeIs(3));
  }

  asio::io_context io_;
  MemoryProbe probe_{kNonce};
  PaintedSession session_;
};

TEST_F(SessionMarks, AreThoseOfTheRunToTheByte) {
  Use(kArenaBytes, 600);
  const auto marks = Read();
  ASSERT_TRUE(marks) << marks.error().message();
  EXPECT_EQ(marks->arena_used_bytes(), kArenaBytes);
  EXPECT_EQ(marks->stack_used_bytes(), 600u);
  EXPECT_EQ(marks->stack_bytes(), kStackBytes);
  EXPECT_LT(probe_.bytes_read, 4096 + 4096 + 256u) << "the end of the arena is enough";
}

TEST_F(SessionMarks, AreFoundFarBelowTheEnd) {
  Use(1234, 600);
  const auto marks = Read();
  ASSERT_TRUE(marks) << marks.error().message();
  EXPECT_EQ(marks->arena_used_bytes(), 1234u);
}

TEST_F(SessionMarks, AnUntouchedArenaHasNone) {
  const auto marks = Read();
  ASSERT_TRUE(marks) << marks.error().message();
  EXPECT_EQ(marks->arena_used_bytes(), 0u);
}

TEST_F(SessionMarks, EveryByteBeyondTheArenaIsFound) {
  for (uint32_t beyond = 0; beyond < kStaged - kArena - kArenaBytes; ++beyond) {
    probe_ = MemoryProbe(kNonce);
    Use(kArenaBytes, 600);
    Touch(kArena + kArenaBytes + beyond);
    ExpectVariant("beyond its arena of 20001 B");
  }
}

TEST_F(SessionMarks, SayHowFarItWent) {
  Use(kArenaBytes, 600);
  for (uint32_t i = 0; i < 16; ++i) Touch(kArena + kArenaBytes + i);
  ExpectVariant("wrote 16 B beyond its arena of 20001 B, from byte 20001 on");
  for (uint32_t i = 16; kArena + kArenaBytes + i < kStaged; ++i) Touch(kArena + kArenaBytes + i);
  ExpectVariant("wrote at least 71 B beyond its arena");
}

TEST_F(SessionMarks, CanariesBehindTheInputAndBelowTheStack) {
  Use(kArenaBytes, 600);
  Touch(kStaged + kInputBytes + 3);
  ExpectVariant("wrote 4 B beyond the staged input");
  probe_ = MemoryProbe(kNonce);
  Use(kArenaBytes, kStackBytes - 60);
  ExpectVariant("used down to 60 B above its end");
}

TEST_F(SessionMarks, PaintIsCheckedBeforeTheRun) {
  EXPECT_TRUE(Check());
  for (const uint32_t address : {kArena, kArena + kArenaBytes - 1, kStaged - 1,
                                 kStaged + kInputBytes, kStack, kStack + kStackBytes / 2 - 1}) {
    probe_ = MemoryProbe(kNonce);
    probe_.at(address) ^= 4;
    const auto checked = Check();
    ASSERT_FALSE(checked) << std::hex << address;
    EXPECT_EQ(checked.error().owner(), v1::FAILURE_OWNER_BENCH);
  }
  probe_ = MemoryProbe(kNonce + 2);  // what another session left
  EXPECT_FALSE(Check());
}

TEST_F(SessionMarks, BoardsThatDescribeNonsenseAreTheBenchs) {
  const device::pb::Started sound = session_.started;
  const auto refused = [&](auto change) {
    session_.started = sound;
    change(session_.started);
    const auto marks = Read();
    const auto checked = Check();
    return !marks && !checked && marks.error().owner() == v1::FAILURE_OWNER_BENCH;
  };
  using device::pb::Started;
  EXPECT_TRUE(refused([](Started& s) { s.set_arena_bytes(0); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_arena_bytes(0xFFFFFFFF); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_input_bytes(0xFFFFFFFF); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_arena_address(0xFFFFFFF0); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_arena_address(kArena + 1); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_stack_bytes(0); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_stack_bytes(0xFFFFFFFF); }));
  EXPECT_TRUE(refused([](Started& s) { s.set_stack_low_address(0xFFFFFF00); }));
}

}  // namespace
}  // namespace tinyrig::agent
