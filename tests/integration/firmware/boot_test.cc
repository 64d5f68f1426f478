#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/integration/firmware/protocol_client.h"

/// The image of a real board on the QEMU machine of a relative, which lacks its clocks, its cycle
/// counter and its unique id.
namespace tinyrig::device {
namespace {

TEST(BootTest, NucleoF412zgStartsWithoutItsClocks) {
  const Bundle bundle = ReadBundle("nucleo_f412zg-reference");
  ASSERT_FALSE(bundle.json.is_null());
  QemuBoard board(MakeImage(bundle, {}));
  ASSERT_TRUE(board.alive());
  ProtocolClient client(board);
  const Hello hello = client.SayHello(1);
  EXPECT_STREQ(hello.port, "nucleo_f412zg");
  EXPECT_EQ(hello.code_crc32c, bundle.json["firmware_crc32c"].get<uint32_t>());
  EXPECT_EQ(hello.mailbox_word, 0xC0FFEE42u);
  EXPECT_EQ(hello.clock_hz, 16'000'000u) << "the PLL did not start, and the board says so";
  EXPECT_EQ(hello.counter_hz, hello.clock_hz);
  EXPECT_EQ(hello.counter_kind, static_cast<uint8_t>(CounterKind::kUnknown))
      << "CYCCNT does not move";
  EXPECT_TRUE(std::ranges::all_of(hello.mcu_uid, [](uint8_t byte) { return byte == 0; }));
  EXPECT_EQ(hello.fault_count, 0u);
}

}  // namespace
}  // namespace tinyrig::device
