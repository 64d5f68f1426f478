#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/results.pb.h"

namespace tinyrig::server {

struct UserQueryLimits {
  uint32_t max_rows = 10'000;
  uint64_t max_bytes = uint64_t{32} << 20;  ///< Of all values together.
  std::chrono::milliseconds max_time{5000};
};

struct UserQueryResult {
  std::vector<std::string> columns;
  std::vector<v1::QueryRow> rows;
  bool truncated = false;  ///< Rows were cut at a limit.
};

/// Runs one SELECT of a user on a connection of its own: read-only, only the documented views
/// (README.md of this folder) and functions that touch neither files nor settings, with limits on
/// rows, bytes and time. Blocks: for the pool, never for the io thread. Errors: kInvalidArgument
/// for what is no single SELECT or not valid (SQLite's own words included), kPermissionDenied for
/// tables behind the views, kDeadlineExceeded when the time is over.
Result<UserQueryResult> RunUserQuery(const std::filesystem::path& file, const std::string& sql,
                                     const UserQueryLimits& limits);

}  // namespace tinyrig::server
