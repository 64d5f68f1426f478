#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"

namespace tinyrig::server {

inline constexpr uint32_t kDefaultPageSize = 100;
inline constexpr uint32_t kMaxPageSize = 1000;

inline uint32_t PageSize(const v1::Page& page) {
  return page.size() == 0 ? kDefaultPageSize : std::min(page.size(), kMaxPageSize);
}

/// Tokens are the id of the last row of the page before; `first` when there was none.
inline Result<uint64_t> PageStart(const v1::Page& page, uint64_t first) {
  if (page.token().empty()) return first;
  uint64_t id = 0;
  const char* end = page.token().data() + page.token().size();
  const auto parsed = std::from_chars(page.token().data(), end, id);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Status(Code::kInvalidArgument,
                  fmt::format("page token '{}' is not from an earlier answer; start without one",
                              page.token()));
  }
  return id;
}

}  // namespace tinyrig::server
