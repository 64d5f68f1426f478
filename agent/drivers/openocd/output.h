#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/instruments/probe.h"
#include "agent/process/child.h"
#include "proto/status/status.h"

/// What OpenOCD says, made sense of. Its exit status never tells which failure it was, and is 0 for
/// some; the text decides. Pure.
namespace tinyrig::agent::openocd {

/// OK only when the run, of a process or of a script in one that stays, reached its end. Else the
/// cause, from the table of known texts, with what to try; the last lines of the output are in the
/// message when the text is unknown.
Status Classify(const ChildResult& run);

/// DPIDR, unique id and version. Errors: kUnavailable: the output has no unique id.
Result<ProbeIdentity> ParseIdentity(std::string_view output);

/// Errors: kFailedPrecondition: the core was not halted when the script looked.
Status CheckHalted(std::string_view output);

/// What came before the first write and after the mailbox write.
/// Errors: as CheckHalted(); kDataLoss: the mailbox word did not read back.
Status CheckFlashRun(std::string_view output, uint32_t mailbox_word);

/// All numbers that are written with 0x.
std::vector<uint32_t> HexWords(std::string_view text);

/// The kTimeMarker lines: each phase lasts until the next mark.
std::vector<FlashPhase> ParseTimes(std::string_view output);

}  // namespace tinyrig::agent::openocd
