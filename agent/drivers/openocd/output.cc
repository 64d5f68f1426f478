#include "agent/drivers/openocd/output.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

#include "agent/drivers/openocd/commands.h"

namespace tinyrig::agent::openocd {
namespace {

struct KnownText {
  std::string_view text;
  Code code;
  std::string_view message;
};

// In order: the first text found decides, so the causes stand before their consequences.
constexpr KnownText kKnownTexts[] = {
    {kWrongDpidrMarker, Code::kFailedPrecondition,
     "another chip is behind the probe than the bench file says; check its `serial` and `dpidr`"},
    {"Error on socket 'connect'", Code::kNotFound,
     "the probe's socket cannot be reached; is the virtual board or adapter server running?"},
    {"unable to open CMSIS-DAP device", Code::kUnavailable,
     "another program uses the probe, or the agent has no permission; end that program (a second "
     "OpenOCD, an IDE?), or install the udev rules"},
    {"unable to find a matching CMSIS-DAP device", Code::kNotFound,
     "no probe with this serial; check its USB cable and the serial in the bench file"},
    {"CMSIS-DAP command CMD_INFO failed", Code::kUnavailable,
     "the probe is there but does not answer; unplug it and plug it in again"},
    {"could not claim interface", Code::kUnavailable,
     "another program uses the probe; end it (a second OpenOCD, an IDE?)"},
    {"failed to find out where", Code::kUnavailable,
     "contact to the board was lost while writing; check power and cable"},
    {"Error connecting DP: cannot read IDR", Code::kUnavailable,
     "the probe works, the board does not answer; check its power and the SWD cable"},
    {"JTAG scan chain interrogation failed", Code::kUnavailable,
     "the probe works, the board does not answer; check its power and the JTAG cable"},
    {"DAP transaction stalled (WAIT)", Code::kUnavailable,
     "the board's debug port is stuck; power-cycle the board"},
    {"Timeout during WAIT recovery", Code::kUnavailable,
     "the board's debug port is stuck; power-cycle the board"},
    {"Could not find MEM-AP", Code::kUnavailable,
     "the board's debug port answers but its memory cannot be reached; power-cycle the board"},
    {"Failed to write memory", Code::kFailedPrecondition,
     "the board refused a write; is it the board type that the bench file says?"},
    {"Failed to read memory", Code::kUnavailable,
     "the board refused a read; check power and cable"},
    {"checksum mismatch", Code::kDataLoss,
     "what was written does not read back; power-cycle the board, then check its flash or supply"},
    {"Verify Failed", Code::kDataLoss,
     "what was written does not read back; power-cycle the board, then check its flash or supply"},
    {"contents differ", Code::kDataLoss,
     "what was written does not read back; power-cycle the board, then check its flash or supply"},
    {"failed erasing sectors", Code::kDataLoss,
     "the flash could not be erased; is it write-protected? Check the board's supply"},
    {"error writing to flash", Code::kDataLoss,
     "the flash could not be programmed; is it write-protected? Check the board's supply"},
    {"timed out while waiting for target halted", Code::kUnavailable,
     "the core did not halt; power-cycle the board"},
    {"target not halted", Code::kUnavailable, "the core did not halt; power-cycle the board"},
    {"remote_bitbang_putc", Code::kUnavailable, "the adapter server died; restart it"},
    {"couldn't open", Code::kInternal, "a file of the image is missing; rerun the job"},
    {"Can't find", Code::kNotFound,
     "the OpenOCD configuration is not there; check `config` in the bench file"},
};

/// A crash of its own is none of these.
bool FromOutside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

std::string LastLines(std::string_view output, size_t bytes) {
  if (output.size() > bytes) {
    output.remove_prefix(output.size() - bytes);
    output.remove_prefix(std::min(output.find('\n') + 1, output.size()));
  }
  return std::string(output);
}

/// The line around `at`, cut to a readable length.
std::string_view LineAt(std::string_view output, size_t at) {
  const size_t before = at == 0 ? output.npos : output.rfind('\n', at - 1);
  output.remove_prefix(before == output.npos ? 0 : before + 1);
  return output.substr(0, std::min(output.find_first_of("\r\n"), size_t{200}));
}

/// The rest of the line behind `marker`.
std::optional<std::string_view> Behind(std::string_view output, std::string_view marker) {
  const size_t at = output.find(marker);
  if (at == output.npos) return std::nullopt;
  output.remove_prefix(at + marker.size());
  return output.substr(0, output.find('\n'));
}

}  // namespace

std::vector<uint32_t> HexWords(std::string_view text) {
  std::vector<uint32_t> words;
  while (true) {
    const size_t at = text.find("0x");
    if (at == text.npos) return words;
    text.remove_prefix(at + 2);
    uint32_t word = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), word, 16);
    if (error != std::errc()) return words;
    words.push_back(word);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
}

