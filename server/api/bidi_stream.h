#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <memory>
#include <utility>

#include "server/api/unary.h"

namespace tinyrig::server {

/// A stream both ways. Callbacks of gRPC only post; everything else runs on the io thread. One read
/// and one write are outstanding at most, and Finish() waits for the write: gRPC demands it. Frees
/// itself when gRPC is done with it.
template <typename In, typename Out>
class BidiStream : public grpc::ServerBidiReactor<In, Out>,
                   public std::enable_shared_from_this<BidiStream<In, Out>> {
 public:
  explicit BidiStream(Backend& backend) : backend_(backend) {}

  /// Lets the caller in, or refuses. Takes over the stream's lifetime.
  static grpc::ServerBidiReactor<In, Out>* Start(grpc::CallbackServerContext* context,
                                                 std::shared_ptr<BidiStream> stream) {
    BidiStream* raw = stream.get();
    raw->self_ = std::move(stream);
    Result<Caller> caller = Admit(*context, raw->backend_, In::descriptor());
    raw->admitted_ = caller.ok();
    raw->finished_ = raw->closing_ = !caller.ok();
    if (caller.ok()) {
      raw->caller_ = std::move(*caller);
      raw->StartRead(&raw->incoming_);
    } else {
      raw->Finish(ToGrpc(caller.status()));
    }
    return raw;
  }

  // The next message is read after this one was handled: a flood waits in the client.
  void OnReadDone(bool ok) final {
    Post([ok](BidiStream& stream) {
      if (!ok) return stream.Ended();
      if (!stream.StillAdmitted()) return;
      stream.Received(stream.incoming_);
      if (!stream.finished_) stream.StartRead(&stream.incoming_);
    });
  }

  void OnWriteDone(bool ok) final {
    Post([ok](BidiStream& stream) {
      stream.writing_ = false;
      stream.outgoing_.pop_front();
      if (!ok) stream.outgoing_.clear();
      stream.Continue();
    });
  }

  void OnCancel() final {
    Post([](BidiStream& stream) { stream.Ended(); });
  }

  void OnDone() final { self_.reset(); }

 protected:
  virtual void Received(In& message) = 0;
  /// The far end closed the stream or vanished; may come twice.
  virtual void Gone() = 0;

  void Write(Out message) {
    if (closing_) return;
    if (!backend_.gate.StillAdmitted(caller_).ok()) {
      // Not from here: whoever writes may be in the middle of a change.
      return Post([](BidiStream& stream) { stream.StillAdmitted(); });
    }
    outgoing_.push_back(std::move(message));
    Continue();
  }
  /// After what is to be written.
  void End(const Status& status) {
    if (closing_) return;
    closing_ = true;
    status_ = status;
    Continue();
  }
  /// Messages that wait for the far end.
  size_t waiting() const { return outgoing_.size(); }

  const Caller& caller() const { return caller_; }

  Backend& backend_;

 private:
  template <typename Work>
  void Post(Work work) {
    boost::asio::post(backend_.executors.io,
                      [self = this->shared_from_this(), work] { work(*self); });
  }

  // A token that was revoked meanwhile ends the stream.
  bool StillAdmitted() {
    const Status status = backend_.gate.StillAdmitted(caller_);
    if (status.ok()) return true;
    End(status);
    Gone();
    return false;
  }

  void Ended() {
    if (!admitted_) return;
    Gone();
    outgoing_.resize(writing_ ? 1 : 0);
    End(OkStatus());
  }

  void Continue() {
    if (writing_ || finished_) return;
    if (!outgoing_.empty()) {
      writing_ = true;
      this->StartWrite(&outgoing_.front());
    } else if (closing_) {
      finished_ = true;
      backend_.gate.Count(In::descriptor(), status_.code());
      this->Finish(ToGrpc(status_));
    }
  }

  Caller caller_;
  In incoming_;
  std::deque<Out> outgoing_;
  bool admitted_ = false;
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
  Status status_;
  std::shared_ptr<BidiStream> self_;
};

}  // namespace tinyrig::server
