#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "tests/integration/agent/bench.h"

/// Only what differs is written, and all of it is proved: real OpenOCD with its stock drivers.
namespace tinyrig::agent {
namespace {

using testing::HasSubstr;

constexpr char kInt8[] = "kernels=dsp,weights=int8";
constexpr char kInt16[] = "kernels=dsp,weights=int16";

class DifferentialFlashTest : public testing::TestWithParam<const char*> {
 protected:
  DifferentialFlashTest() : bench_({.type = GetParam()}) {}

  v1::LeaseOffer Offer(const std::string& variant) {
    image_ = BuildZooImage("digits_cnn", variant, bench_.artifacts(), GetParam());
    return bench_.PatternOffer(image_, "A");
  }
  uint64_t ImageBytes() const {
    uint64_t bytes = 0;
    for (const v1::Segment& segment : image_.image.segments()) {
      bytes += segment.artifact().size_bytes();
    }
    return bytes;
  }
  uint64_t FirmwareBytes() const { return image_.image.segments(0).artifact().size_bytes(); }
  bool IsFlash() const { return std::string(GetParam()) == "virtual_f4"; }

  Bench bench_;
  BuiltImage image_;
};

TEST_P(DifferentialFlashTest, SwitchingVariantsWritesOnlyWhatDiffers) {
  const v1::LeaseOffer int8 = Offer(kInt8);
  const auto first = bench_.Run(int8);
  ASSERT_TRUE(Succeeded(first));
  EXPECT_EQ(first.flash().bytes_written(), ImageBytes());
  EXPECT_EQ(first.flash().bytes_saved(), 0u);

  const auto again = bench_.Run(int8);
  ASSERT_TRUE(Succeeded(again));
  EXPECT_EQ(again.flash().bytes_written(), 0u);
  EXPECT_EQ(again.flash().bytes_saved(), ImageBytes());
  EXPECT_EQ(again.outputs(0).data(), first.outputs(0).data());

  const auto other = bench_.Run(Offer(kInt16));
  ASSERT_TRUE(Succeeded(other));
  EXPECT_GT(other.flash().bytes_written(), 0u);
  EXPECT_GE(other.flash().bytes_saved(), FirmwareBytes()) << "the kernels are the same";
  EXPECT_EQ(other.flash().bytes_written() + other.flash().bytes_saved(), ImageBytes());
  EXPECT_FALSE(other.flash().record_was_wrong());
  std::printf("%s, int8 to int16: %llu of %llu bytes written, %u of %u sectors\n", GetParam(),
              static_cast<unsigned long long>(other.flash().bytes_written()),
              static_cast<unsigned long long>(ImageBytes()), other.flash().sectors_written(),
              other.flash().sectors_written() + other.flash().sectors_saved());

  const auto back = bench_.Run(int8);
  ASSERT_TRUE(Succeeded(back));
  EXPECT_EQ(back.outputs(0).data(), first.outputs(0).data());
  EXPECT_EQ(back.flash().max_erasures(), IsFlash() ? 3u : 0u);
}

TEST_P(DifferentialFlashTest, APowerCycleNobodyToldOfIsNoFailure) {
  const v1::LeaseOffer offer = Offer(kInt8);
  ASSERT_TRUE(Succeeded(bench_.Run(offer)));
  bench_.virtual_board(0).Power("cycle");
  const auto result = bench_.Run(offer);
  ASSERT_TRUE(Succeeded(result));
  // Flash keeps what it has; RAM does not, and the agent finds out.
  EXPECT_EQ(result.flash().record_was_wrong(), !IsFlash());
  EXPECT_EQ(result.flash().bytes_written(), IsFlash() ? 0 : ImageBytes());
}

TEST_P(DifferentialFlashTest, ARecoveryWritesEverything) {
  v1::LeaseOffer offer = Offer(kInt8);
  ASSERT_TRUE(Succeeded(bench_.Run(offer)));
  offer.set_power_cycle(true);
  const auto result = bench_.Run(offer);
  ASSERT_TRUE(Succeeded(result));
  EXPECT_EQ(result.flash().bytes_written(), ImageBytes());
  EXPECT_FALSE(result.flash().record_was_wrong());
}

TEST_P(DifferentialFlashTest, WritesThatGetLostAreTheBenchs) {
  const v1::LeaseOffer offer = Offer(kInt8);
  bench_.virtual_board(0).Fault("flash_lost");
  const auto result = bench_.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(result.failure().code(), static_cast<uint32_t>(Code::kDataLoss));
  EXPECT_THAT(result.failure().message(), HasSubstr("does not read back"));
  bench_.virtual_board(0).Control({{"cmd", "clear"}});
  const auto after = bench_.Run(offer);
  ASSERT_TRUE(Succeeded(after));
  EXPECT_EQ(after.flash().bytes_written(), ImageBytes());
}

INSTANTIATE_TEST_SUITE_P(Types, DifferentialFlashTest, testing::Values("virtual_m4", "virtual_f4"),
                         [](const auto& info) { return std::string(info.param); });

/// Changes a bit of a switched-off board's flash.
void FlipBit(vboard::RunningBoard& board, uint32_t offset) {
  board.Power("off");
  const int file = ::open(board.Path("flash.bin").c_str(), O_RDWR | O_CLOEXEC);
  uint8_t byte = 0;
  ASSERT_EQ(::pread(file, &byte, 1, offset), 1);
  byte ^= 0x10;
  ASSERT_EQ(::pwrite(file, &byte, 1, offset), 1);
  ::close(file);
  board.Power("on");
}

TEST(FlashedBoard, ABitThatFlipsLaterIsCaughtAndMended) {
  Bench bench({.type = "virtual_f4"});
  const BuiltImage image = BuildZooImage("digits_ds", kInt8, bench.artifacts(), "virtual_f4");
  const v1::LeaseOffer offer = bench.PatternOffer(image, "A");
  ASSERT_TRUE(Succeeded(bench.Run(offer)));
  FlipBit(bench.virtual_board(0), image.image.segments(1).address() - 0x08000000 + 1000);
  const auto mended = bench.Run(offer);
  ASSERT_TRUE(Succeeded(mended));
  EXPECT_TRUE(mended.flash().record_was_wrong());
  EXPECT_EQ(mended.flash().bytes_saved(), 0u);
  EXPECT_TRUE(Succeeded(bench.Run(offer)));

  // One that cannot be mended is not measured.
  FlipBit(bench.virtual_board(0), 0x100);
  bench.virtual_board(0).Fault("flash_lost");
  const auto broken = bench.Run(offer);
  ASSERT_TRUE(FailedOnTheBench(broken));
  EXPECT_EQ(broken.failure().code(), static_cast<uint32_t>(Code::kDataLoss));
}

}  // namespace
}  // namespace tinyrig::agent
