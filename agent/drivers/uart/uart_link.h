#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "agent/instruments/link.h"

namespace tinyrig::agent::uart {

/// A serial port of this host: raw, 8N1, no flow control, opened by one program at a time.
class UartPort : public LinkPort {
 public:
  UartPort(asio::io_context& io, std::string path, uint32_t baud_hz)
      : io_(io), path_(std::move(path)), baud_hz_(baud_hz) {}

  Result<std::unique_ptr<Link>> Open(LinkTarget target) override;
  const std::string& path() const override { return path_; }

 private:
  asio::io_context& io_;
  std::string path_;
  uint32_t baud_hz_;
};

}  // namespace tinyrig::agent::uart
