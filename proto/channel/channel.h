#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "proto/status/status.h"

/// How clients and agents reach a server: one rule for both.
namespace tinyrig {

/// Whose server it has to be, and who we are. Empty fields: not given.
struct ChannelSecurity {
  std::string ca_file;    ///< PEM of who signs servers; empty: the system's list.
  std::string cert_file;  ///< PEM of our own certificate, with key_file.
  std::string key_file;
  std::string token_file;  ///< A file that holds the token; outranks `token`.
  std::string token;
};

/// Whether an address cannot be reached from elsewhere: "unix:PATH", or a port of 127.0.0.1, [::1]
/// or localhost.
bool IsLocalAddress(const std::string& address);

/// A channel to "unix:PATH" or "HOST:PORT". HOST:PORT speaks TLS, except on loopback when no CA is
/// given; so a token never leaves this machine in the clear. The token goes with every call.
/// Errors: kInvalidArgument for files that cannot be used.
Result<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& address,
                                                   const ChannelSecurity& security,
                                                   const grpc::ChannelArguments& arguments);

/// The variable's value, which is then removed from the environment and from /proc/PID/environ: no
/// child can inherit it. Empty when it is not set.
std::string TakeSecretVariable(const char* name);

}  // namespace tinyrig
