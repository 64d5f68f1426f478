#pragma once

#include <memory>
#include <string>

#include "agent/instruments/link.h"
#include "agent/instruments/live_memory.h"

namespace tinyrig::agent::probe_memory {

/// Which directions go through the rings; seen from the host.
struct Directions {
  bool out = false;
  bool in = false;
};

/// A link through two rings in the board's RAM (proto/device/rings.h), or through one of them and
/// a cable. With a cable the board says who it is over that, both ways, so that the cable is proved
/// too; the rings take over at Link::GoFast(). Without one they are used from the start.
class ProbeMemoryPort : public LinkPort {
 public:
  /// `cable` may be null when both directions are rings. `memory` must outlive all links.
  ProbeMemoryPort(std::unique_ptr<LinkPort> cable, LiveMemory& memory, Directions rings,
                  std::string path)
      : cable_(std::move(cable)), memory_(memory), rings_(rings), path_(std::move(path)) {}

  /// Also kFailedPrecondition: there is no cable, and the image has no rings or is not flashed.
  Result<std::unique_ptr<Link>> Open(LinkTarget target) override;
  const std::string& path() const override { return path_; }

 private:
  std::unique_ptr<LinkPort> cable_;
  LiveMemory& memory_;
  Directions rings_;
  std::string path_;
};

}  // namespace tinyrig::agent::probe_memory
