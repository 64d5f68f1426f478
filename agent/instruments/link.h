#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/instruments/async.h"
#include "proto/status/status.h"

namespace tinyrig::agent {

/// A byte stream to and from a board. It may lose, change and delay bytes; it does not know frames.
/// One reader and one writer at a time. Closed by its destructor.
class Link {
 public:
  struct Stats {
    uint64_t bytes_out = 0;
    uint64_t bytes_in = 0;
  };

  virtual ~Link() = default;

  /// At least one byte, as many as are there.
  /// Errors: kDeadlineExceeded: nothing came. kUnavailable: the link is gone (unplugged).
  virtual Awaitable<Result<std::vector<uint8_t>>> Read(Deadline deadline) = 0;

  /// Returns when all bytes were taken over by the system, not when the board has them.
  /// Errors: kDeadlineExceeded: the far side does not take bytes; some may have been sent.
  ///         kUnavailable: the link is gone.
  virtual Awaitable<Status> Write(std::vector<uint8_t> bytes, Deadline deadline) = 0;

  /// To be called when the board has said who it is and waits: from here on bytes may take a faster
  /// way than the one on which it said so. Most links have one way only.
  /// Errors: kFailedPrecondition: the image lacks what the faster way needs. kUnavailable.
  virtual Awaitable<Status> GoFast(Deadline) { co_return OkStatus(); }

  /// Bytes that may be under way without the board's word, because the link itself holds the
  /// sender back; 0: only as many as the board says in HELLO.
  virtual uint32_t window() const { return 0; }

  virtual Stats stats() const = 0;
};

/// What a link may have to know of the image on the board.
struct LinkTarget {
  uint32_t rings_address = 0;  ///< RingControl of proto/device/rings.h; 0: none.
};

/// Where a link can be opened: survives unplugging, unlike the Link.
class LinkPort {
 public:
  virtual ~LinkPort() = default;
  /// Errors: kNotFound: no such port. kUnavailable: somebody else has it open.
  ///         kPermissionDenied. The message says what to try.
  virtual Result<std::unique_ptr<Link>> Open(LinkTarget target) = 0;
  /// What a person at the bench looks for, e.g. "/dev/ttyACM0".
  virtual const std::string& path() const = 0;
};

}  // namespace tinyrig::agent
