#include "agent/session/board_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/integration/agent/bench.h"

/// A board taken from state to state, without a job around it.
namespace tinyrig::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class BoardMachineTest : public testing::Test {
 protected:
  BoardMachineTest() {
    const BuiltImage built =
        BuildZooImage("digits_ds", "kernels=dsp,weights=int8", bench_.artifacts());
    offer_ = bench_.PatternOffer(built, "A");
    FolderSource source(bench_.artifacts());
    auto image = bench_.Do(FetchImage(offer_.image(), source, Within(std::chrono::seconds(10))));
    machine_.SetImage(std::move(*image));
  }

  StepResult<Done> MoveTo(BoardState state) { return bench_.Do(machine_.MoveTo(state)); }
  vboard::RunningBoard& virtual_board() { return bench_.virtual_board(0); }
  std::vector<std::string> Phases() const {
    std::vector<std::string> phases;
    for (const v1::Span& span : record_.result.timeline()) {
      if (span.name().find('.') == std::string::npos) phases.push_back(span.name());
    }
    return phases;
  }

  Bench bench_;
  v1::LeaseOffer offer_;
  AttemptRecord record_{bench_.progress};
  Boards others_;
  BoardMachine machine_{offer_, bench_.board(0), others_, record_, Within(std::chrono::minutes(2))};
};

TEST_F(BoardMachineTest, EachStateBuildsOnTheOneBefore) {
  ASSERT_TRUE(MoveTo(BoardState::kFlashed));
  EXPECT_THAT(Phases(), ElementsAre("power", "flash"));
  EXPECT_EQ(virtual_board().core(), "running");
  ASSERT_TRUE(MoveTo(BoardState::kMeasuring));
  EXPECT_THAT(Phases(), ElementsAre("power", "flash", "hello", "start"));
  EXPECT_GT(machine_.session().started.arena_bytes(), 0u);

  ASSERT_TRUE(MoveTo(BoardState::kMeasuring));
  EXPECT_EQ(Phases().size(), 4u) << "there already";
  EXPECT_THAT(bench_.progress.logs, Contains(HasSubstr("measuring already")));

  ASSERT_TRUE(MoveTo(BoardState::kReady));
  ASSERT_TRUE(MoveTo(BoardState::kMeasuring));
  EXPECT_THAT(Phases(), ElementsAre("power", "flash", "hello", "start", "start"));
}

TEST_F(BoardMachineTest, OffIsOffAndTheWayBackIsTheWholeWay) {
  ASSERT_TRUE(MoveTo(BoardState::kReady));
  ASSERT_TRUE(MoveTo(BoardState::kOff));
  EXPECT_EQ(virtual_board().core(), "off");
  ASSERT_TRUE(MoveTo(BoardState::kReady));
  EXPECT_THAT(Phases(), ElementsAre("power", "flash", "hello", "power", "power", "flash", "hello"));
  // RAM was lost, and the record with it: nothing was taken for granted, or found wrong.
  EXPECT_EQ(record_.result.flash().bytes_saved(), 0u);
  EXPECT_FALSE(record_.result.flash().record_was_wrong());
}

TEST_F(BoardMachineTest, ABoardWithoutASwitchCannotBeOff) {
  bench_.board(0).power.reset();
  const auto off = MoveTo(BoardState::kOff);
  ASSERT_FALSE(off);
  EXPECT_THAT(off.error().message(), HasSubstr("`power`"));
}

TEST_F(BoardMachineTest, APortThatIsGoneForAMomentIsWaitedFor) {
  const std::string tty = virtual_board().Path("tty");
  std::thread comes_back;
  bench_.progress.hook = [&](const std::string& phase, uint32_t) {
    if (phase != "hello" || comes_back.joinable()) return;
    std::filesystem::rename(tty, tty + ".away");
    comes_back = std::thread([&tty] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      std::filesystem::rename(tty + ".away", tty);
    });
  };
  const auto ready = MoveTo(BoardState::kReady);
  comes_back.join();
  EXPECT_TRUE(ready) << ready.error().message();
}

TEST_F(BoardMachineTest, TheFirstFailureSticksUntilItIsCleared) {
  virtual_board().Fault("probe_absent");
  const auto absent = MoveTo(BoardState::kReady);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), static_cast<uint32_t>(Code::kNotFound));
  EXPECT_EQ(machine_.state(), BoardState::kOn);
  virtual_board().Control({{"cmd", "clear"}});
  const size_t phases = Phases().size();
  const auto still = MoveTo(BoardState::kReady);
  ASSERT_FALSE(still);
  EXPECT_EQ(still.error().message(), absent.error().message());
  EXPECT_EQ(Phases().size(), phases) << "nothing was tried";

  machine_.Clear();
  EXPECT_EQ(machine_.state(), BoardState::kUnknown);
  EXPECT_TRUE(MoveTo(BoardState::kMeasuring));
}

}  // namespace
}  // namespace tinyrig::agent
