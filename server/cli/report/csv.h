#pragma once

#include <string>
#include <vector>

#include "server/cli/report/records.h"

namespace tinyrig::cli {

/// One row per job by RFC 4180 (CRLF, quotes where needed), a head row, columns: identity, state,
/// every metric in use (plain numbers in the metric's unit, empty when absent), failure,
/// provenance.
std::string CsvReport(const std::vector<JobRecord>& jobs);

/// A row of cells.
std::string CsvRow(const std::vector<std::string>& cells);

/// A number that reads back to the same double; whole numbers without exponent or point.
std::string PlainNumber(double value);

}  // namespace tinyrig::cli
