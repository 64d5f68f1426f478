#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "proto/tinyrig/v1/boards.pb.h"
#include "server/service/agent_link.h"

namespace tinyrig::server {

/// Who looks at a board. Called on the io thread.
class ConsoleClient {
 public:
  virtual ~ConsoleClient() = default;
  virtual void Output(v1::ConsoleOutput output) = 0;
  /// Nothing follows.
  virtual void Ended(const Status& why) = 0;
};

/// The open consoles: carries bytes between clients and agents. On the io thread.
class Consoles {
 public:
  /// Asks the agent to open a console; gives its number. Whether that works is said to the client.
  uint64_t Open(std::shared_ptr<AgentLink> agent, const v1::ConsoleOpen& request,
                std::weak_ptr<ConsoleClient> client);
  void Input(uint64_t console, const std::string& bytes);
  /// The client has gone. Does nothing for a console that has ended.
  void Close(uint64_t console);

  void Report(const AgentLink& agent, const v1::ConsoleReport& report);
  void AgentGone(const AgentLink& agent);

 private:
  struct Console {
    std::shared_ptr<AgentLink> agent;
    std::weak_ptr<ConsoleClient> client;
  };
  std::map<uint64_t, Console> consoles_;
  /// Not from the beginning again after a restart: agents may still speak of earlier consoles.
  uint64_t last_ = uint64_t{std::random_device()()} << 20;
};

}  // namespace tinyrig::server
