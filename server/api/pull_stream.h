#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>

#include "server/api/unary.h"
#include "server/service/event_hub.h"

namespace tinyrig::server {

/// A server stream that asks for its messages one by one: Next() runs on the pool, never twice at
/// once, and the following one only after the client took the last. So a slow client holds one
/// message, not a queue.
///
/// Life: Start() once; then pulling -> writing -> pulling ..., or pulling -> waiting until Wake().
/// Ends when Next() says so, or when the client goes away. Frees itself when gRPC is done with it.
template <typename Message>
class PullStream : public grpc::ServerWriteReactor<Message>,
                   public EventHub::Follower,
                   public std::enable_shared_from_this<PullStream<Message>> {
 public:
  enum class Step { kMessage, kWait, kEnd };

  explicit PullStream(Backend& backend) : backend_(backend) {}
  virtual ~PullStream() = default;

  /// kMessage: `message` (cleared before) was filled. kWait: nothing now, call again after Wake().
  /// kEnd: finish the stream with `status`.
  virtual Step Next(Message* message, Status* status) = 0;

  /// Lets the caller in, or refuses. Takes over the stream's lifetime.
  template <typename Request>
  static grpc::ServerWriteReactor<Message>* Start(grpc::CallbackServerContext* context,
                                                  const Request*,
                                                  std::shared_ptr<PullStream> stream) {
    PullStream* raw = stream.get();
    raw->self_ = std::move(stream);
    Result<Caller> caller = Admit(*context, raw->backend_, Request::descriptor());
    if (caller.ok()) {
      raw->caller_ = std::move(*caller);
      raw->request_ = Request::descriptor();
      raw->PostPull();
    } else {
      raw->Finish(ToGrpc(caller.status()));
    }
    return raw;
  }

  void Wake() final {
    {
      const std::lock_guard lock(mutex_);
      if (state_ != State::kWaiting) {
        woken_ = true;
        return;
      }
      state_ = State::kPulling;
    }
    PostPull();
  }

  void OnWriteDone(bool ok) final {
    {
      const std::lock_guard lock(mutex_);
      state_ = State::kPulling;
      cancelled_ = cancelled_ || !ok;
    }
    PostPull();
  }

  void OnCancel() final {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    Wake();
  }

  void OnDone() final { self_.reset(); }

 protected:
  Backend& backend_;

 private:
  enum class State { kPulling, kWriting, kWaiting };

  void PostPull() {
    boost::asio::post(backend_.executors.pool, [self = this->shared_from_this()] { self->Pull(); });
  }

  void End(const Status& status) {
    backend_.gate.Count(request_, status.code());
    this->Finish(ToGrpc(status));
  }

  // After Finish() or StartWrite() gRPC may call back at once: nothing is touched behind them.
  void Pull() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        woken_ = false;
        if (cancelled_) return End(Status(Code::kCancelled, "the client went away"));
      }
      message_.Clear();
      Status status = backend_.gate.StillAdmitted(caller_);
      if (!status.ok()) return End(status);
      auto next = [&]() -> Result<Step> { return Next(&message_, &status); };
      const Result<Step> step = Executors::Guarded(next);
      if (!step.ok()) return End(step.status());
      if (*step == Step::kEnd) return End(status);
      const std::lock_guard lock(mutex_);
      if (*step == Step::kMessage) {
        state_ = State::kWriting;
        return this->StartWrite(&message_);
      }
      if (!woken_ && !cancelled_) {
        state_ = State::kWaiting;
        return;
      }
    }
  }

  std::mutex mutex_;
  State state_ = State::kPulling;
  bool woken_ = false;
  bool cancelled_ = false;
  Caller caller_;
  const google::protobuf::Descriptor* request_ = nullptr;
  Message message_;
  std::shared_ptr<PullStream> self_;
};

}  // namespace tinyrig::server
