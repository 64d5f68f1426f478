#include "server/web/answers.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <boost/beast/http/status.hpp>
#include <nlohmann/json.hpp>

#include "proto/text/utf8.h"

namespace tinyrig::server {
namespace {

// By number of the code.
constexpr std::array<int, 17> kHttpStatus = {200, 503, 500, 400, 504, 404, 409, 403, 429,
                                             400, 409, 400, 501, 500, 503, 500, 401};

std::string StatusLine(int status) {
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return fmt::format("HTTP/1.1 {} {}\r\n", status, std::string(reason));
}

// Nobody keeps or guesses; a page elsewhere that embeds an answer gets nothing out of it.
constexpr std::string_view kAlways =
    "Server: tinyrigd\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

}  // namespace

std::string WholeAnswer(int status, std::string_view type, std::string_view body, bool keep_alive,
                        std::string_view extra) {
  return fmt::format("{}{}Content-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n{}\r\n{}",
                     StatusLine(status), kAlways, type, body.size(),
                     keep_alive ? "keep-alive" : "close", extra, body);
}

std::string StreamHead(std::string_view type, bool chunked) {
  return fmt::format("{}{}Content-Type: {}\r\n{}\r\n", StatusLine(200), kAlways, type,
                     chunked ? "Transfer-Encoding: chunked\r\n" : "Connection: close\r\n");
}

std::string Chunk(std::string_view bytes, bool chunked) {
  // An empty chunk would be the last one.
  if (!chunked || bytes.empty()) return std::string(bytes);
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string LastChunk(bool chunked) { return chunked ? "0\r\n\r\n" : ""; }

int HttpStatusOf(Code code) {
  const auto number = static_cast<size_t>(code);
  return number < kHttpStatus.size() ? kHttpStatus[number] : 500;
}

std::string ErrorJson(const Status& status) {
  const nlohmann::json json = {{"code", CodeName(status.code())},
                               {"message", ToUtf8(status.message())}};
  return json.dump() + "\n";
}

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "{}";
  return json;
}

std::string NumberIn(const google::protobuf::Message& message, std::string_view field) {
  const auto* found = message.GetDescriptor()->FindFieldByName(std::string(field));
  if (found == nullptr || found->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_UINT64) {
    return "0";
  }
  return std::to_string(message.GetReflection()->GetUInt64(message, found));
}

}  // namespace tinyrig::server
