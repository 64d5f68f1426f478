#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "proto/status/status.h"

namespace tinyrig::agent::vboard {

/// Unix socket address of a path. Errors: kInvalidArgument when it does not fit a sockaddr_un.
Result<boost::asio::local::stream_protocol::endpoint> SocketAddress(const std::string& path);

/// Opens, binds and listens on `path`, replacing what is there.
/// Errors: as above, or kUnavailable when the directory does not allow it.
Status ListenOn(boost::asio::local::stream_protocol::acceptor& acceptor, const std::string& path);

}  // namespace tinyrig::agent::vboard
