#include "agent/drivers/uhubctl/protocol.h"

#include <fmt/format.h>

#include <algorithm>

namespace tinyrig::agent::uhubctl {
namespace {

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// "  Port 2: 0103 power enable connect [...]" -> "0103 power enable connect [...]"
std::string_view StateOf(std::string_view line, uint32_t number) {
  const std::string wanted = fmt::format("  Port {}: ", number);
  return line.starts_with(wanted) ? line.substr(wanted.size()) : std::string_view();
}

bool HasWord(std::string_view text, std::string_view word) {
  text = text.substr(0, text.find('['));  // Names of devices may hold any word.
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || text[at - 1] == ' ';
    if (begins && (end == text.size() || text[end] == ' ')) return true;
  }
  return false;
}

std::string LastLine(std::string_view text) {
  std::string last;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace

std::vector<std::string> SetArguments(const std::string& program, const Port& port, bool on) {
  return {program,          "-e", "-l", port.hub, "-p", std::to_string(port.number), "-a",
          on ? "on" : "off"};
}

Status CheckAnswer(std::string_view output, int exit_status, const Port& port, bool on) {
  const std::string name = fmt::format("port {} of hub {}", port.number, port.hub);
  if (output.find("Permission denied") != std::string_view::npos ||
      output.find("no permission") != std::string_view::npos ||
      output.find("USB permission") != std::string_view::npos) {
    return {Code::kUnavailable,
            fmt::format("{}: uhubctl may not use the hub; install udev rules for it (see uhubctl's "
                        "own 52-usb.rules) or run the agent as root",
                        name)};
  }
  if (output.find("No compatible devices") != std::string_view::npos) {
    return {Code::kUnavailable,
            fmt::format("{}: there is no hub there that switches power; 'sudo uhubctl' lists those "
                        "that do",
                        name)};
  }
  const std::string header = "New status for hub " + port.hub + " ";
  std::string_view state;
  bool new_status = false;
  for (std::string_view rest = output; !rest.empty();) {
    const std::string_view line = TakeLine(rest);
    if (!line.starts_with(' ')) new_status = line.starts_with(header);
    if (!new_status) continue;
    if (const std::string_view found = StateOf(line, port.number); !found.empty()) state = found;
  }
  if (exit_status == 0 && !state.empty()) {
    const bool is_on = HasWord(state, "power");
    if (is_on == on && (on || HasWord(state, "off"))) return {};
    return {Code::kUnavailable,
            fmt::format("{}: it was switched {} and says '{}'; some hubs only pretend to switch, "
                        "watch the board's LED",
                        name, on ? "on" : "off", state)};
  }
  return {
      Code::kUnavailable,
      fmt::format("{}: uhubctl ended with {}: {}; try the command by hand: {}", name, exit_status,
                  LastLine(output), fmt::format("uhubctl -e -l {} -p {}", port.hub, port.number))};
}

}  // namespace tinyrig::agent::uhubctl
