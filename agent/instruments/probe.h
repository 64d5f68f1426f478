#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/instruments/async.h"
#include "agent/instruments/live_memory.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// Factory unique id of an MCU, in memory order.
using McuUid = std::array<uint8_t, 12>;

/// Lower-case hex, memory order.
std::string UidHex(const McuUid& uid);

/// Who is at the far end of the probe.
struct ProbeIdentity {
  uint32_t dpidr = 0;  ///< Identity register of the debug port.
  McuUid uid{};
  std::string tool;  ///< "openocd 0.12.0"
};

/// Bytes of a file that go to an address.
struct FlashSegment {
  uint32_t address = 0;
  std::filesystem::path file;
};

/// A part of a board's program memory that is erased at once.
struct FlashSector {
  uint32_t address = 0;
  uint32_t size = 0;  ///< Bytes.
  bool operator==(const FlashSector&) const = default;
};

/// Where images go. Neither sectors nor blocks: the probe writes whole images only.
struct ProgramMemory {
  std::vector<FlashSector> sectors;  ///< Of flash, by address. Empty: RAM that stands for flash.
  uint32_t block_bytes = 0;          ///< Of such RAM: the pieces that are worth being told apart.
};

/// What a board is that is about to be written.
struct FlashTarget {
  ProbeIdentity identity;
  ProgramMemory memory;
};

struct FlashRequest {
  std::vector<FlashSegment> segments;  ///< The whole image. All of it is verified.
  /// Sectors or blocks to be erased and written, by address; unset: all that the image touches.
  std::optional<std::vector<FlashSector>> only;
  uint32_t mailbox_address = 0;  ///< A word in RAM that survives reset.
  uint32_t mailbox_word = 0;
  /// RingControl of the image, or 0. Its first word is cleared before the image starts, so that the
  /// rings of an earlier start are not taken for its own.
  uint32_t rings_address = 0;
};

/// A part of a flash, and how long it took.
struct FlashPhase {
  std::string name;  ///< "flash.write", "flash.verify", "flash.start".
  Clock::duration duration{};
};

struct FlashReport {
  ProbeIdentity identity;
  uint64_t bytes_written = 0;
  std::vector<FlashPhase> phases;  ///< In order; as far as the driver knows them.
};

struct MemoryRange {
  uint32_t address = 0;
  uint32_t size = 0;  ///< Bytes.
};

/// A debug adapter with a board behind it. Calls do not overlap.
/// Every failure is the bench's: its message says what was seen and what to try.
/// Errors of all: kNotFound: no adapter. kUnavailable: no target behind it, contact lost.
///                kFailedPrecondition: not the target that the bench file describes.
///                kDataLoss: what was written does not read back. kDeadlineExceeded.
class Probe {
 public:
  virtual ~Probe() = default;

  /// Reads the identity without stopping the core.
  virtual Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) = 0;

  /// Resets and halts, and says who is there. Flash() is to follow; nothing is changed yet.
  virtual Awaitable<Result<FlashTarget>> PrepareFlash(Deadline deadline);

  /// Resets and halts unless PrepareFlash() just did, writes, reads all segments back and compares,
  /// writes the mailbox word, resets and runs. The identity is read in the same connection.
  virtual Awaitable<Result<FlashReport>> Flash(FlashRequest request, Deadline deadline) = 0;

  /// Halts, reads, resumes. One entry for every range, of its size.
  virtual Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(
      std::vector<MemoryRange> ranges, Deadline deadline) = 0;

  /// Resets and runs what is there.
  virtual Awaitable<Status> Reset(Deadline deadline) = 0;

  /// The board's memory while it runs, over the connection that the last Flash() left. Belongs to
  /// the probe. Null: this probe cannot.
  virtual LiveMemory* live_memory() { return nullptr; }

  /// Lets other programs have the adapter. The next call takes it again. No call may be running.
  virtual void Release() {}
};

}  // namespace tinyrig::agent
