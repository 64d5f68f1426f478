#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "proto/status/status.h"
#include "server/model/text.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// The same code and message: Code has gRPC's numbers. Clients may expect UTF-8.
inline grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), ToUtf8(status.message())};
}

/// Answers a unary call with what `work()` (-> Status) returns; request and response stay valid
/// until then. OnPool: for what reads the database or computes. OnIo: for what touches store or
/// dispatcher; must be short.
template <typename Work>
grpc::ServerUnaryReactor* OnPool(grpc::CallbackServerContext* context, Backend& backend,
                                 Work work) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(backend.executors.pool, [reactor, work = std::move(work)]() mutable {
    reactor->Finish(ToGrpc(Executors::Guarded(work)));
  });
  return reactor;
}
template <typename Work>
grpc::ServerUnaryReactor* OnIo(grpc::CallbackServerContext* context, Backend& backend, Work work) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(backend.executors.io, [reactor, work = std::move(work)]() mutable {
    reactor->Finish(ToGrpc(Executors::Guarded(work)));
  });
  return reactor;
}

/// Copies a value into the response, or passes the failure on.
template <typename Message>
Status Fill(Message* response, Result<Message> result) {
  if (result.ok()) *response = std::move(*result);
  return result.status();
}

}  // namespace tinyrig::server
