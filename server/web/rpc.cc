#include "server/web/rpc.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace tinyrig::server {

namespace asio = boost::asio;

std::shared_ptr<Rpc> Rpc::Start(grpc::GenericStub& stub, asio::io_context& io, const Call& call) {
  const std::shared_ptr<Rpc> rpc(new Rpc(io));
  rpc->self_ = rpc;
  if (!call.authorization.empty()) rpc->context_.AddMetadata("authorization", call.authorization);
  rpc->context_.AddMetadata("x-tinyrig-peer", call.peer);
  const grpc::Slice slice(call.request);
  rpc->request_ = grpc::ByteBuffer(&slice, 1);
  stub.PrepareBidiStreamingCall(&rpc->context_, "/tinyrig.v1." + call.method, {}, rpc.get());
  // Reads are started from outside of gRPC's callbacks: until one failed the call must not end.
  rpc->AddHold();
  rpc->held_ = true;
  rpc->StartWriteLast(&rpc->request_, grpc::WriteOptions());
  rpc->StartCall();
  return rpc;
}

asio::awaitable<Rpc::Event> Rpc::Next(std::chrono::seconds patience) {
  if (ended_) co_return Event::kEnd;
  if (!reading_) {
    reading_ = true;
    StartRead(&response_);
  }
  timer_.expires_after(patience);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto rpc = weak.lock();
    if (!error && rpc) rpc->events_.try_send(boost::system::error_code(), Event::kTick);
  });
  const auto [error, event] = co_await events_.async_receive(asio::as_tuple(asio::use_awaitable));
  timer_.cancel();
  if (event == Event::kEnd) ended_ = true;
  co_return event;
}

std::string Rpc::TakeMessage() {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!response_.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  response_.Clear();
  return text;
}

Status Rpc::status() const {
  return {static_cast<Code>(status_.error_code()), status_.error_message()};
}

void Rpc::Cancel() {
  context_.TryCancel();
  if (!reading_) ReleaseHold();
}

void Rpc::ReleaseHold() {
  if (!held_) return;
  held_ = false;
  RemoveHold();
}

void Rpc::OnReadDone(bool ok) {
  asio::post(io_, [self = shared_from_this(), ok] {
    self->reading_ = false;
    if (ok) {
      self->events_.try_send(boost::system::error_code(), Event::kMessage);
    } else {
      self->ReleaseHold();
    }
  });
}

void Rpc::OnDone(const grpc::Status& status) {
  asio::post(io_, [self = std::move(self_), status] {
    self->status_ = status;
    self->events_.try_send(boost::system::error_code(), Event::kEnd);
    self->work_.reset();
  });
}

}  // namespace tinyrig::server
