#pragma once

#include <vector>

#include "agent/instruments/probe.h"
#include "agent/state/flash_record.h"
#include "proto/tinyrig/v1/jobs.pb.h"

namespace tinyrig::agent {

struct Written {
  std::vector<FlashPhase> phases;
  v1::FlashStats stats;
};

/// Writes the sectors in which the image differs from what the record says, verifies the whole
/// image, and starts it. When it does not verify although sectors were left alone, the record was
/// wrong: it is voided and everything is written once more. `target` is what PrepareFlash() said.
/// Errors: as Probe::Flash() and PlanSectors(); the record then claims nothing of what was begun.
Awaitable<Result<Written>> WriteImage(Probe& probe, FlashRecord& record, FlashTarget target,
                                      FlashRequest request, Deadline deadline);

}  // namespace tinyrig::agent
