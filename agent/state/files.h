#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::agent {

/// "`what` PATH: reason of errno", as kUnavailable (kResourceExhausted for a full disk).
Status IoError(std::string_view what, const std::filesystem::path& path);

/// Replaces `path` so that after a crash at any moment either the old or the new file is there,
/// whole: temporary file beside it (`path`.tmp), fsync, rename, fsync of the folder.
Status WriteFileDurably(const std::filesystem::path& path, std::string_view bytes);

/// Errors: kNotFound, kUnavailable, kResourceExhausted: larger than `max_bytes`.
Result<std::string> ReadWholeFile(const std::filesystem::path& path, size_t max_bytes);

/// Creates the folder and its parents, for this user only. Errors: kUnavailable.
Status MakeFolder(const std::filesystem::path& path);

}  // namespace tinyrig::agent
