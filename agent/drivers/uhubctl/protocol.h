#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/status/status.h"

/// Arguments and answers of the program uhubctl (2.4 and later). Pure.
namespace tinyrig::agent::uhubctl {

/// One port of a hub, at the place that uhubctl lists: "1-1.4".
struct Port {
  std::string hub;
  uint32_t number = 0;
};

/// Exact location (-e): otherwise uhubctl looks for the other half of a USB 3 hub by itself, and
/// may find that of another hub of the same make.
std::vector<std::string> SetArguments(const std::string& program, const Port& port, bool on);

/// OK when the answer says that the port is in the wanted state now. Errors: kUnavailable with what
/// the program said and what to try: no such hub, no permission, a hub that does not switch.
Status CheckAnswer(std::string_view output, int exit_status, const Port& port, bool on);

}  // namespace tinyrig::agent::uhubctl
