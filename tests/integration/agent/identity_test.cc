#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/agent/bench.h"

/// An image that was not written, and a link that ends at another board, never pass.
namespace tinyrig::agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kDsp[] = "kernels=dsp,weights=int8";

class IdentityTest : public testing::Test {
 protected:
  BuiltImage Cnn(Bench& bench) { return BuildZooImage("digits_cnn", kDsp, bench.artifacts()); }
  BuiltImage Ds(Bench& bench) { return BuildZooImage("digits_ds", kDsp, bench.artifacts()); }
};

TEST_F(IdentityTest, AProbeThatLiesAboutFlashingIsFoundOut) {
  Bench bench;
  const BuiltImage old_image = Cnn(bench);
  ASSERT_TRUE(Succeeded(bench.Run(bench.PatternOffer(old_image, "A"))));
  bench.virtual_board(0).Fault("flash_lies");
  const BuiltImage image = Ds(bench);
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(Describe(result.failure()),
              AllOf(HasSubstr("b1"), HasSubstr("old image"), HasSubstr("model CRC: expected")));
  EXPECT_EQ(result.samples_size(), 0);
  EXPECT_TRUE(bench.board(0).needs_power_cycle);

  bench.virtual_board(0).Control({{"cmd", "clear"}});
  EXPECT_TRUE(Succeeded(bench.Run(bench.PatternOffer(image, "A"))));
}

TEST_F(IdentityTest, ALieToABlankBoardIsSilence) {
  Bench bench;
  bench.virtual_board(0).Fault("flash_lies");
  const BuiltImage image = Ds(bench);
  const auto result = bench.Run(bench.PatternOffer(image, "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(result.failure().message(), HasSubstr("does not answer"));
}

TEST_F(IdentityTest, LostWritesFailTheVerification) {
  Bench bench;
  const BuiltImage old_image = Cnn(bench);
  ASSERT_TRUE(Succeeded(bench.Run(bench.PatternOffer(old_image, "A"))));
  bench.virtual_board(0).Fault("flash_lost");
  const auto result = bench.Run(bench.PatternOffer(Ds(bench), "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(static_cast<Code>(result.failure().code()), Code::kDataLoss);
  EXPECT_EQ(result.timeline(result.timeline_size() - 1).name(), "flash.prepare") << "not started";
}

TEST_F(IdentityTest, AnotherChipBehindTheProbeIsNotWrittenTo) {
  Bench bench({.dpidr = 0x1BA01477});
  const auto result = bench.Run(bench.PatternOffer(Ds(bench), "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(static_cast<Code>(result.failure().code()), Code::kFailedPrecondition);
  EXPECT_THAT(result.failure().message(), HasSubstr("expected 0x1ba01477, found 0x2ba01477"));
  EXPECT_NE(bench.virtual_board(0).core(), "running") << "nothing was loaded or started";
}

TEST_F(IdentityTest, CrossedLinksNameBothBoardsWhenTheOtherIsBlank) {
  Bench bench({.boards = 2, .crossed = true});
  const auto result = bench.Run(bench.PatternOffer(Ds(bench), "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(
      result.failure().message(),
      AllOf(HasSubstr("crossed cables"), HasSubstr("b1"), HasSubstr("b2"),
            HasSubstr(bench.board(0).link->path()), HasSubstr(bench.board(1).link->path())));
  EXPECT_FALSE(bench.board(1).busy);
}

TEST_F(IdentityTest, CrossedLinksNameBothBoardsWhenBothRun) {
  Bench bench({.boards = 2, .crossed = true});
  const BuiltImage image = Ds(bench);
  ASSERT_TRUE(FailedOnTheBench(bench.Run(bench.PatternOffer(image, "A"), 0)));
  // b1 runs the image now and is what b2's link reaches.
  const auto result = bench.Run(bench.PatternOffer(image, "A"), 1);
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_THAT(result.failure().message(),
              AllOf(HasSubstr("crossed cables"), HasSubstr("b1"), HasSubstr("b2"),
                    HasSubstr(bench.board(1).link->path())));
}

TEST_F(IdentityTest, CrossedLinksFailBothWhenUsedAtOnce) {
  Bench bench({.boards = 2, .crossed = true});
  const auto results = bench.RunAll(bench.PatternOffer(Ds(bench), "A"));
  int named = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(FailedOnTheBench(result));
    EXPECT_EQ(result.samples_size(), 0);
    named += result.failure().message().find("crossed cables") != std::string::npos;
  }
  EXPECT_GE(named, 1);
}

TEST_F(IdentityTest, ALinkToNowhereIsSilence) {
  Bench bench({.boards = 2, .crossed = true});
  bench.virtual_board(0).Fault("uart_stall", {{"ms", 60000}});
  bench.virtual_board(1).Fault("uart_stall", {{"ms", 60000}});
  const auto result = bench.Run(bench.PatternOffer(Ds(bench), "A"));
  ASSERT_TRUE(FailedOnTheBench(result));
  EXPECT_EQ(static_cast<Code>(result.failure().code()), Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace tinyrig::agent
