#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "proto/status/status.h"
#include "proto/vectors/npy.h"

namespace tinyrig::vectors {

/// What a hostile archive may cost at most.
struct NpzLimits {
  uint64_t entries = 64;
  uint64_t entry_bytes = 256u << 20;  ///< Of one array, unpacked.
  uint64_t total_bytes = 512u << 20;  ///< Of all arrays that are wanted, unpacked.
};

/// Arrays of a .npz by name, without the ".npy" of the archive's entry.
using ArrayMap = std::map<std::string, Array, std::less<>>;

/// Unpacks the arrays for which `wanted` says true (all when it is empty); the others are not
/// unpacked. `file` is only used in messages. Checksums of the archive are verified.
/// Errors:  kInvalidArgument: not a ZIP, damaged, encrypted, a name twice, a bad array.
///          kResourceExhausted: a limit was passed; nothing beyond it was unpacked.
Result<ArrayMap> ReadNpz(std::span<const uint8_t> bytes, std::string_view file,
                         std::function<bool(std::string_view name)> wanted = {},
                         const NpzLimits& limits = {});

}  // namespace tinyrig::vectors
