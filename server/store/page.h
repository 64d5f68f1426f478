#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/store/sqlite.h"

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

/// A page of a list: `next` is the token of the next one, empty at the end.
template <typename T>
struct PageOf {
  std::vector<T> items;
  std::string next;
};

/// The page that `rows` begins with. They were asked for with a limit of `size` + 1: one row more
/// says that there is a next page. `read` makes an item of a row, `id` says what the token is.
template <typename T, typename Read, typename Id>
Result<PageOf<T>> ReadPage(Statement& rows, uint32_t size, Read read, Id id) {
  PageOf<T> page;
  for (;;) {
    TRY_ASSIGN(const bool row, rows.Step());
    if (!row) return page;
    if (page.items.size() == size) {
      page.next = std::to_string(id(page.items.back()));
      return page;
    }
    page.items.push_back(read(rows));
  }
}

}  // namespace tinyrig::server
