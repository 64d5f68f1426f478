#include "server/web/gateway.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tinyrig::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

Result<asio::ssl::context> TlsContext(const TlsIdentity& tls) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  boost::system::error_code error;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.use_certificate_chain(asio::buffer(tls.cert_chain), error);
  if (!error) context.use_private_key(asio::buffer(tls.key), asio::ssl::context::pem, error);
  if (error) return Status(Code::kInvalidArgument, "TLS for HTTP: " + error.message());
  return context;
}

Result<tcp::endpoint> Resolve(asio::io_context& io, const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(host, address.substr(colon + 1),
                       tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    return Status(Code::kInvalidArgument, fmt::format("'{}' is no HOST:PORT to serve HTTP on: {}",
                                                      address, error.message()));
  }
  return found.begin()->endpoint();
}

std::string TextOf(const tcp::endpoint& peer) {
  return peer.address().is_v6() ? fmt::format("[{}]:{}", peer.address().to_string(), peer.port())
                                : fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace

Gateway::Gateway(std::shared_ptr<grpc::Channel> channel, Probes& probes)
    : work_(io_.get_executor()), stub_(std::move(channel)), shared_{io_, stub_, probes, {}} {}

Result<std::unique_ptr<Gateway>> Gateway::Start(std::shared_ptr<grpc::Channel> channel,
                                                const std::vector<std::string>& addresses,
                                                const std::optional<TlsIdentity>& tls,
                                                Probes& probes) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(channel), probes));
  if (tls) {
    TRY_ASSIGN(asio::ssl::context context, TlsContext(*tls));
    gateway->tls_.emplace(std::move(context));
  }
  for (const std::string& address : addresses) TRY(gateway->Listen(address));
  gateway->thread_ = std::thread([raw = gateway.get()] { raw->io_.run(); });
  return gateway;
}

Gateway::~Gateway() {
  Close();
  work_.reset();
  if (thread_.joinable()) thread_.join();
}

Status Gateway::Listen(const std::string& address) {
  TRY_ASSIGN(const tcp::endpoint endpoint, Resolve(io_, address));
  tcp::acceptor& acceptor = acceptors_.emplace_back(io_);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return {Code::kUnavailable, fmt::format("cannot listen on {} for HTTP: {}; stop what is there, "
                                            "or choose another --http",
                                            address, error.message())};
  }
  addresses_.push_back(address.substr(0, address.rfind(':') + 1) +
                       std::to_string(acceptor.local_endpoint().port()));
  asio::co_spawn(io_, Accept(acceptor), asio::detached);
  return {};
}

asio::awaitable<void> Gateway::Accept(tcp::acceptor& acceptor) {
  asio::steady_timer pause(io_);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAsTuple);
    if (closed_) co_return;
    if (error) {
      // Out of descriptors, most likely: some are given back soon.
      spdlog::warn("HTTP: cannot accept: {}", error.message());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
    if (connections_.size() >= kMaxConnections) continue;  // Closed with the socket.
    asio::co_spawn(io_, Serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> Gateway::Serve(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) co_return;
  socket.set_option(tcp::no_delay(true), error);
  asio::ssl::context* tls = tls_ ? &*tls_ : nullptr;
  const std::shared_ptr<Connection> connection = MakeConnection(std::move(socket), tls);
  connections_.push_back(connection);
  HttpSession session(connection, shared_, TextOf(peer));
  try {
    co_await session.Run();
  } catch (const std::exception& failure) {
    spdlog::error("HTTP: {}", failure.what());
    connection->Close();
  }
}

void Gateway::Close() {
  asio::post(io_, [this] {
    closed_ = true;
    for (tcp::acceptor& acceptor : acceptors_) {
      boost::system::error_code ignored;
      acceptor.close(ignored);
    }
    for (const auto& weak : connections_) {
      if (const auto connection = weak.lock()) connection->Close();
    }
  });
}

}  // namespace tinyrig::server
