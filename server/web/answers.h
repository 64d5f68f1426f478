#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "proto/status/status.h"

/// What the gateway writes: heads, errors, documents.
namespace tinyrig::server {

/// Of a whole answer; `extra` are further lines, each with "\r\n".
std::string WholeAnswer(int status, std::string_view type, std::string_view body, bool keep_alive,
                        std::string_view extra = "");
/// Of an answer whose length is not known. Not chunked: it ends with the connection (HTTP/1.0).
std::string StreamHead(std::string_view type, bool chunked);
std::string Chunk(std::string_view bytes, bool chunked);
std::string LastChunk(bool chunked);

int HttpStatusOf(Code code);
/// {"code": "NOT_FOUND", "message": "..."}
std::string ErrorJson(const Status& status);

/// Field names as in the .proto files; 64-bit numbers are strings, as protobuf's JSON has them;
/// absent numbers are 0, absent texts "".
std::string ToJson(const google::protobuf::Message& message);
/// The number in a field, as text; "0" when it has none.
std::string NumberIn(const google::protobuf::Message& message, std::string_view field);

}  // namespace tinyrig::server
