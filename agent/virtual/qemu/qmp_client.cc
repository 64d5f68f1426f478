#include "agent/virtual/qemu/qmp_client.h"

#include <nlohmann/json.hpp>

namespace tinyrig::agent::vboard {
namespace {

using Json = nlohmann::json;

bool IsReset(const Json& message) { return message.value("event", "") == "RESET"; }

Result<Json> Parse(const std::string& line) {
  Json message = Json::parse(line, nullptr, false);
  if (message.is_object()) return message;
  return {Code::kInternal, "QEMU's qmp sent no JSON: " + line.substr(0, 80)};
}

}  // namespace

Status QmpClient::Handshake() {
  TRY(stream_.ReadLine());
  TRY(stream_.Write("{\"execute\":\"qmp_capabilities\"}\n"));
  return stream_.ReadLine().status();
}

Status QmpClient::SystemReset() {
  TRY(DrainEvents());
  TRY(stream_.Write("{\"execute\":\"system_reset\"}\n"));
  for (bool answered = false, happened = false; !(answered && happened);) {
    TRY_ASSIGN(const std::string line, stream_.ReadLine());
    TRY_ASSIGN(const Json message, Parse(line));
    if (message.contains("error")) return {Code::kInternal, "QEMU refused a reset: " + line};
    answered |= message.contains("return");
    happened |= IsReset(message);
  }
  return OkStatus();
}

Result<bool> QmpClient::DrainEvents() {
  bool guest_reset = false;
  while (stream_.Readable()) {
    TRY_ASSIGN(const std::string line, stream_.ReadLine());
    TRY_ASSIGN(const Json message, Parse(line));
    guest_reset |= IsReset(message) && message.contains("data") && message["data"].is_object() &&
                   message["data"].value("guest", false);
  }
  return guest_reset;
}

}  // namespace tinyrig::agent::vboard
