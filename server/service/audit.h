#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace tinyrig::server {

/// A request as one line of JSON for the audit log: no bytes, and at most `max_bytes` long; what
/// was cut ends with "...".
std::string RequestForAudit(const google::protobuf::Message& request, size_t max_bytes = 2048);

}  // namespace tinyrig::server