Status Classify(const ChildResult& run) {
  if (FromOutside(run.signal) && !run.timed_out) {
    return {Code::kAborted,
            fmt::format("OpenOCD was ended from outside, by signal {} ({}); the job is repeated",
                        run.signal, strsignal(run.signal))};
  }
  for (const KnownText& known : kKnownTexts) {
    const size_t at = run.output.find(known.text);
    if (at == run.output.npos) continue;
    return {known.code, fmt::format("{} (OpenOCD: \"{}\")", known.message, LineAt(run.output, at))};
  }
  if (run.timed_out) {
    return {
        Code::kDeadlineExceeded,
        fmt::format("OpenOCD did not end within {} ms and was killed; unplug the probe and plug "
                    "it in again",
                    std::chrono::duration_cast<milliseconds>(run.duration).count())};
  }
  if (run.ok() && Behind(run.output, kDoneMarker)) return OkStatus();
  return {Code::kUnavailable,
          fmt::format("OpenOCD failed (exit {}, signal {}); it said:\n{}", run.exit_status,
                      run.signal, LastLines(run.output, 1500))};
}

Result<ProbeIdentity> ParseIdentity(std::string_view output) {
  ProbeIdentity identity;
  if (const auto line = Behind(output, kDpMarker)) {
    const auto words = HexWords(*line);
    if (!words.empty()) identity.dpidr = words[0];
  }
  if (const auto line = Behind(output, "Open On-Chip Debugger ")) {
    identity.tool = "openocd " + std::string(line->substr(0, line->find_first_of(" \r")));
  }
  const auto line = Behind(output, kUidMarker);
  const auto words = line ? HexWords(*line) : std::vector<uint32_t>();
  if (words.size() != 3) {
    return {Code::kUnavailable,
            "the unique id could not be read; check `uid_address` in the bench file"};
  }
  static_assert(sizeof(identity.uid) == 3 * sizeof(uint32_t));
  std::memcpy(identity.uid.data(), words.data(), sizeof(identity.uid));
  return identity;
}

std::vector<FlashPhase> ParseTimes(std::string_view output) {
  std::vector<FlashPhase> phases;
  int64_t last_ms = 0;
  while (const auto line = Behind(output, kTimeMarker)) {
    output.remove_prefix(static_cast<size_t>(line->data() - output.data()));
    const size_t number = line->rfind(' ');
    int64_t now_ms = 0;
    const char* end = line->data() + line->size();
    if (number == line->npos ||
        std::from_chars(line->data() + number + 1, end, now_ms).ec != std::errc()) {
      continue;
    }
    if (!phases.empty()) phases.back().duration = milliseconds(now_ms - last_ms);
    last_ms = now_ms;
    const auto name = line->substr(0, number);
    if (name.find_first_not_of(' ') == name.npos) break;
    phases.push_back({std::string(name.substr(name.find_first_not_of(' '))), milliseconds(0)});
  }
  return phases;
}

Status CheckHalted(std::string_view output) {
  const auto state = Behind(output, kStateMarker);
  if (!state || state->find("halted") == state->npos) {
    return {Code::kFailedPrecondition,
            fmt::format("the core was {} while the image was loaded; power-cycle the board",
                        state ? *state : " in an unknown state")};
  }
  return OkStatus();
}

Status CheckFlashRun(std::string_view output, uint32_t mailbox_word) {
  TRY(CheckHalted(output));
  const auto line = Behind(output, kMailboxMarker);
  const auto words = line ? HexWords(*line) : std::vector<uint32_t>();
  if (words != std::vector{mailbox_word}) {
    return {Code::kDataLoss,
            "a word written into the board's RAM did not read back; power-cycle the board"};
  }
  return OkStatus();
}

}  // namespace tinyrig::agent::openocd
