#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/instruments/async.h"
#include "agent/process/bounded_output.h"
#include "agent/process/spawn.h"

namespace tinyrig::agent {

/// A child that is asked through its standard input, answers on its standard output and logs to
/// its standard error. Killed with its group and reaped by the destructor. Nothing is pending
/// between calls; a child that logs more than a pipe holds then waits for the next one.
/// No call has a deadline of its own: race it against a timer, and end the child when that wins.
class Conversation {
 public:
  static Result<std::unique_ptr<Conversation>> Start(
      asio::any_io_executor executor, std::vector<std::string> argv,
      const std::map<std::string, std::string>& environment);

  /// Writes all of it. False: the child does not listen any more.
  Awaitable<bool> Write(std::string text);
  /// The answer up to `end`, without it. Nothing: the child closed its output.
  Awaitable<std::optional<std::string>> ReadUntil(char end);
  /// Moves the log to `log` until the child closes it.
  Awaitable<void> ReadLog(BoundedOutput& log);
  /// What is in the log's pipe now.
  void TakeLog(BoundedOutput& log);
  /// The signal that ended the child; 0 while it runs, or when it ended by itself.
  int EndedBySignal() const;

 private:
  using Pipe = asio::posix::stream_descriptor;
  Conversation(Spawned child, Pipe in, Pipe out, Pipe err)
      : child_(std::move(child)), in_(std::move(in)), out_(std::move(out)), err_(std::move(err)) {}

  Spawned child_;
  Pipe in_, out_, err_;
  std::string received_;
};

}  // namespace tinyrig::agent
