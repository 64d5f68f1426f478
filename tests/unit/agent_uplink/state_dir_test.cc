#include "agent/uplink/state_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent_uplink/temp_dir.h"

namespace tinyrig::agent {
namespace {

TEST(StateDir, TheSecondHolderIsRefusedUntilTheFirstIsGone) {
  TempDir temp;
  const auto dir = temp.path() / "a" / "state";
  {
    const Result<StateDir> first = StateDir::Open(dir);
    ASSERT_TRUE(first.ok()) << first.status().message();
    const Result<StateDir> second = StateDir::Open(dir);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.status().code(), Code::kFailedPrecondition);
    EXPECT_THAT(second.status().message(),
                testing::HasSubstr("another agent uses " + dir.string()));
  }
  EXPECT_TRUE(StateDir::Open(dir).ok());
}

TEST(StateDir, AFolderThatCannotBeMadeIsAnError) {
  const Result<StateDir> state = StateDir::Open("/proc/no/such");
  ASSERT_FALSE(state.ok());
  EXPECT_EQ(state.status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tinyrig::agent
