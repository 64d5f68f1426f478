#pragma once

#include <span>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"

/// What `tinyrig` tells the shell. Part of the interface: scripts and CI depend on the numbers.
namespace tinyrig::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 1,        ///< Wrong command line, file or request.
  kExitVariant = 2,      ///< At least one job failed because of its variant.
  kExitInfeasible = 3,   ///< Nothing failed, but at least one variant does not fit.
  kExitBench = 4,        ///< Bench or service failed, or jobs were cancelled: numbers are missing.
  kExitUnreachable = 5,  ///< No server answers.
  kExitInterrupted = 130,
};

/// How one job ended, as far as exit codes care.
struct JobOutcome {
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  v1::FailureOwner owner = v1::FAILURE_OWNER_UNSPECIFIED;
};

/// The code of a finished campaign. Several kinds at once: variant before bench before infeasible,
/// as a verdict about the model outranks trouble that a repetition may cure.
ExitCode ExitCodeOf(std::span<const JobOutcome> jobs);

/// The code of a command that could not do its work.
ExitCode ExitCodeOf(const Status& status);

/// The lines about exit codes for --help.
extern const char* const kExitCodeHelp;

}  // namespace tinyrig::cli
