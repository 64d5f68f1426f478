#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "proto/status/status.h"

namespace tinyrig::server {

/// What errno says of `path`. kResourceExhausted: the disk is full.
Status IoError(std::string_view what, const std::filesystem::path& path);
Status WriteAll(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path);
/// Fewer bytes at the end of the file only.
Result<size_t> ReadAt(int fd, std::span<std::byte> out, uint64_t offset,
                      const std::filesystem::path& path);
/// A rename is durable only when its folder is flushed too.
Status SyncFolder(const std::filesystem::path& dir);

}  // namespace tinyrig::server
