#include "agent/config/identity_notes.h"

#include <fmt/format.h>

#include "proto/identity/default_serial.h"

namespace tinyrig::agent {
namespace {

/// "usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001-if00-port0": the serial is what
/// stands between the last underscore and the interface.
std::string_view SerialOfPort(std::string_view port) {
  constexpr std::string_view kById = "/dev/serial/by-id/";
  if (!port.starts_with(kById)) return {};
  port.remove_prefix(kById.size());
  port = port.substr(0, port.rfind("-if"));
  const size_t underscore = port.rfind('_');
  return underscore == port.npos ? std::string_view() : port.substr(underscore + 1);
}

}  // namespace

std::vector<std::string> IdentityNotes(const BenchConfig& config) {
  std::vector<std::string> notes;
  for (const BoardConfig& board : config.boards) {
    if (IsDefaultSerial(board.probe.serial)) {
      notes.push_back(fmt::format(
          "board {}: the probe's serial '{}' is its maker's default and tells no two probes "
          "apart; give the probe its own, or keep no other of its kind plugged in. The MCU's "
          "unique id is all that tells this board from others",
          board.id, board.probe.serial));
    }
    const std::string_view serial = SerialOfPort(board.link.port);
    if (!serial.empty() && IsDefaultSerial(serial)) {
      notes.push_back(fmt::format(
          "board {}: the port {} is named by the default serial '{}', which another bridge may "
          "have too; use its name in /dev/serial/by-path",
          board.id, board.link.port, serial));
    }
  }
  return notes;
}

}  // namespace tinyrig::agent
