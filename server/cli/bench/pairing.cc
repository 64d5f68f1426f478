#include "server/cli/bench/pairing.h"

#include <fmt/format.h>

#include <algorithm>

#include "proto/identity/default_serial.h"

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;

/// The name in `folder` whose link ends at `node` ("ttyACM0"); empty when there is none.
std::string NameIn(const fs::path& root, const std::string& folder, const std::string& node) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(root / folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unreadable;
    if (fs::read_symlink(it->path(), unreadable).filename() == node) {
      names.push_back("/" + folder + "/" + it->path().filename().string());
    }
  }
  return names.empty() ? "" : std::ranges::min(names);
}

bool IsUnique(const Machine& machine, const UsbDevice& device) {
  if (IsDefaultSerial(device.serial)) return false;
  return std::ranges::count(machine.usb, device.serial, &UsbDevice::serial) == 1;
}

BoardDraft DraftOf(const Machine& machine, const UsbDevice& probe, const fs::path& root,
                   const std::vector<BoardDraft>& taken) {
  BoardDraft board;
  board.probe = fmt::format("{} at USB {}", probe.kind.name, probe.port);
  board.id = MakeBoardId(fmt::format("board-{}", taken.size() + 1), taken);
  const bool unique = IsUnique(machine, probe);
  if (unique) {
    board.probe_serial = probe.serial;
  } else {
    board.notes.push_back(
        fmt::format("Its probe's serial number ('{}') tells it from no other; write one into the "
                    "probe, or use another probe.",
                    probe.serial));
  }
  if (!probe.serials.empty()) {
    board.port = StablePortName(root, probe.serials.front().path, unique);
    board.notes.emplace_back("The port is the probe's own.");
  }
  return board;
}

}  // namespace

std::string StablePortName(const fs::path& root, const std::string& path, bool serial_is_unique) {
  const std::string node = fs::path(path).filename().string();
  std::string name;
  if (serial_is_unique) name = NameIn(root, "dev/serial/by-id", node);
  if (name.empty()) name = NameIn(root, "dev/serial/by-path", node);
  return name.empty() ? path : name;
}

Pairing PairUp(const Machine& machine, const fs::path& root) {
  Pairing pairing;
  for (const UsbDevice& device : machine.usb) {
    if (IsProbe(device.kind)) {
      pairing.boards.push_back(DraftOf(machine, device, root, pairing.boards));
      continue;
    }
    for (const DeviceNode& node : device.serials) {
      pairing.loose.push_back({node.path,
                               StablePortName(root, node.path, IsUnique(machine, device)),
                               fmt::format("{} at USB {}", device.kind.name, device.port)});
    }
  }
  for (const DeviceNode& node : machine.other_ttys) {
    pairing.loose.push_back({node.path, StablePortName(root, node.path, true), "a serial port"});
  }
  return pairing;
}

}  // namespace tinyrig::cli
