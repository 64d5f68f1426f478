#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/channel/channel.h"
#include "proto/status/status.h"
#include "proto/tinyrig/v1/access.grpc.pb.h"
#include "proto/tinyrig/v1/artifacts.grpc.pb.h"
#include "proto/tinyrig/v1/boards.grpc.pb.h"
#include "proto/tinyrig/v1/campaigns.grpc.pb.h"
#include "proto/tinyrig/v1/jobs.grpc.pb.h"
#include "proto/tinyrig/v1/results.grpc.pb.h"
#include "proto/tinyrig/v1/server.grpc.pb.h"

namespace tinyrig::cli {

/// A server that was named, and what it takes to get in.
struct ServerChoice {
  std::string address;  ///< Empty: $TINYRIG_SERVER, else the service of the state folder.
  ChannelSecurity security;

  bool empty() const { return address.empty(); }
};

/// Checks "unix:/path/of/socket" or "host:port". Errors: kInvalidArgument with an example.
Status CheckAddress(const std::string& address);

/// A failed call as a Status: same code, "what: the server's words", and what to try where the
/// server cannot know (it does not answer, it does not have the call yet).
Status FromGrpc(const grpc::Status& status, const std::string& what);

/// A connection to tinyrigd: blocking calls, each with a deadline. Thread-safe; copies share the
/// channel.
class Client {
 public:
  static constexpr std::chrono::seconds kCallTimeout{30};

  /// Of the service on this machine. Makes the channel; the first call connects.
  explicit Client(const std::string& socket);
  /// The same, to any server. Errors: those of CheckAddress() and OpenChannel().
  static Result<Client> Connect(const ServerChoice& server);

  /// Errors: kUnavailable when nothing that speaks the API answers in time.
  Result<v1::ServerInfo> Hello(std::chrono::milliseconds timeout) const;

  /// One call of any service: Call(&v1::JobService::Stub::GetJob, request, "job 7").
  template <typename Stub, typename Request, typename Response>
  Result<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request, const std::string& what,
                        std::chrono::milliseconds timeout = kCallTimeout) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    Stub stub(channel_);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status, what);
    return response;
  }

  /// All pages of a list. `get` returns the repeated field of a response.
  template <typename Stub, typename Request, typename Response, typename Get>
  auto CallPages(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 Request request, const std::string& what, Get get) const
      -> Result<std::vector<
          typename std::decay_t<decltype(get(std::declval<Response&>()))>::value_type>> {
    std::vector<typename std::decay_t<decltype(get(std::declval<Response&>()))>::value_type> all;
    while (true) {
      TRY_ASSIGN(Response response, Call(method, request, what));
      for (auto& one : get(response)) all.push_back(std::move(one));
      // A token that repeats would never end.
      if (response.next_page_token().empty() ||
          response.next_page_token() == request.page().token()) {
        return all;
      }
      request.mutable_page()->set_token(response.next_page_token());
    }
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return address_; }

 private:
  Client(std::string address, std::shared_ptr<grpc::Channel> channel)
      : address_(std::move(address)), channel_(std::move(channel)) {}

  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace tinyrig::cli
