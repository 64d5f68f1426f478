#include "server/api/api_server.h"

#include <fmt/format.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "proto/channel/channel.h"
#include "server/api/access_service.h"
#include "server/api/agent_service.h"
#include "server/api/artifact_service.h"
#include "server/api/board_service.h"
#include "server/api/campaign_service.h"
#include "server/api/job_service.h"
#include "server/api/result_service.h"
#include "server/api/server_service.h"

namespace tinyrig::server {
namespace {

constexpr std::string_view kUnix = "unix:";
// A peer that does not answer a ping is gone: half-open connections end.
constexpr int kKeepaliveMs = 10'000;

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

}  // namespace

Status CheckListenAddress(const std::string& address, bool tls) {
  if (address.starts_with(kUnix)) {
    const std::string path = address.substr(kUnix.size());
    constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
    if (path.empty()) return Invalid(fmt::format("listen address '{}' has no path", address));
    if (path.size() > kMaxPath) {
      return Invalid(fmt::format(
          "socket path '{}' has {} bytes, a unix socket allows {}; use a shorter --state folder or "
          "--listen unix:/shorter/path",
          path, path.size(), kMaxPath));
    }
    return {};
  }
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return Invalid(fmt::format("listen address '{}' is neither unix:PATH nor HOST:PORT", address));
  }
  if (!tls && !IsLocalAddress(address)) {
    return Invalid(fmt::format(
        "listening on '{}' would open the rig to the network in the clear; give --tls-cert and "
        "--tls-key (deploy/tls/make-certs makes them), or use 127.0.0.1:PORT or unix:PATH",
        address));
  }
  return {};
}

Status CheckHttpAddress(const std::string& address, bool tls) {
  if (!address.starts_with(kUnix)) return CheckListenAddress(address, tls);
  return Invalid(fmt::format("--http '{}': HTTP is served on HOST:PORT only", address));
}

Result<MethodRules> RulesOfServices() {
  return MethodRules::Of(
      {v1::CampaignService::service_full_name(), v1::JobService::service_full_name(),
       v1::BoardService::service_full_name(), v1::ResultService::service_full_name(),
       v1::ArtifactService::service_full_name(), v1::AgentService::service_full_name(),
       v1::ServerService::service_full_name(), v1::AccessService::service_full_name()});
}

struct ApiServer::Services {
  explicit Services(Backend& backend)
      : campaigns(backend),
        jobs(backend),
        boards(backend),
        results(backend),
        artifacts(backend),
        agents(backend),
        info(backend),
        access(backend) {}

  CampaignServiceImpl campaigns;
  JobServiceImpl jobs;
  BoardServiceImpl boards;
  ResultServiceImpl results;
  ArtifactServiceImpl artifacts;
  AgentServiceImpl agents;
  ServerServiceImpl info;
  AccessServiceImpl access;
  std::unique_ptr<grpc::Server> server;
};

ApiServer::ApiServer() = default;
ApiServer::~ApiServer() { Shutdown(); }

Result<std::unique_ptr<ApiServer>> ApiServer::Start(Backend& backend,
                                                    const std::vector<std::string>& addresses,
                                                    const std::optional<TlsIdentity>& tls) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<ApiServer> api(new ApiServer());
  api->services_ = std::make_unique<Services>(backend);
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kKeepaliveMs / 2);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  // Two servers on one port would share its clients at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  std::vector<int> ports(addresses.size(), 0);
  for (size_t i = 0; i < addresses.size(); ++i) {
    TRY(CheckListenAddress(addresses[i], tls.has_value()));
    const bool plain = !tls || addresses[i].starts_with(kUnix);
    builder.AddListeningPort(
        addresses[i], plain ? grpc::InsecureServerCredentials() : GrpcCredentials(*tls), &ports[i]);
  }
  Services& services = *api->services_;
  const std::initializer_list<grpc::Service*> all = {
      &services.campaigns, &services.jobs,   &services.boards, &services.results,
      &services.artifacts, &services.agents, &services.info,   &services.access};
  for (grpc::Service* service : all) builder.RegisterService(service);
  services.server = builder.BuildAndStart();
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (services.server == nullptr || ports[i] == 0) {
      return Status(Code::kUnavailable,
                    fmt::format("cannot listen on {}; is another server there? Stop it or choose "
                                "another --listen",
                                addresses[i]));
    }
    const std::string& wanted = addresses[i];
    const bool any_port = !wanted.starts_with(kUnix) && wanted.ends_with(":0");
    api->addresses_.push_back(
        any_port ? wanted.substr(0, wanted.size() - 1) + std::to_string(ports[i]) : wanted);
  }
  return api;
}

// A pair of sockets: gRPC 1.51's own in-process transport now and then loses a call, which then
// fails at the client and keeps the server from ever shutting down.
Result<std::shared_ptr<grpc::Channel>> ApiServer::InProcessChannel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return Status(Code::kUnavailable, fmt::format("socketpair: {}", std::strerror(errno)));
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  grpc::AddInsecureChannelFromFd(services_->server.get(), ends[0]);
  return grpc::CreateCustomInsecureChannelFromFd("tinyrigd", ends[1], arguments);
}

void ApiServer::Shutdown() {
  if (services_ == nullptr || services_->server == nullptr) return;
  services_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  services_->server->Wait();
  services_->server.reset();
}

}  // namespace tinyrig::server
