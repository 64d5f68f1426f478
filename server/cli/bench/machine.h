#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/cli/bench/usb_ids.h"

/// What is plugged into a machine, who may use it and who does, read from /sys, /dev and /proc.
namespace tinyrig::cli {

/// A file in /dev that stands for a device.
struct DeviceNode {
  std::string path;  ///< "/dev/ttyACM0", without the root folder of a test.
  bool present = false;
  bool usable = false;  ///< Readable and writable for the user in question.
  std::string owner;    ///< "root:dialout 0660"
  std::string group;    ///< "dialout"; the number when it has no name.
};

struct UsbDevice {
  std::string port;  ///< "1-2.3": where it is plugged in.
  uint16_t vendor = 0;
  uint16_t product = 0;
  std::string product_text;
  std::string serial;
  UsbKind kind;
  DeviceNode raw;                   ///< "/dev/bus/usb/001/007".
  std::vector<DeviceNode> hidraw;   ///< How CMSIS-DAP v1 is reached.
  std::vector<DeviceNode> serials;  ///< ttyACM and ttyUSB.
};

/// Somebody who has a device open.
struct OpenDevice {
  std::string path;
  pid_t pid = 0;
  std::string program;  ///< "picocom"
};

struct Machine {
  std::vector<UsbDevice> usb;          ///< Probes and serial bridges only, by port.
  std::vector<DeviceNode> other_ttys;  ///< ttyACM and ttyUSB of anything else.
  std::vector<OpenDevice> open;        ///< Of the nodes above, as far as /proc lets this user see.
  std::vector<std::string> programs;   ///< Names of all running programs.
  std::string udev_rules;              ///< Text of all rule files.
};

/// Whose permissions are meant.
struct Person {
  uid_t uid = 0;
  std::vector<gid_t> groups;
  /// Asks the kernel, which knows of access lists too; a test of a copied tree looks at the mode.
  bool ask_kernel = false;
};
Person ThisPerson();

/// Reads below `root` ("/" in life). What cannot be read is left out: never fails.
Machine ScanMachine(const std::filesystem::path& root, const Person& person);

}  // namespace tinyrig::cli
