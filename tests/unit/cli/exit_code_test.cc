#include "server/cli/exit_code.h"

#include <gtest/gtest.h>

#include <vector>

namespace tinyrig::cli {
namespace {

const JobOutcome kOk{v1::JOB_STATE_SUCCEEDED, v1::FAILURE_OWNER_UNSPECIFIED};
const JobOutcome kVariant{v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_VARIANT};
const JobOutcome kInfeasible{v1::JOB_STATE_INFEASIBLE, v1::FAILURE_OWNER_INFEASIBLE};
const JobOutcome kBench{v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_BENCH};
const JobOutcome kService{v1::JOB_STATE_FAILED, v1::FAILURE_OWNER_SERVICE};
const JobOutcome kCancelled{v1::JOB_STATE_CANCELLED, v1::FAILURE_OWNER_UNSPECIFIED};
const JobOutcome kQueued{v1::JOB_STATE_QUEUED, v1::FAILURE_OWNER_UNSPECIFIED};

TEST(ExitCode, OfCampaigns) {
  const std::pair<std::vector<JobOutcome>, int> kCases[] = {
      {{}, 0},
      {{kOk, kOk}, 0},
      {{kOk, kInfeasible}, 3},
      {{kOk, kBench}, 4},
      {{kOk, kService}, 4},
      {{kOk, kCancelled}, 4},
      {{kOk, kQueued}, 4},
      {{kOk, kVariant}, 2},
      // A verdict about the model outranks trouble that a repetition may cure.
      {{kBench, kVariant, kInfeasible}, 2},
      {{kInfeasible, kBench}, 4},
  };
  for (const auto& [jobs, code] : kCases) EXPECT_EQ(ExitCodeOf(jobs), code);
}

TEST(ExitCode, OfErrors) {
  EXPECT_EQ(ExitCodeOf(OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(Status(Code::kInvalidArgument, "x")), 1);
  EXPECT_EQ(ExitCodeOf(Status(Code::kNotFound, "x")), 1);
  EXPECT_EQ(ExitCodeOf(Status(Code::kUnimplemented, "x")), 1);
  EXPECT_EQ(ExitCodeOf(Status(Code::kInternal, "x")), 4);
  EXPECT_EQ(ExitCodeOf(Status(Code::kDeadlineExceeded, "x")), 4);
  EXPECT_EQ(ExitCodeOf(Status(Code::kUnavailable, "x")), 5);
  EXPECT_EQ(ExitCodeOf(Status(Code::kCancelled, "x")), 130);
}

TEST(ExitCode, HelpNamesEach) {
  const std::string help = kExitCodeHelp;
  for (const char* code : {"  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  130  "}) {
    EXPECT_NE(help.find(code), std::string::npos) << code;
  }
}

}  // namespace
}  // namespace tinyrig::cli
