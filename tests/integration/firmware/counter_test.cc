#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tests/integration/firmware/protocol_client.h"

/// The counter of virtual_m4 is exact: windows of known length, measured by counter_check.cc, give
/// floor(1.6 * N) ticks, so that N = ceil(ticks * 5 / 8).
namespace tinyrig::device {
namespace {

TEST(CounterTest, TicksGiveTheExactNumberOfInstructions) {
  const Bundle bundle = ReadBundle("counter_check", "firmware/image-virtual_m4/test");
  ASSERT_FALSE(bundle.json.is_null());
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
      EXPECT_EQ(ticks, instructions * uint64_t{8} / 5) << instructions;
      EXPECT_EQ((ticks * uint64_t{5} + 7) / 8, instructions);
      measured.insert(instructions);
    }
  }
  EXPECT_EQ(measured.size(), 44u);
  EXPECT_TRUE(measured.contains(1000) && measured.contains(1000000) &&
              measured.contains(100000000));
}

}  // namespace
}  // namespace tinyrig::device
