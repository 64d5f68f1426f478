#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Finds out which of some serial ports somebody's hand is at: the one that says something, or
/// that is pulled out.
namespace tinyrig::cli {

enum class Sign { kSpoke, kVanished };

struct SeenSign {
  size_t port = 0;  ///< Index into the ports.
  Sign sign = Sign::kSpoke;
};

/// Watches ports ("/dev/ttyUSB0", below `root`) at 115200 baud until one gives a sign, `give_up`
/// answers true (asked about ten times a second), or the time is over. Ports that cannot be opened
/// are watched for vanishing only. What lay in them before counts for nothing.
std::optional<SeenSign> WatchPorts(const std::filesystem::path& root,
                                   const std::vector<std::string>& ports,
                                   std::chrono::milliseconds limit,
                                   const std::function<bool()>& give_up);

}  // namespace tinyrig::cli
