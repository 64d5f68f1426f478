#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/status/status.h"

/// Whole files in and out, with messages that people can act on.
namespace tinyrig::cli {

/// OK when `path` is a regular file that can be opened. Errors: kNotFound, kPermissionDenied or
/// kInvalidArgument (a folder, a device), each naming `what` and the path.
Status CheckReadable(const std::string& path, std::string_view what);

inline constexpr uint64_t kMaxModelBytes = 256 << 20;  ///< Of a model file.

/// The file's bytes. Errors: those of CheckReadable(); kResourceExhausted beyond `max_bytes`.
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

/// Writes through a temporary file beside it and a rename: readers see the old or the new file,
/// whole. Creates no folders. Errors: kPermissionDenied, kNotFound, kUnavailable with the system's
/// reason.
Status WriteFile(const std::string& path, std::string_view text);

}  // namespace tinyrig::cli
