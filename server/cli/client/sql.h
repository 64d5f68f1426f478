#pragma once

#include <string>
#include <vector>

#include "proto/tinyrig/v1/results.pb.h"
#include "server/cli/client/client.h"

namespace tinyrig::cli {

struct SqlAnswer {
  std::vector<std::string> columns;
  std::vector<v1::QueryRow> rows;
  bool truncated = false;
};

/// One SELECT over the documented views. `max_rows` 0: the server's limit.
Result<SqlAnswer> AskSql(const Client& client, const std::string& sql, uint32_t max_rows = 0);

}  // namespace tinyrig::cli
