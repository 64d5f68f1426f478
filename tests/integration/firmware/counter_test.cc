#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tests/integration/firmware/protocol_client.h"

/// The counters of emulated boards are exact: windows of N instructions, measured by
/// counter_check.cc, give floor(N * counter_hz / clock_hz) ticks, so that
/// N = ceil(ticks * clock_hz / counter_hz).
namespace tinyrig::device {
namespace {

class CounterTest : public testing::TestWithParam<const char*> {};

TEST_P(CounterTest, TicksGiveTheExactNumberOfInstructions) {
  const Bundle bundle = ReadTestProgram(GetParam(), "counter_check");
  ASSERT_FALSE(bundle.json.is_null());
  const auto clock_hz = bundle.json["board_type"]["clock_hz"].get<uint64_t>();
  const auto counter_hz = bundle.json["board_type"]["counter_hz"].get<uint64_t>();
  QemuBoard board(MakeImage(bundle, {}));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  std::set<uint32_t> measured;
  // The second round starts from another phase of virtual time than the first.
  for (int round = 0; round < 2; ++round) {
    const uint8_t go = 1;
    board.Send(&go, 1);
    for (;;) {
      const auto frame = client.Receive();
      ASSERT_TRUE(frame);
      uint32_t window[2];
      ASSERT_EQ(frame->size, sizeof(window));
      std::memcpy(window, frame->payload, sizeof(window));
      const auto [instructions, ticks] = window;
      if (instructions == 0xFFFFFFFF) break;
      EXPECT_EQ(ticks, instructions * counter_hz / clock_hz) << instructions;
      EXPECT_EQ((ticks * clock_hz + counter_hz - 1) / counter_hz, instructions);
      measured.insert(instructions);
    }
  }
  EXPECT_EQ(measured.size(), 44u);
  EXPECT_TRUE(measured.contains(1000) && measured.contains(1000000) &&
              measured.contains(100000000));
}

INSTANTIATE_TEST_SUITE_P(All, CounterTest, testing::ValuesIn(kPorts),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tinyrig::device
