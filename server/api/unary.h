#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "proto/status/status.h"
#include "proto/text/utf8.h"
#include "server/api/admission.h"
#include "server/service/backend.h"

namespace tinyrig::server {

/// The same code and message: Code has gRPC's numbers. Clients may expect UTF-8.
inline grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), ToUtf8(status.message())};
}

/// A unary call that was let in. Request and response stay valid until Finish(), which is called
/// once.
class UnaryCall {
 public:
  UnaryCall(grpc::ServerUnaryReactor* reactor, Backend& backend, Caller caller,
            const google::protobuf::Message* request)
      : reactor_(reactor), backend_(&backend), caller_(std::move(caller)), request_(request) {}

  const Caller& caller() const { return caller_; }
  /// Answers; changes go into the audit log.
  void Finish(const Status& status) {
    backend_->gate.Count(request_->GetDescriptor(), status.code());
    backend_->gate.Record(caller_, *request_, status);
    reactor_->Finish(ToGrpc(status));
  }

 private:
  grpc::ServerUnaryReactor* reactor_;
  Backend* backend_;
  Caller caller_;
  const google::protobuf::Message* request_;
};

/// Every unary method begins here: calls `start(UnaryCall)` when the caller may, else refuses.
template <typename Request, typename Start>
grpc::ServerUnaryReactor* Admitted(grpc::CallbackServerContext* context, Backend& backend,
                                   const Request* request, Start start) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  Result<Caller> caller = Admit(*context, backend, Request::descriptor());
  if (caller.ok()) {
    start(UnaryCall(reactor, backend, std::move(*caller), request));
  } else {
    reactor->Finish(ToGrpc(caller.status()));
  }
  return reactor;
}

/// Answers an admitted call with what `work(const Caller&)` (-> Status) returns. OnPool: for what
/// reads the database or computes. OnIo: for what touches store or dispatcher; must be short.
template <typename Request, typename Work>
grpc::ServerUnaryReactor* OnPool(grpc::CallbackServerContext* context, Backend& backend,
                                 const Request* request, Work work) {
  return Admitted(context, backend, request, [&backend, &work](UnaryCall call) {
    boost::asio::post(backend.executors.pool, [call, work = std::move(work)]() mutable {
      auto answer = [&] { return work(call.caller()); };
      call.Finish(Executors::Guarded(answer));
    });
  });
}
template <typename Request, typename Work>
grpc::ServerUnaryReactor* OnIo(grpc::CallbackServerContext* context, Backend& backend,
                               const Request* request, Work work) {
  return Admitted(context, backend, request, [&backend, &work](UnaryCall call) {
    boost::asio::post(backend.executors.io, [call, work = std::move(work)]() mutable {
      auto answer = [&] { return work(call.caller()); };
      call.Finish(Executors::Guarded(answer));
    });
  });
}

/// Copies a value into the response, or passes the failure on.
template <typename Message>
Status Fill(Message* response, Result<Message> result) {
  if (result.ok()) *response = std::move(*result);
  return result.status();
}

}  // namespace tinyrig::server
