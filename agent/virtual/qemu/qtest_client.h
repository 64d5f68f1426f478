#pragma once

#include <cstdint>
#include <span>

#include "agent/virtual/qemu/stream.h"

namespace tinyrig::agent::vboard {

/// Memory of the guest through QEMU's qtest socket, which works next to TCG and while the CPU
/// runs. Unassigned addresses read as zero: the caller needs its own memory map.
class QtestClient {
 public:
  QtestClient() = default;
  explicit QtestClient(Stream stream) : stream_(std::move(stream)) {}

  /// One access of `width` 1, 2 or 4 bytes.
  Result<uint32_t> Read(uint32_t address, uint32_t width);
  Status Write(uint32_t address, uint32_t width, uint32_t value);

  /// A block of plain memory, any length, one round trip.
  Status ReadBlock(uint32_t address, std::span<uint8_t> bytes);
  Status WriteBlock(uint32_t address, std::span<const uint8_t> bytes);

 private:
  /// Sends a command and returns what follows "OK".
  Result<std::string> Command(std::string_view line);

  Stream stream_;
};

}  // namespace tinyrig::agent::vboard
