#include "server/cli/client/client.h"

#include <fmt/format.h>

#include <algorithm>

namespace tinyrig::cli {

Status CheckAddress(const std::string& address) {
  const bool socket = address.starts_with("unix:") && address.size() > 5;
  const size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool tcp = colon != 0 && !port.empty() && port.size() <= 5 &&
                   std::ranges::all_of(port, [](unsigned char c) { return std::isdigit(c); });
  if (socket || (tcp && !address.starts_with("unix:"))) return OkStatus();
  return {Code::kInvalidArgument,
          fmt::format("'{}' is not a server's address; write unix:/path/tinyrigd.sock or "
                      "127.0.0.1:7410",
                      address)};
}

Status FromGrpc(const grpc::Status& status, const std::string& what) {
  const Code code = static_cast<Code>(status.error_code());
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return {code,
              fmt::format("{}: this server cannot do that yet{}{}", what,
                          status.error_message().empty() ? "" : ": ", status.error_message())};
    case grpc::StatusCode::UNAVAILABLE:
      return {code,
              fmt::format("{}: the server does not answer ({}); is tinyrigd running? 'tinyrig up' "
                          "starts one",
                          what, status.error_message())};
    case grpc::StatusCode::UNAUTHENTICATED:
      return {code, fmt::format("{}: {}; give --token-file or $TINYRIG_TOKEN", what,
                                status.error_message())};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {code,
              fmt::format("{}: no answer in time; the server may be overloaded, try again", what)};
    default:
      return {code, fmt::format("{}: {}", what, status.error_message())};
  }
}

namespace {

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  // A proxy of the environment is for the web, not for a bench next door.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return arguments;
}

}  // namespace

Client::Client(const std::string& socket)
    : address_(socket),
      channel_(grpc::CreateCustomChannel(socket, grpc::InsecureChannelCredentials(), Arguments())) {
}

Result<Client> Client::Connect(const ServerChoice& server) {
  TRY(CheckAddress(server.address));
  TRY_ASSIGN(std::shared_ptr<grpc::Channel> channel,
             OpenChannel(server.address, server.security, Arguments()));
  return Client(server.address, std::move(channel));
}

Result<v1::ServerInfo> Client::Hello(std::chrono::milliseconds timeout) const {
  const auto connects = [&](std::chrono::milliseconds time) {
    return channel_->WaitForConnected(std::chrono::system_clock::now() + time);
  };
  // Somebody who took the call and is slow to say hello is busy, not away.
  const bool there = connects(timeout) || (channel_->GetState(false) == GRPC_CHANNEL_CONNECTING &&
                                           connects(4 * timeout));
  if (!there) {
    return Status(
        Code::kUnavailable,
        fmt::format("no server answers at {}; check --server and $TINYRIG_SERVER, or start one "
                    "with 'tinyrig up'",
                    address_));
  }
  return Call(&v1::ServerService::Stub::GetServerInfo, v1::GetServerInfoRequest(), address_,
              timeout);
}

}  // namespace tinyrig::cli
