#include "server/cli/bench/imports.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "proto/yaml/one_document.h"

namespace tinyrig::cli {
namespace {

constexpr uint32_t kMaxBaudHz = 20'000'000;

Status Bad(std::string_view file, const YAML::Node& node, std::string_view what) {
  const YAML::Mark mark = node.Mark();
  return {Code::kInvalidArgument,
          fmt::format("{}:{}: {}", file, mark.is_null() ? 1 : mark.line + 1, what)};
}

/// The text of a scalar; empty for anything else, also for null and for what is not there.
std::string TextOf(const YAML::Node& node) {
  return node.IsDefined() && node.IsScalar() ? node.Scalar() : "";
}

std::string TextAt(const YAML::Node& map, const char* key) { return TextOf(map[key]); }

/// 0 when there is none or it makes no sense.
uint32_t BaudAt(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  const auto baud = node.IsDefined() && node.IsScalar() ? node.as<uint32_t>(0) : 0;
  return baud > kMaxBaudHz ? 0 : baud;
}

/// "nucleo_f767zi/stm32f767xx" is board "nucleo_f767zi"; several platforms may share a board.
std::string TypeOf(const YAML::Node& platform) {
  std::string text = TextOf(platform);
  if (platform.IsDefined() && platform.IsSequence() && platform.size() > 0)
    text = TextOf(platform[0]);
  return text.substr(0, text.find_first_of("/@ "));
}

BoardDraft DraftOfZephyr(const YAML::Node& entry, const std::vector<BoardDraft>& taken) {
  BoardDraft board;
  board.type = TypeOf(entry["platform"]);
  board.id = MakeBoardId(board.type, taken);
  board.probe = TextAt(entry, "product");
  board.probe_serial = TextAt(entry, "id");
  if (board.probe_serial == "unknown") board.probe_serial.clear();
  board.baud_hz = BaudAt(entry, "baud");
  // Somebody who unplugged a board wants it back.
  if (TextAt(entry, "connected") == "false") {
    board.notes.emplace_back("Not connected, says the hardware map.");
  } else {
    board.port = TextAt(entry, "serial");
  }
  if (const std::string pty = TextAt(entry, "serial_pty"); !pty.empty()) {
    board.notes.push_back(fmt::format("serial_pty {}: no port that tinyrig can open", pty));
  }
  const std::string runner = TextAt(entry, "runner");
  if (!runner.empty() && runner != "openocd") {
    board.notes.push_back(fmt::format("Zephyr flashes it by {}, tinyrig by OpenOCD.", runner));
  }
  for (const char* script : {"pre_script", "post_script", "post_flash_script"}) {
    const std::string path = TextAt(entry, script);
    if (!path.empty()) board.notes.push_back(fmt::format("{} {} is not run", script, path));
  }
  return board;
}

/// Properties of udev that a resource is found by; "@KEY" means KEY of a parent device.
struct Match {
  std::string serial;    ///< ID_SERIAL_SHORT
  std::string usb_port;  ///< "2.3" of an ID_PATH "pci-0000:00:14.0-usb-0:2.3:1.0"
  std::vector<std::string> other;
};

Match MatchOf(const YAML::Node& match) {
  Match result;
  if (!match.IsDefined() || !match.IsMap()) return result;
  for (const auto& pair : match) {
    std::string key = TextOf(pair.first);
    const std::string value = TextOf(pair.second);
    if (key.starts_with('@')) key.erase(0, 1);
    const size_t usb = value.find("-usb-");
    const size_t colon = usb == std::string::npos ? usb : value.find(':', usb);
    if (key == "ID_SERIAL_SHORT") {
      result.serial = value;
    } else if (key == "ID_PATH" && colon != std::string::npos) {
      result.usb_port = value.substr(colon + 1, value.find(':', colon + 1) - colon - 1);
    } else {
      result.other.push_back(fmt::format("{}: {}", key, value));
    }
  }
  return result;
}

/// Null when no device is meant, or none that is plugged in.
const UsbDevice* Find(const Machine& machine, const Match& match) {
  for (const UsbDevice& device : machine.usb) {
    const std::string port = device.port.substr(device.port.find('-') + 1);
    if (!match.serial.empty() && device.serial == match.serial) return &device;
    if (match.serial.empty() && !match.usb_port.empty() && port == match.usb_port) return &device;
  }
  return nullptr;
}

void TakeResource(const std::string& kind, const YAML::Node& resource, const Machine& machine,
                  BoardDraft& board) {
  const Match match = MatchOf(resource["match"]);
  const UsbDevice* device = Find(machine, match);
  const auto not_found = [&] {
    std::vector<std::string> by = match.other;
    if (!match.serial.empty()) by.push_back("serial " + match.serial);
    if (!match.usb_port.empty()) by.push_back("USB port " + match.usb_port);
    board.notes.push_back(fmt::format("{} ({}) is not plugged in here", kind, fmt::join(by, ", ")));
  };
  if (kind == "USBDebugger") {
    board.probe_serial = match.serial;
    if (board.probe_serial.empty() && device != nullptr) board.probe_serial = device->serial;
    if (device != nullptr)
      board.probe = fmt::format("{} at USB {}", device->kind.name, device->port);
    if (board.probe_serial.empty()) not_found();
  } else if (kind == "USBSerialPort") {
    board.baud_hz = BaudAt(resource, "speed");
    if (device != nullptr && !device->serials.empty()) {
      board.port = device->serials.front().path;
    } else {
      not_found();
    }
  } else if (kind == "RawSerialPort") {
    board.baud_hz = BaudAt(resource, "speed");
    board.port = TextAt(resource, "port");
  } else if (kind == "USBPowerPort") {
    board.notes.push_back(fmt::format(
        "USBPowerPort, port {}: `power: {{driver: uhubctl, ...}}` switches it (agent/README.md)",
        TextAt(resource, "index")));
  } else {
    board.notes.push_back(fmt::format("{}: tinyrig has no use for it", kind));
  }
}

}  // namespace

Result<std::vector<BoardDraft>> ImportZephyrMap(std::string_view yaml, std::string_view file) {
  TRY_ASSIGN(const YAML::Node root, LoadOneYamlDocument(yaml, file));
  if (!root.IsSequence()) {
    return Bad(file, root,
               "a hardware map is a list of boards; is this the file that `twister "
               "--generate-hardware-map` wrote?");
  }
  std::vector<BoardDraft> boards;
  for (const YAML::Node entry : root) {
    if (!entry.IsMap() || (!entry["platform"] && !entry["id"])) {
      return Bad(file, entry, "an entry of a hardware map has 'id' and 'platform'");
    }
    boards.push_back(DraftOfZephyr(entry, boards));
  }
  return boards;
}

Result<std::vector<BoardDraft>> ImportLabgridExporter(std::string_view yaml, std::string_view file,
                                                      const Machine& machine) {
  TRY_ASSIGN(const YAML::Node root, LoadOneYamlDocument(yaml, file));
  if (!root.IsMap()) return Bad(file, root, "an exporter's file has groups of resources by name");
  std::vector<BoardDraft> boards;
  for (const auto& group : root) {
    if (!group.second.IsMap()) return Bad(file, group.second, "a group has resources by name");
    BoardDraft board;
    board.id = MakeBoardId(TextOf(group.first), boards);
    board.probe = fmt::format("group {}", TextOf(group.first));
    for (const auto& resource : group.second) {
      const std::string name = TextOf(resource.first);
      if (name == "location" || !resource.second.IsMap()) continue;
      const std::string named = TextAt(resource.second, "cls");
      TakeResource(named.empty() ? name : named, resource.second, machine, board);
    }
    board.notes.emplace_back("An exporter's file does not say what a board is: add its type.");
    boards.push_back(std::move(board));
  }
  return boards;
}

}  // namespace tinyrig::cli
