// tinyrig-vboard: one virtual board.

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "agent/virtual/board.h"

namespace {

using namespace tinyrig::agent::vboard;

int Serve(Board::Options options, int ready_fd) {
  boost::asio::io_context io(1);
  boost::asio::signal_set end(io, SIGTERM, SIGINT);
  Board board(io, std::move(options));
  if (const tinyrig::Status status = board.Open(); !status.ok()) {
    fmt::print(stderr, "tinyrig-vboard: {}\n", status.ToString());
    return 1;
  }
  end.async_wait([&](boost::system::error_code, int) { io.stop(); });
  if (ready_fd >= 0) {
    if (write(ready_fd, "ready\n", 6) != 6) spdlog::warn("nobody reads --ready-fd {}", ready_fd);
    close(ready_fd);
  }
  io.run();
  board.Close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("vboard"));
  signal(SIGPIPE, SIG_IGN);

  CLI::App app{"A virtual board: QEMU behind a CMSIS-DAP probe, a serial port and a power switch."};
  std::string type_name, serial, directory, qemu = "qemu-system-arm";
  int ready_fd = -1;
  app.add_option("--type", type_name, "Board type: " + BoardTypeNames())->required();
  app.add_option("--serial", serial, "Serial number of the probe, e.g. VB0001")->required();
  app.add_option("--dir", directory, "Private directory for its sockets and files")->required();
  app.add_option("--ready-fd", ready_fd, "Descriptor that gets \"ready\\n\" once it serves");
  app.add_option("--qemu", qemu, "QEMU program");
  app.footer("Example: tinyrig-vboard --type virtual_m4 --serial VB0001 --dir /tmp/vb1");
  CLI11_PARSE(app, argc, argv);

  const BoardType* type = FindBoardType(type_name);
  if (!type) {
    fmt::print(stderr, "tinyrig-vboard: board type '{}' is unknown; there are: {}\n", type_name,
               BoardTypeNames());
    return 2;
  }
  return Serve({type, serial, directory, qemu}, ready_fd);
}
