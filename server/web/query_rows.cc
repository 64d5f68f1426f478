#include "server/web/query_rows.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

namespace tinyrig::server {
namespace {

using Json = nlohmann::json;

std::string Base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

Json ValueJson(const v1::QueryValue& value) {
  switch (value.kind_case()) {
    case v1::QueryValue::kInteger:
      return value.integer();
    case v1::QueryValue::kReal:
      return value.real();
    case v1::QueryValue::kText:
      return value.text();
    case v1::QueryValue::kBlob:
      return Base64(value.blob());
    default:
      return nullptr;
  }
}

}  // namespace

std::string RowJson(const v1::QueryRow& row) {
  Json values = Json::array();
  for (const v1::QueryValue& value : row.values()) values.push_back(ValueJson(value));
  return values.dump();
}

std::string ColumnsJson(const v1::QueryRow& row) {
  Json names = Json::array();
  for (const std::string& name : row.columns()) names.push_back(name);
  return names.dump();
}

}  // namespace tinyrig::server
