#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "server/model/expression.h"
#include "server/model/ids.h"

/// Times when boards rest. Pure.
namespace tinyrig::server {

struct Window {
  uint64_t id = 0;
  Expression boards;  ///< Which (server/model/board_expression.h).
  TimeUs start_us = 0;
  TimeUs duration_us = 0;
  TimeUs every_us = 0;  ///< 0: once.
  std::string reason;
  std::string user;
};

inline constexpr TimeUs kNoWindow = std::numeric_limits<TimeUs>::max();

/// How long from `now` until the window next covers a moment: 0 while it does, kNoWindow when it
/// never will again.
TimeUs TimeUntil(const Window& window, TimeUs now);

}  // namespace tinyrig::server
