#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/status/status.h"
#include "server/api/tls.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// Where the API may be reached: "unix:/path" or "host:port"; beyond loopback ("127.0.0.1",
/// "[::1]", "localhost") only with TLS. Errors: kInvalidArgument, also for a path that does not fit
/// a unix socket address and for what is no address.
Status CheckListenAddress(const std::string& address, bool tls);

/// The same for HTTP, which has no unix sockets.
Status CheckHttpAddress(const std::string& address, bool tls);

/// The rules of all methods of these services. Errors: those of MethodRules::Of().
Result<MethodRules> RulesOfServices();

/// All services of tinyrig.v1, health and reflection, on the given addresses.
class ApiServer {
 public:
  static constexpr int kMaxMessageBytes = 64 << 20;

  /// With `tls` every TCP address speaks TLS. Errors: those of CheckListenAddress(); kUnavailable
  /// when an address cannot be bound.
  static Result<std::unique_ptr<ApiServer>> Start(Backend& backend,
                                                  const std::vector<std::string>& addresses,
                                                  const std::optional<TlsIdentity>& tls);
  ~ApiServer();

  /// Addresses that are listened on; port 0 replaced by the port that was found.
  const std::vector<std::string>& addresses() const { return addresses_; }
  /// Reaches the services from within the process; its callers show what their own clients showed.
  /// Errors: kUnavailable when the process has no descriptors left.
  Result<std::shared_ptr<grpc::Channel>> InProcessChannel();
  /// Refuses new calls, cancels running ones after a second, returns when none is left.
  void Shutdown();

 private:
  struct Services;
  ApiServer();

  std::unique_ptr<Services> services_;
  std::vector<std::string> addresses_;
};

}  // namespace tinyrig::server
