#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "server/cli/client/sql.h"
#include "server/cli/commands/command.h"
#include "server/cli/exit_code.h"
#include "server/cli/report/csv.h"
#include "server/cli/report/json.h"
#include "server/cli/service/session.h"
#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

struct QueryOptions {
  std::string sql;
  uint32_t max_rows = 0;
  bool csv = false;
};

std::string Hex(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

std::string ValueText(const v1::QueryValue& value) {
  switch (value.kind_case()) {
    case v1::QueryValue::kInteger:
      return std::to_string(value.integer());
    case v1::QueryValue::kReal:
      return PlainNumber(value.real());
    case v1::QueryValue::kText:
      return value.text();
    case v1::QueryValue::kBlob:
      return Hex(value.blob());
    case v1::QueryValue::KIND_NOT_SET:
      break;
  }
  return "";
}

Json ValueJson(const v1::QueryValue& value) {
  switch (value.kind_case()) {
    case v1::QueryValue::kInteger:
      return value.integer();
    case v1::QueryValue::kReal:
      return NumberJson(value.real());
    case v1::QueryValue::KIND_NOT_SET:
      return nullptr;
    default:
      return ValueText(value);
  }
}

/// Rows as objects. A column name that comes twice gets a number, so that no value is lost.
void PrintJson(const SqlAnswer& answer) {
  std::vector<std::string> keys;
  for (const std::string& column : answer.columns) {
    std::string key = column;
    for (int n = 2; std::ranges::find(keys, key) != keys.end(); ++n)
      key = fmt::format("{}_{}", column, n);
    keys.push_back(key);
  }
  Json rows = Json::array();
  for (const v1::QueryRow& row : answer.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < keys.size() && static_cast<int>(i) < row.values_size(); ++i) {
      object[keys[i]] = ValueJson(row.values(static_cast<int>(i)));
    }
    rows.push_back(std::move(object));
  }
  fmt::print("{}", Dump({{"columns", keys}, {"rows", rows}, {"truncated", answer.truncated}}));
}

std::vector<std::string> Cells(const v1::QueryRow& row) {
  std::vector<std::string> cells;
  for (const v1::QueryValue& value : row.values()) cells.push_back(ValueText(value));
  return cells;
}

void PrintTable(const SqlAnswer& answer) {
  std::vector<Column> columns;
  for (size_t i = 0; i < answer.columns.size(); ++i) {
    const bool number = !answer.rows.empty() &&
                        static_cast<int>(i) < answer.rows[0].values_size() &&
                        (answer.rows[0].values(static_cast<int>(i)).has_integer() ||
                         answer.rows[0].values(static_cast<int>(i)).has_real());
    columns.push_back({Printable(answer.columns[i]), number ? Align::kRight : Align::kLeft});
  }
  Table table(std::move(columns));
  for (const v1::QueryRow& row : answer.rows) table.AddRow(Cells(row));
  fmt::print("{}", table.Render());
}

}  // namespace

Runner DefineQuery(CLI::App& app) {
  auto options = std::make_shared<QueryOptions>();
  app.add_option("SQL", options->sql, "One SELECT against the documented views")->required();
  app.add_option("--max-rows", options->max_rows,
                 "Stop after this many rows (default: the server's limit)")
      ->type_name("N");
  app.add_flag("--csv", options->csv, "Print CSV (RFC 4180)");
  return [options](const Common& common) -> Result<int> {
    if (options->csv && common.json) {
      return Status(Code::kInvalidArgument, "--csv and --json exclude each other; give one");
    }
    TRY_ASSIGN(const Session session, Session::Open(common.server, common.state, {}));
    TRY_ASSIGN(const SqlAnswer answer, AskSql(session.client(), options->sql, options->max_rows));
    if (common.json) {
      PrintJson(answer);
      return kExitOk;
    }
    if (options->csv) {
      fmt::print("{}", CsvRow(answer.columns));
      for (const v1::QueryRow& row : answer.rows) fmt::print("{}", CsvRow(Cells(row)));
    } else {
      PrintTable(answer);
    }
    if (answer.truncated) fmt::print(stderr, "tinyrig: rows were cut; add LIMIT or --max-rows\n");
    return kExitOk;
  };
}

}  // namespace tinyrig::cli
