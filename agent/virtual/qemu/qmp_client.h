#pragma once

#include "agent/virtual/qemu/stream.h"

namespace tinyrig::agent::vboard {

/// QEMU's machine protocol: resets, and the news of them.
class QmpClient {
 public:
  QmpClient() = default;
  explicit QmpClient(Stream stream) : stream_(std::move(stream)) {}

  /// Greeting and capability negotiation.
  Status Handshake();
  /// Resets the machine and waits until it happened. The CPU must be stopped, and stays so.
  Status SystemReset();
  /// Reads what QEMU had to tell by itself; true when the guest reset itself.
  Result<bool> DrainEvents();

 private:
  Stream stream_;
};

}  // namespace tinyrig::agent::vboard
