#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "proto/tinyrig/v1/types.pb.h"
#include "server/store/sqlite.h"

namespace tinyrig::server {

inline constexpr uint32_t kDefaultPageSize = 100;
inline constexpr uint32_t kMaxPageSize = 1000;

inline Status BadPageToken(const std::string& token) {
  // A status travels in a header, which holds some kilobytes.
  const bool is_long = token.size() > 40;
  return {Code::kInvalidArgument,
          fmt::format("page token '{}'{} is not from an earlier answer; start without one",
                      token.substr(0, 40), is_long ? "..." : "")};
}

inline uint32_t PageSize(const v1::Page& page) {
  return page.size() == 0 ? kDefaultPageSize : std::min(page.size(), kMaxPageSize);
}

/// Tokens are the id of the last row of the page before; `first` when there was none.
inline Result<uint64_t> PageStart(const v1::Page& page, uint64_t first) {
  if (page.token().empty()) return first;
  uint64_t id = 0;
  const char* end = page.token().data() + page.token().size();
  const auto parsed = std::from_chars(page.token().data(), end, id);
  if (parsed.ec != std::errc() || parsed.ptr != end) return BadPageToken(page.token());
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

/// A page of what is in memory by name, and never forgotten there: the token is the last name of
/// the page before. `make` makes an item of an entry; nothing: it is not of this list.
template <typename T, typename Key, typename Value, typename Make>
Result<PageOf<T>> TakePage(const std::map<Key, Value>& entries, const v1::Page& request,
                           Make make) {
  auto entry = entries.begin();
  if (!request.token().empty()) {
    entry = entries.find(Key(request.token()));
    if (entry == entries.end()) return BadPageToken(request.token());
    ++entry;
  }
  PageOf<T> page;
  std::string last;
  for (; entry != entries.end(); ++entry) {
    std::optional<T> item = make(entry->second);
    if (!item) continue;
    if (page.items.size() == PageSize(request)) {
      page.next = last;
      return page;
    }
    page.items.push_back(std::move(*item));
    last = entry->first.value;
  }
  return page;
}

}  // namespace tinyrig::server
