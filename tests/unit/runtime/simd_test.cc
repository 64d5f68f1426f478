#include "firmware/runtime/kernels/simd/simd.h"

#include <gtest/gtest.h>

#include <vector>

#include "firmware/runtime/kernels/simd/dot_block.h"

namespace tinyrig::runtime {
namespace {

TEST(SimdTest, PortableDefinitionsFollowTheArchitecture) {
  const uint32_t x = 0xFFFE0003;  // (3, -2)
  const uint32_t y = 0x0005FFFC;  // (-4, 5)
  EXPECT_EQ(DotPair(x, y, 100), 100 - 12 - 10);
  EXPECT_EQ(BottomTimesBottom(x, y, 1), 1 - 12);
  EXPECT_EQ(BottomTimesTop(x, y, 1), 1 + 15);
  EXPECT_EQ(TopTimesBottom(x, y, 1), 1 + 8);
  EXPECT_EQ(ExtendEvenBytes(0x80FF7F01), 0xFFFF0001u);
  EXPECT_EQ(ExtendOddBytes(0x80FF7F01), 0xFF80007Fu);
  EXPECT_EQ(PackBottoms(0x11112222, 0x33334444), 0x44442222u);
  EXPECT_EQ(PackTops(0x11112222, 0x33334444), 0x33331111u);
  EXPECT_EQ(SaturateToInt8(128), 127);
  EXPECT_EQ(SaturateToInt8(-129), -128);
  // Sums wrap: (-2^15)^2 twice is 2^31.
  EXPECT_EQ(DotPair(0x80008000, 0x80008000, 0), INT32_MIN);
}

TEST(SimdTest, ScaleHighRoundsHalvesUp) {
  // multiplier 0: factor 1. -2^31: factor 1/2.
  EXPECT_EQ(ScaleHigh(12345, 0), 12345);
  EXPECT_EQ(ScaleHigh(7, INT32_MIN), 4);
  EXPECT_EQ(ScaleHigh(-7, INT32_MIN), -3);
  EXPECT_EQ(ScaleHigh(INT32_MIN, INT32_MIN), INT32_MIN / 2);
}

TEST(SimdTest, WidenTakesAnyLengthAndAlignment) {
  std::vector<int8_t> bytes(40);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(i * 53);
  for (size_t start = 0; start < 5; ++start) {
    for (uint32_t count = 0; count <= 30; ++count) {
      std::vector<int16_t> wide(count + 1, 999);
      Widen(bytes.data() + start, wide.data(), count);
      for (uint32_t i = 0; i < count; ++i) ASSERT_EQ(wide[i], bytes[start + i]);
      ASSERT_EQ(wide[count], 999);
    }
  }
}

TEST(PatchWriterTest, InterleavesPixelsFromAnyStart) {
  const std::vector<int8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  for (uint32_t first = 0; first <= 5; ++first) {
    std::vector<int16_t> block(3 * 20, -1);
    PatchWriter<3> writer(block.data(), 1);
    writer.Fill(77, first);
    writer.Widen(bytes.data(), 13);
    for (uint32_t d = 0; d < first + 13; ++d) {
      const int16_t expected = d < first ? int16_t{77} : bytes[d - first];
      ASSERT_EQ(block[d / 2 * 6 + 2 + d % 2], expected) << "depth " << d << " after " << first;
    }
    for (uint32_t d = 0; d < 18; ++d) {
      ASSERT_EQ(block[d / 2 * 6 + d % 2], -1) << "pixel 0 was touched";
      ASSERT_EQ(block[d / 2 * 6 + 4 + d % 2], -1) << "pixel 2 was touched";
    }
  }
}

}  // namespace
}  // namespace tinyrig::runtime
