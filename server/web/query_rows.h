#pragma once

#include <string>

#include "proto/tinyrig/v1/results.pb.h"

namespace tinyrig::server {

/// A row as a JSON array: numbers as numbers, NULL as null, bytes as base64.
std::string RowJson(const v1::QueryRow& row);
/// The column names as a JSON array.
std::string ColumnsJson(const v1::QueryRow& row);

}  // namespace tinyrig::server
