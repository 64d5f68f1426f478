#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "agent/uplink/board_slot.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// Consoles of people on boards that do no job: what a board's link says goes to the server, what
/// is typed goes to the board. A board with a console is busy. Everything is on the io thread.
class Consoles {
 public:
  /// May lose it when the server does not keep up.
  using Send = std::function<void(v1::ConsoleReport)>;

  /// `io` and `slots` outlive the consoles; these outlive the work on `io`.
  Consoles(boost::asio::io_context& io, const std::vector<std::unique_ptr<BoardSlot>>& slots,
           Send send)
      : io_(io), slots_(slots), send_(std::move(send)) {}

  void Handle(const v1::ConsoleCommand& command);
  /// The server that asked for them is gone.
  void CloseAll();

 private:
  struct Console;

  void Start(uint64_t id, const v1::ConsoleStart& start);
  Awaitable<Status> Run(std::shared_ptr<Console> console);
  Awaitable<Status> Carry(std::shared_ptr<Console> console, Link& link);
  void Report(const Console& console, std::string data, std::string note);
  void SayEnded(uint64_t id, const Status& why);

  boost::asio::io_context& io_;
  const std::vector<std::unique_ptr<BoardSlot>>& slots_;
  Send send_;
  std::map<uint64_t, std::shared_ptr<Console>> consoles_;
};

}  // namespace tinyrig::agent
