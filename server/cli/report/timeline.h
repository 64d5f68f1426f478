#pragma once

#include <cstdint>
#include <string>

#include "proto/tinyrig/v1/jobs.pb.h"

/// Where the time of an attempt went. Pure.
namespace tinyrig::cli {

/// Microseconds of an ended attempt that belong to the agent: all but what the phases `flash`,
/// `stream` and `observe` took (`flash.*` are parts of `flash`). Programming, and running and
/// feeding the model, would take their time under any agent; fetching, powering, connecting,
/// waiting for HELLO, reading marks and everything between phases is overhead. 0 while it runs.
int64_t AgentOverheadUs(const v1::Attempt& attempt);

/// Phases as an aligned table: start within the attempt, duration, share of the attempt; time
/// between phases as a row of its own. With `bars` a proportional bar per phase; at most 80
/// columns. Empty without phases.
std::string TimelineText(const v1::Attempt& attempt, bool bars);

/// "agent overhead beyond flash and device time: 212.3 ms (7 % of 2.9 s)"; empty when not known.
std::string OverheadText(const v1::Attempt& attempt);

}  // namespace tinyrig::cli
