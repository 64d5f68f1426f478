#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "agent/instruments/probe.h"
#include "agent/session/failure.h"
#include "proto/device/device.pb.h"
#include "proto/tinyrig/v1/agent.pb.h"

/// High-water marks and canaries of painted memory (proto/device/paint.h), read through the probe:
/// no word of the firmware is taken for them but where its arena and stack lie.
namespace tinyrig::agent {

/// A painted region as it was read. `address` is a multiple of 4.
struct Region {
  uint32_t address = 0;
  std::span<const uint8_t> bytes;
};

/// Bytes from the low end up to the last that is not paint, that one included.
uint32_t UsedFromBelow(Region region, uint64_t nonce);

/// Bytes from the first word that is not paint to the high end (a stack, whose pointer moves by
/// words: that all four bytes of a word that was written are paint happens once in 2^32).
uint32_t UsedFromAbove(Region region, uint64_t nonce);

/// From the first byte that is not paint to the last; none when all are.
struct Touched {
  uint32_t first_address = 0;
  uint32_t last_address = 0;
};
std::optional<Touched> FindTouched(Region region, uint64_t nonce);

/// What a session said of its memory.
struct PaintedSession {
  device::pb::Started started;
  uint64_t nonce = 0;
};

/// Looks at the paint right after a session started, at a sample: both ends of the arena, the
/// canaries, the lower half of the stack. A board whose memory is not as it says is the bench's
/// failure.
Awaitable<StepResult<Done>> CheckPaint(Probe& probe, PaintedSession session, Deadline deadline);

/// The marks after a run. The arena is read from its end down, as far as the mark. A touched canary
/// is the variant's failure and says where and how far. Otherwise the failures are the bench's.
Awaitable<StepResult<v1::MemoryMarks>> ReadMarks(Probe& probe, PaintedSession session,
                                                 Deadline deadline);

}  // namespace tinyrig::agent
