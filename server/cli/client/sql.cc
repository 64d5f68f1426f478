#include "server/cli/client/sql.h"

#include "proto/tinyrig/v1/results.grpc.pb.h"

namespace tinyrig::cli {
namespace {

constexpr std::chrono::seconds kSqlTimeout{60};

}  // namespace

Result<SqlAnswer> AskSql(const Client& client, const std::string& sql, uint32_t max_rows) {
  v1::QueryRequest request;
  request.set_sql(sql);
  request.set_max_rows(max_rows);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kSqlTimeout);
  v1::ResultService::Stub stub(client.channel());
  const auto reader = stub.Query(&context, request);
  SqlAnswer answer;
  for (v1::QueryRow row; reader->Read(&row);) {
    if (!row.columns().empty()) answer.columns.assign(row.columns().begin(), row.columns().end());
    answer.truncated |= row.truncated();
    if (!row.values().empty()) answer.rows.push_back(row);
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return FromGrpc(status, "query");
  return answer;
}

}  // namespace tinyrig::cli
