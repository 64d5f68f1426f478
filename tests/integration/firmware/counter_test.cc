#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tests/integration/firmware/protocol_client.h"

/// The counters of emulated boards are exact: windows of N instructions, measured by
/// counter_check.cc, give floor(N * counter_hz / clock_hz) ticks, so that
/// N = ceil(ticks * clock_hz / counter_hz).
namespace tinyrig::device {
namespace {

struct Window {
  uint32_t instructions = 0;
  uint32_t ticks = 0;
};

class CounterTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_FALSE(bundle_.json.is_null());
    ASSERT_TRUE(board_.alive());
  }

  /// As counter_check.cc takes it.
  void Ask(uint32_t number) {
    uint8_t bytes[4];
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(number >> 8 * i);
    board_.Send(bytes, sizeof(bytes));
  }

  void Receive(Window* window) {
    // Billions of instructions take an emulator seconds, and a busy machine a minute.
    const auto frame = client_.Receive(std::chrono::minutes(5));
    ASSERT_TRUE(frame);
    ASSERT_EQ(frame->size, sizeof(*window));
    std::memcpy(window, frame->payload, sizeof(*window));
  }

  uint32_t TicksOf(uint64_t instructions) {
    Window window;
    Ask(static_cast<uint32_t>(instructions / 2 - 1));
    Receive(&window);
    return window.ticks;
  }

  Bundle bundle_ = ReadTestProgram(GetParam(), "counter_check");
  uint64_t clock_hz_ = bundle_.json["board_type"]["clock_hz"].get<uint64_t>();
  uint64_t counter_hz_ = bundle_.json["board_type"]["counter_hz"].get<uint64_t>();
  QemuBoard board_{MakeImage(bundle_, {})};
  ProtocolClient client_{board_};
};

TEST_P(CounterTest, TicksGiveTheExactNumberOfInstructions) {
  std::set<uint32_t> measured;
  // The second round starts from another phase of virtual time than the first.
  for (int round = 0; round < 2; ++round) {
    Ask(0);
    for (;;) {
      Window window;
      ASSERT_NO_FATAL_FAILURE(Receive(&window));
      const auto [instructions, ticks] = window;
      if (instructions == 0xFFFFFFFF) break;
      EXPECT_EQ(ticks, instructions * counter_hz_ / clock_hz_) << instructions;
      EXPECT_EQ((ticks * clock_hz_ + counter_hz_ - 1) / counter_hz_, instructions);
      measured.insert(instructions);
    }
  }
  EXPECT_EQ(measured.size(), 44u);
  EXPECT_TRUE(measured.contains(1000) && measured.contains(1000000) &&
              measured.contains(100000000));
}

TEST_P(CounterTest, AWindowThatIsTooLongNeverReadsAsAShortOne) {
  const uint64_t most = (uint64_t{1} << 32) * clock_hz_ / counter_hz_;  // instructions
  const uint64_t close = most - (1 << 20);
  EXPECT_EQ(TicksOf(close), close * counter_hz_ / clock_hz_);
  EXPECT_EQ(TicksOf(most + (1 << 20)), kTicksOverflow);
  EXPECT_EQ(TicksOf(1000), 1000 * counter_hz_ / clock_hz_) << "the next window is a new one";
}

INSTANTIATE_TEST_SUITE_P(All, CounterTest, testing::ValuesIn(kPorts),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tinyrig::device
