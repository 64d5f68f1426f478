#include "agent/virtual/unix_socket.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <filesystem>

namespace tinyrig::agent::vboard {

using boost::asio::local::stream_protocol;

Result<stream_protocol::endpoint> SocketAddress(const std::string& path) {
  constexpr size_t kLimit = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= kLimit) return stream_protocol::endpoint(path);
  return {Code::kInvalidArgument,
          fmt::format("socket path {} has {} bytes, {} are possible; choose a shorter --dir", path,
                      path.size(), kLimit)};
}

Status ListenOn(stream_protocol::acceptor& acceptor, const std::string& path) {
  TRY_ASSIGN(const auto endpoint, SocketAddress(path));
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) return OkStatus();
  return {Code::kUnavailable, fmt::format("cannot listen on {}: {}; check the directory's rights",
                                          path, error.message())};
}

}  // namespace tinyrig::agent::vboard
