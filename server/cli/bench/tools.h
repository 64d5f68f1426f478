#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace tinyrig::cli {

/// A program that the bench side uses.
struct Tool {
  std::string name;
  std::string path;     ///< Empty: not on the PATH.
  std::string version;  ///< "0.12.0"; empty when it did not say.
};

/// Looks for the program on the PATH and asks for its version; gives up after `limit` (the program
/// is killed then).
Tool FindTool(const std::string& name, std::chrono::milliseconds limit = std::chrono::seconds(5));

/// What a program prints, on either stream, until it ends or the time is over; it is killed then.
/// `arguments` begins with its path. Empty when it cannot be started.
std::string RunTool(std::vector<std::string> arguments, std::chrono::milliseconds limit);

/// First "1.2" or "1.2.3" in the text; empty when there is none.
std::string FirstVersion(std::string_view text);

/// Whether version `have` ("0.12.0+dev") is at least `want` ("0.12"); false for an empty one.
bool AtLeast(std::string_view have, std::string_view want);

}  // namespace tinyrig::cli
