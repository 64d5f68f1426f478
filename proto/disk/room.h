#pragma once

#include <cstdint>
#include <filesystem>

#include "proto/status/status.h"

namespace tinyrig {

/// What server and agent leave free: with less they begin no job, and what runs can still be kept.
inline constexpr uint64_t kReservedDiskBytes = 16u << 20;

/// OK when at least `needed_bytes` may be written below `folder`. Asks the file system, writes
/// nothing. Errors: kResourceExhausted with what is left, kUnavailable: it is mounted read-only or
/// is not there.
Status CheckRoom(const std::filesystem::path& folder, uint64_t needed_bytes = kReservedDiskBytes);

}  // namespace tinyrig
