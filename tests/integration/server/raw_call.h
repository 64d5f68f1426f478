#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
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

/// What the server answers to these bytes on a TCP connection to "HOST:PORT" of this machine, until
/// it hangs up or is silent for a second.
std::string SendBytes(const std::string& address, const std::string& bytes);

/// Full names of the services that the server lists.
std::vector<std::string> ReflectedServices(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace tinyrig::server
