#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tinyrig::server {

/// The outcome of any method, called with these bytes as its only message.
struct RawAnswer {
  grpc::Status status;
  std::string first_message;  ///< Empty when there was none.
};

/// `token` empty: none is sent. Reads to the end of the answer, at most `seconds`.
RawAnswer RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::string& request, const std::string& token = "", int seconds = 10);

/// A stream of any method, message by message. Ends with the object, or after 30 s.
class RawStream {
 public:
  RawStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& method);
  ~RawStream();
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;

  /// False when the server has ended the stream.
  bool Write(const std::string& message);
  /// The next message; none when it did not come in time, or when the stream has ended.
  std::optional<std::string> Read(int milliseconds);

 private:
  enum Tag : intptr_t { kStart, kWrite, kRead, kFinish };
  /// Waits until this has happened; whether it went well. None: it did not, in time.
  std::optional<bool> Wait(Tag tag, std::chrono::system_clock::time_point until);

  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer read_;
  bool reading_ = false;
  std::map<Tag, bool> happened_;
};

/// What the server answers to these bytes on a TCP connection to "HOST:PORT" of this machine, until
/// it hangs up or is silent for a second.
std::string SendBytes(const std::string& address, const std::string& bytes);

/// Full names of the services that the server lists.
std::vector<std::string> ReflectedServices(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace tinyrig::server
