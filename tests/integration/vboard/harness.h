#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/virtual/qemu/process.h"
#include "agent/virtual/qemu/unique_fd.h"

namespace tinyrig::agent::vboard {

/// What one run of a program left behind.
struct RunResult {
  int exit_status = -1;  ///< -1 when it was killed at its deadline.
  std::string log;       ///< Standard output and error.
  double seconds = 0;
};

/// Runs a program to its end, or kills it at the deadline.
RunResult RunProgram(const std::vector<std::string>& argv, std::chrono::seconds deadline);

/// Path of a test image: "echo" or "other" for the boards that are loaded into RAM, "echo_f4".
std::string Firmware(const std::string& name);
/// Path of an OpenOCD configuration of this project.
std::string OpenOcdConfig(const std::string& name);
/// The command line of tinyrig-vboard for a directory.
std::vector<std::string> BoardCommand(const std::string& serial, const std::string& directory,
                                      const std::string& type = "virtual_m4");

/// A short-named directory of its own, removed at the end.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The serial port of a board as a program opens it.
class Terminal {
 public:
  explicit Terminal(const std::string& path);
  void Write(std::string_view bytes);
  /// Reads until `count` bytes are there or `wait` has passed.
  std::string Read(size_t count, std::chrono::milliseconds wait = std::chrono::seconds(5));
  /// Reads until `end` was seen or `wait` has passed.
  std::string ReadUntil(std::string_view end,
                        std::chrono::milliseconds wait = std::chrono::seconds(5));
  /// Everything that arrives before `quiet` has passed without a byte.
  std::string ReadQuiet(std::chrono::milliseconds quiet = std::chrono::milliseconds(300));

 private:
  bool ReadMore(std::chrono::steady_clock::time_point deadline);

  UniqueFd fd_;
  std::string received_;
};

/// A running tinyrig-vboard and the tools around it.
class RunningBoard {
 public:
  explicit RunningBoard(std::string serial = "VB0001", std::string type = "virtual_m4");

  /// SIGKILL to the board, then another one in the same directory.
  void KillAndStartAgain();

  /// One command of the control socket and its answer.
  nlohmann::json Control(const nlohmann::json& command);
  /// One raw line of the control socket and the raw answer.
  std::string ControlLine(const std::string& line);
  /// Turns a fault on; fails the test when that is refused.
  void Fault(const std::string& name, nlohmann::json parameters = nlohmann::json::object());
  void Power(const std::string& state);
  std::string core();

  /// Tcl that OpenOCD executes before its configuration.
  std::string settings;

  /// Starts the real OpenOCD with the board's configuration; `commands` follow it, one -c each.
  std::vector<std::string> OpenOcdCommand(const std::vector<std::string>& commands) const;
  RunResult OpenOcd(const std::vector<std::string>& commands,
                    std::chrono::seconds deadline = std::chrono::seconds(30)) const;
  /// init, reset halt, load, verify, reset run.
  RunResult LoadAndRun(const std::string& image = Firmware("echo")) const;
  /// The stock `program IMAGE verify reset`, for boards with flash.
  RunResult Program(const std::string& image = Firmware("echo_f4")) const;

  std::string Path(const std::string& name) const { return scratch_.path() + "/" + name; }
  Terminal OpenTerminal() const { return Terminal(Path("tty")); }
  Process& process() { return process_; }
  const std::string& serial() const { return serial_; }

 private:
  void Start();

  std::string serial_;
  std::string type_;
  ScratchDirectory scratch_;
  Process process_;
};

}  // namespace tinyrig::agent::vboard
