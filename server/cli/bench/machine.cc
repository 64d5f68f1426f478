#include "server/cli/bench/machine.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>

namespace tinyrig::cli {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxText = 1 << 20;

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxText, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  return text;
}

std::string ReadLine(const fs::path& path) {
  std::string text = ReadText(path);
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

uint16_t ReadHex(const fs::path& path) {
  const std::string text = ReadLine(path);
  uint16_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

std::vector<fs::path> Entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  std::ranges::sort(entries);
  return entries;
}

bool StartsWithAny(const std::string& name, std::initializer_list<const char*> prefixes) {
  return std::ranges::any_of(prefixes, [&](const char* p) { return name.starts_with(p); });
}

bool MayUse(const struct stat& info, const Person& person) {
  if (person.uid == 0) return true;
  const auto has = [&](unsigned shift) { return (info.st_mode >> shift & 6u) == 6u; };
  if (info.st_uid == person.uid) return has(6);
  if (std::ranges::find(person.groups, info.st_gid) != person.groups.end()) return has(3);
  return has(0);
}

DeviceNode LookAt(const fs::path& root, const std::string& path, const Person& person) {
  DeviceNode node;
  node.path = path;
  const fs::path real = root / path.substr(1);
  struct stat info {};
  node.present = ::stat(real.c_str(), &info) == 0;
  if (!node.present) return node;
  node.usable = person.ask_kernel ? ::access(real.c_str(), R_OK | W_OK) == 0 : MayUse(info, person);
  const passwd* user = getpwuid(info.st_uid);
  const std::string owner = user == nullptr ? std::to_string(info.st_uid) : user->pw_name;
  const struct group* group = getgrgid(info.st_gid);
  node.group = group == nullptr ? std::to_string(info.st_gid) : group->gr_name;
  node.owner = fmt::format("{}:{} {:04o}", owner, node.group, info.st_mode & 07777);
  return node;
}

/// The folder of the USB device that a class entry belongs to; empty when it is none of USB.
fs::path UsbFolderOf(const fs::path& class_entry) {
  std::error_code error;
  fs::path folder = fs::canonical(class_entry / "device", error);
  for (int depth = 0; !error && depth < 12 && folder.has_relative_path(); ++depth) {
    if (fs::exists(folder / "idVendor", error)) return folder;
    folder = folder.parent_path();
  }
  return {};
}

UsbDevice ReadUsb(const fs::path& root, const fs::path& folder, const Person& person) {
  UsbDevice device;
  device.port = folder.filename().string();
  device.vendor = ReadHex(folder / "idVendor");
  device.product = ReadHex(folder / "idProduct");
  device.product_text = ReadLine(folder / "product");
  device.serial = ReadLine(folder / "serial");
  device.kind = KindOfUsb(device.vendor, device.product, device.product_text);
  int bus = 0;
  int number = 0;
  const std::string bus_text = ReadLine(folder / "busnum");
  const std::string number_text = ReadLine(folder / "devnum");
  std::from_chars(bus_text.data(), bus_text.data() + bus_text.size(), bus);
  std::from_chars(number_text.data(), number_text.data() + number_text.size(), number);
  device.raw = LookAt(root, fmt::format("/dev/bus/usb/{:03}/{:03}", bus, number), person);
  return device;
}

void AddNodes(const fs::path& root, const Person& person, Machine& machine,
              const std::vector<fs::path>& folders) {
  for (const char* kind : {"tty", "hidraw"}) {
    const bool is_tty = std::string_view(kind) == "tty";
    for (const fs::path& entry : Entries(root / "sys/class" / kind)) {
      const std::string name = entry.filename().string();
      if (is_tty && !StartsWithAny(name, {"ttyACM", "ttyUSB"})) continue;
      const fs::path folder = UsbFolderOf(entry);
      const auto found = std::ranges::find(folders, folder);
      DeviceNode node = LookAt(root, "/dev/" + name, person);
      if (found != folders.end()) {
        UsbDevice& device = machine.usb[static_cast<size_t>(found - folders.begin())];
        (is_tty ? device.serials : device.hidraw).push_back(std::move(node));
      } else if (is_tty) {
        machine.other_ttys.push_back(std::move(node));
      }
    }
  }
}

void AddProcesses(const fs::path& root, const std::set<std::string>& nodes, Machine& machine) {
  for (const fs::path& process : Entries(root / "proc")) {
    const std::string name = process.filename().string();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    const std::string program = ReadLine(process / "comm");
    if (!program.empty()) machine.programs.push_back(program);
    std::set<std::string> seen;
    for (const fs::path& fd : Entries(process / "fd")) {
      std::error_code error;
      const std::string target = fs::read_symlink(fd, error).string();
      if (nodes.contains(target) && seen.insert(target).second) {
        machine.open.push_back({target, pid, program});
      }
    }
  }
}

}  // namespace

Person ThisPerson() {
  Person person{geteuid(), {getegid()}, true};
  std::vector<gid_t> groups(256);
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  if (count > 0) person.groups.insert(person.groups.end(), groups.begin(), groups.begin() + count);
  return person;
}

Machine ScanMachine(const fs::path& root, const Person& person) {
  Machine machine;
  std::vector<fs::path> folders;
  for (const fs::path& entry : Entries(root / "sys/bus/usb/devices")) {
    std::error_code error;
    const fs::path folder = fs::canonical(entry, error);
    if (error || !fs::exists(folder / "idVendor", error)) continue;
    UsbDevice device = ReadUsb(root, folder, person);
    if (device.kind.role == UsbRole::kOther) continue;
    machine.usb.push_back(std::move(device));
    folders.push_back(folder);
  }
  AddNodes(root, person, machine, folders);
  std::set<std::string> nodes;
  for (const UsbDevice& device : machine.usb) {
    nodes.insert(device.raw.path);
    for (const DeviceNode& node : device.hidraw) nodes.insert(node.path);
    for (const DeviceNode& node : device.serials) nodes.insert(node.path);
  }
  for (const DeviceNode& node : machine.other_ttys) nodes.insert(node.path);
  AddProcesses(root, nodes, machine);
  for (const char* folder : {"etc/udev/rules.d", "lib/udev/rules.d", "usr/lib/udev/rules.d"}) {
    for (const fs::path& file : Entries(root / folder)) {
      const std::string name = file.filename().string();
      // Distributions ship hundreds of rules; those about instruments have telling names or ids.
      const std::string text = ReadText(file);
      if (text.find("tinyrig") != std::string::npos || text.find("0483") != std::string::npos ||
          text.find("ID_MM_DEVICE_IGNORE") != std::string::npos) {
        machine.udev_rules += fmt::format("# {}\n{}\n", name, text);
      }
    }
  }
  return machine;
}

}  // namespace tinyrig::cli
