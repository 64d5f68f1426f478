#include "server/cli/bench/diagnosis.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>

#include "proto/identity/default_serial.h"
#include "proto/yaml/one_document.h"

namespace tinyrig::cli {
namespace {

constexpr const char* kOldestOpenOcd = "0.12";

struct WantedTool {
  const char* name;
  const char* why;  ///< What does not work without it.
  const char* get;
  bool needed;
};
constexpr WantedTool kTools[] = {
    {"openocd", "flashes boards and reads them", "sudo apt-get install openocd", true},
    {"qemu-system-arm", "only virtual boards need it", "sudo apt-get install qemu-system-arm",
     false},
    {"pyocd", "not needed: only to try another flasher by hand", "pipx install pyocd", false},
    {"uhubctl", "only power switches of type uhubctl need it", "sudo apt-get install uhubctl",
     false},
};

Finding CheckTool(const WantedTool& wanted, const Tool& tool) {
  Finding finding{Level::kOk, "tool", "", tool.path, ""};
  if (tool.path.empty()) {
    finding.level = wanted.needed ? Level::kProblem : Level::kNote;
    finding.what = fmt::format("{} is not installed ({})", wanted.name, wanted.why);
    finding.todo = wanted.get;
    return finding;
  }
  finding.what =
      fmt::format("{} {}", wanted.name, tool.version.empty() ? "(version unknown)" : tool.version);
  if (wanted.needed && !AtLeast(tool.version, kOldestOpenOcd)) {
    finding.level = Level::kProblem;
    finding.what +=
        fmt::format(" is too old or does not run; {} or later is needed", kOldestOpenOcd);
    finding.todo = wanted.get;
  }
  return finding;
}

std::string Describe(const UsbDevice& device) {
  return fmt::format(
      "{} {}", device.kind.name,
      device.serial.empty() ? "without a serial number" : fmt::format("serial {}", device.serial));
}

bool HasRules(const Machine& machine) {
  return machine.udev_rules.find("tinyrig") != std::string::npos;
}

void CheckNode(const Machine& machine, const UsbDevice* device, const DeviceNode& node,
               std::vector<Finding>& findings) {
  if (!node.present || node.usable) return;
  const bool tty = node.path.starts_with("/dev/tty");
  Finding finding{Level::kProblem, "permission",
                  fmt::format("you may not use {}{}", node.path,
                              device == nullptr ? "" : " of " + Describe(*device)),
                  fmt::format("{} ({})", node.path, node.owner), ""};
  if (!HasRules(machine)) {
    finding.todo =
        "install the udev rules (deploy/udev/README.md): sudo cp deploy/udev/60-tinyrig.rules "
        "/etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger, then plug "
        "it in again";
  } else if (tty && node.group != "root") {
    finding.todo = fmt::format("sudo usermod -aG {} $USER, then log in again", node.group);
  } else {
    finding.todo =
        "the rules are installed: plug it in again; over ssh, join group plugdev (sudo usermod "
        "-aG plugdev $USER) and log in again";
  }
  findings.push_back(std::move(finding));
}

void CheckPermissions(const Machine& machine, std::vector<Finding>& findings) {
  for (const UsbDevice& device : machine.usb) {
    if (IsProbe(device.kind)) {
      CheckNode(machine, &device, device.raw, findings);
      for (const DeviceNode& node : device.hidraw) CheckNode(machine, &device, node, findings);
    }
    for (const DeviceNode& node : device.serials) CheckNode(machine, &device, node, findings);
  }
}

void CheckBusy(const Machine& machine, std::vector<Finding>& findings) {
  const bool agent = std::ranges::find(machine.programs, "tinyrig-agent") != machine.programs.end();
  for (const OpenDevice& open : machine.open) {
    const bool ours = open.program == "tinyrig-agent" || (agent && open.program == "openocd");
    Finding finding{ours ? Level::kOk : Level::kProblem, "busy",
                    fmt::format("{} is used by {} (pid {})", open.path, open.program, open.pid),
                    open.path, ""};
    if (open.program == "ModemManager") {
      finding.todo =
          "tell it to leave boards alone: install deploy/udev/60-tinyrig.rules, or sudo "
          "systemctl disable --now ModemManager";
    } else if (!ours) {
      finding.todo = fmt::format("end it there, or: kill {}", open.pid);
    }
    findings.push_back(std::move(finding));
  }
}

void CheckModemManager(const Machine& machine, std::vector<Finding>& findings) {
  const bool runs = std::ranges::find(machine.programs, "ModemManager") != machine.programs.end();
  const bool acm = std::ranges::any_of(machine.usb, [](const UsbDevice& device) {
    return std::ranges::any_of(device.serials, [](const DeviceNode& node) {
      return node.path.starts_with("/dev/ttyACM");
    });
  });
  if (!runs || !acm || HasRules(machine)) return;
  findings.push_back(
      {Level::kNote, "busy",
       "ModemManager runs: it talks to every new ttyACM port for some seconds, as if "
       "it were a modem",
       "", "install deploy/udev/60-tinyrig.rules (ID_MM_DEVICE_IGNORE)"});
}

void CheckSerials(const Machine& machine, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<const UsbDevice*>> probes;
  for (const UsbDevice& device : machine.usb) {
    if (IsProbe(device.kind) && !IsDefaultSerial(device.serial)) {
      probes[device.serial].push_back(&device);
    }
    if (!IsDefaultSerial(device.serial)) continue;
    const bool probe = IsProbe(device.kind);
    findings.push_back(
        {probe ? Level::kProblem : Level::kNote, "identity",
         fmt::format(
             "{} has the serial number '{}', as every unit of its kind may: it tells no two "
             "boards apart",
             device.kind.name, device.serial),
         "usb " + device.port,
         probe ? "update the probe's firmware, or use another probe"
               : "name its port by /dev/serial/by-path/... in the bench file"});
  }
  for (const auto& [serial, devices] : probes) {
    if (devices.size() < 2) continue;
    std::string ports;
    for (const UsbDevice* device : devices) {
      ports += (ports.empty() ? "usb " : ", usb ") + device->port;
    }
    findings.push_back(
        {Level::kProblem, "identity",
         fmt::format("{} probes have the same serial number {}", devices.size(), serial), ports,
         "unplug all but one, or give one a new number with its maker's tool"});
  }
}

}  // namespace

std::vector<std::string> ToolNames() {
  std::vector<std::string> names;
  for (const WantedTool& tool : kTools) names.emplace_back(tool.name);
  return names;
}

std::vector<Finding> CheckTools(const std::vector<Tool>& tools) {
  std::vector<Finding> findings;
  for (const WantedTool& wanted : kTools) {
    const auto found = std::ranges::find(tools, wanted.name, &Tool::name);
    findings.push_back(CheckTool(wanted, found == tools.end() ? Tool() : *found));
  }
  return findings;
}

std::vector<Finding> CheckMachine(const Machine& machine) {
  std::vector<Finding> findings;
  bool any_probe = false;
  for (const UsbDevice& device : machine.usb) {
    any_probe |= IsProbe(device.kind);
    std::string where = "usb " + device.port;
    for (const DeviceNode& node : device.serials) where += ", " + node.path;
    findings.push_back(
        {Level::kOk, IsProbe(device.kind) ? "probe" : "serial", Describe(device), where, ""});
  }
  if (!any_probe) {
    findings.push_back({Level::kNote, "probe", "no debug probe is connected", "",
                        "plug one in to use real boards (a cable that only charges shows nothing: "
                        "compare with lsusb); virtual boards need none: tinyrig up"});
  }
  CheckPermissions(machine, findings);
  CheckBusy(machine, findings);
  CheckModemManager(machine, findings);
  CheckSerials(machine, findings);
  if (any_probe && !HasRules(machine)) {
    findings.push_back({Level::kNote, "permission", "the udev rules of tinyrig are not installed",
                        "/etc/udev/rules.d",
                        "sudo cp deploy/udev/60-tinyrig.rules /etc/udev/rules.d/"});
  }
  return findings;
}

Result<std::vector<BenchBoard>> ReadBenchBoards(std::string_view yaml, std::string_view file) {
  TRY_ASSIGN(const YAML::Node document, LoadOneYamlDocument(yaml, file));
  const YAML::Node list = document.IsMap() ? document["boards"] : YAML::Node();
  if (!list || !list.IsSequence()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{}: there is no list 'boards'; is it a bench file?", file));
  }
  const auto text = [](const YAML::Node& node) {
    return node && node.IsScalar() ? node.Scalar() : std::string();
  };
  std::vector<BenchBoard> boards;
  for (const YAML::Node& node : list) {
    if (!node.IsMap()) continue;
    BenchBoard board;
    board.id = text(node["id"]);
    const YAML::Node probe = node["probe"];
    if (probe && probe.IsMap()) {
      board.serial = text(probe["serial"]);
      const YAML::Node env = probe["env"];
      board.is_virtual =
          (env && env.IsMap() && env["TINYRIG_VBOARD_DAP"]) || text(probe["driver"]) == "native";
    }
    const YAML::Node link = node["link"];
    if (link && link.IsMap()) {
      for (const YAML::Node& side : {link, link["in"], link["out"]}) {
        if (!side || !side.IsMap()) continue;
        const std::string port = text(side["port"]);
        if (!port.empty()) board.ports.push_back(port);
      }
    }
    boards.push_back(std::move(board));
  }
  return boards;
}

std::vector<Finding> CheckBench(const Machine& machine, const std::vector<BenchBoard>& boards,
                                const std::filesystem::path& root) {
  std::vector<Finding> findings;
  for (const BenchBoard& board : boards) {
    const size_t before = findings.size();
    const bool there = std::ranges::any_of(machine.usb, [&](const UsbDevice& device) {
      return IsProbe(device.kind) && device.serial == board.serial;
    });
    if (!board.is_virtual && !there) {
      findings.push_back(
          {Level::kProblem, "bench",
           fmt::format("the probe of board {} is not connected: serial {}", board.id, board.serial),
           board.id,
           "plug it in, or write the serial that the list above shows into the "
           "bench file"});
    }
    for (const std::string& port : board.ports) {
      std::error_code error;
      if (port.starts_with('/') && std::filesystem::exists(root / port.substr(1), error)) continue;
      findings.push_back({Level::kProblem, "bench",
                          fmt::format("the serial port of board {} is not there", board.id), port,
                          board.is_virtual
                              ? "start its tinyrig-vboard; of a native board: the agent"
                              : "plug it in; names like /dev/ttyUSB0 change, those below "
                                "/dev/serial/by-id do not"});
    }
    if (findings.size() == before) {
      findings.push_back({Level::kOk, "bench",
                          fmt::format("board {}: probe and port are there", board.id), "", ""});
    }
  }
  return findings;
}

}  // namespace tinyrig::cli
