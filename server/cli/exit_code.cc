#include "server/cli/exit_code.h"

#include <algorithm>

namespace tinyrig::cli {

const char* const kExitCodeHelp =
    "Exit codes:\n"
    "    0  all jobs succeeded\n"
    "    1  wrong command line, file or request\n"
    "    2  a job failed because of its variant (crash, wrong output)\n"
    "    3  nothing failed, but a variant does not fit its board\n"
    "    4  bench or service failed, or jobs were cancelled: numbers are missing\n"
    "    5  no server answers\n"
    "  130  interrupted\n";

ExitCode ExitCodeOf(std::span<const JobOutcome> jobs) {
  const auto any = [&](auto&& match) { return std::ranges::any_of(jobs, match); };
  if (any([](const JobOutcome& j) {
        return j.state == v1::JOB_STATE_FAILED && j.owner == v1::FAILURE_OWNER_VARIANT;
      })) {
    return kExitVariant;
  }
  if (any([](const JobOutcome& j) {
        return j.state != v1::JOB_STATE_SUCCEEDED && j.state != v1::JOB_STATE_INFEASIBLE;
      })) {
    return kExitBench;
  }
  if (any([](const JobOutcome& j) { return j.state == v1::JOB_STATE_INFEASIBLE; })) {
    return kExitInfeasible;
  }
  return kExitOk;
}

ExitCode ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return kExitOk;
    case Code::kUnavailable:
      return kExitUnreachable;
    case Code::kCancelled:
      return kExitInterrupted;
    case Code::kUnknown:
    case Code::kInternal:
    case Code::kDeadlineExceeded:
    case Code::kDataLoss:
    case Code::kAborted:
      return kExitBench;
    default:
      return kExitUsage;
  }
}

}  // namespace tinyrig::cli
