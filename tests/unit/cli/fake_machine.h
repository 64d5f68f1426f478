#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/cli/bench/machine.h"

namespace tinyrig::cli {

namespace fs = std::filesystem;

/// A machine made of folders: /sys, /dev, /proc as the kernel lays them out.
class FakeMachine : public testing::Test {
 protected:
  FakeMachine() {
    std::string name = "/tmp/tinyrig-machine-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~FakeMachine() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text, unsigned mode = 0666) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
    chmod((root_ / path).c_str(), mode);
  }

  // A USB device at `port`, with one interface that class entries hang on.
  fs::path Plug(const std::string& port, const std::string& vendor, const std::string& product,
                const std::string& text, const std::string& serial, int number, unsigned mode) {
    const std::string folder = "sys/devices/pci0/usb1/" + port;
    Write(folder + "/idVendor", vendor + "\n");
    Write(folder + "/idProduct", product + "\n");
    Write(folder + "/product", text + "\n");
    if (!serial.empty()) Write(folder + "/serial", serial + "\n");
    Write(folder + "/busnum", "1\n");
    Write(folder + "/devnum", std::to_string(number) + "\n");
    fs::create_directories(root_ / folder / (port + ":1.2"));
    fs::create_directories(root_ / "sys/bus/usb/devices");
    fs::create_directory_symlink("../../../devices/pci0/usb1/" + port,
                                 root_ / "sys/bus/usb/devices" / port);
    char node[64];
    std::snprintf(node, sizeof(node), "dev/bus/usb/001/%03d", number);
    Write(node, "", mode);
    return root_ / folder / (port + ":1.2");
  }

  void AddClass(const std::string& kind, const std::string& name, const fs::path& interface,
                unsigned mode) {
    fs::create_directories(root_ / "sys/class" / kind / name);
    fs::create_directory_symlink(interface, root_ / "sys/class" / kind / name / "device");
    Write("dev/" + name, "", mode);
  }

  void Run(int pid, const std::string& program, const std::string& opens) {
    const std::string folder = "proc/" + std::to_string(pid);
    Write(folder + "/comm", program + "\n");
    fs::create_directories(root_ / folder / "fd");
    if (!opens.empty()) fs::create_symlink(opens, root_ / folder / "fd/5");
  }

  fs::path root_;
  Person person_{4242, {4242}, false};  // Nobody who owns anything here.
};

}  // namespace tinyrig::cli
