#include "agent/virtual/board.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/virtual/unix_socket.h"

namespace tinyrig::agent::vboard {
namespace {

using Json = nlohmann::json;
using boost::system::error_code;

constexpr const char* kDapSocket = "dap.sock";
constexpr const char* kJtagSocket = "jtag.sock";
constexpr const char* kControlSocket = "control.sock";
constexpr const char* kTerminal = "tty";
constexpr const char* kQemuLog = "qemu.log";
constexpr const char* kFlash = "flash.bin";
constexpr const char* kDescription = "vboard.json";
constexpr const char* kLock = "vboard.lock";

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

Status CheckSerial(const std::string& serial) {
  const bool printable = std::ranges::all_of(serial, [](char c) { return c > ' ' && c < '\x7f'; });
  if (printable && !serial.empty() && serial.size() <= Board::kMaxSerial) return OkStatus();
  return {Code::kInvalidArgument,
          fmt::format("serial number '{}' is no 1 to {} printable characters without spaces; try "
                      "--serial VB0001",
                      serial, Board::kMaxSerial)};
}

}  // namespace

Board::Board(boost::asio::io_context& io, Options options)
    : options_(std::move(options)),
      unique_id_(MakeUniqueId(options_.serial)),
      target_(
          {options_.type, unique_id_, options_.qemu, Absolute(options_.directory) + "/" + kQemuLog,
           Absolute(options_.directory) + "/" + kFlash},
          faults_),
      probe_(target_.swd(), {"tinyrig", "tinyrig virtual CMSIS-DAP", options_.serial, "2.1.1"}),
      uart_(io, faults_),
      tap_(target_.port()),
      dap_server_(io),
      jtag_server_(io),
      control_server_(io),
      children_(io, SIGCHLD),
      start_timer_(io),
      storm_timer_(io) {
  options_.directory = Absolute(options_.directory);
  target_.on_serial = [this](UniqueFd fd) { uart_.Attach(std::move(fd)); };
  target_.on_boot = [this] {
    if (!faults_.on(Fault::kUartGarbageAtBoot)) return;
    SeededRandom random(static_cast<uint64_t>(faults_.Value(Fault::kUartGarbageAtBoot, "seed")));
    uart_.InjectToHost(
        random.Bytes(static_cast<size_t>(faults_.Value(Fault::kUartGarbageAtBoot, "bytes"))));
  };
  uart_.nudge = [this] { target_.Nudge(); };
  uart_.on_bytes = [this](size_t bytes) { NoteUartBytes(bytes); };
  WireProbe();
  control_server_.execute = [this](std::string_view line) { return Control(line); };
}

void Board::WireProbe() {
  UpdateProbeSerial();
  dap_server_.plugged_in = [this] { return !faults_.on(Fault::kProbeAbsent); };
  dap_server_.frozen = [this] { return faults_.Struck(Fault::kProbeFrozen); };
  dap_server_.taken = [this] { return jtag_server_.held(); };
  dap_server_.execute = [this](std::span<const uint8_t> request) { return ExecutePacket(request); };
  tap_.idcode = [this] { return target_.jtag_idcode(); };
  tap_.listening = [this] { return target_.listening(); };
  jtag_server_.available = [this] {
    return !faults_.on(Fault::kProbeAbsent) && !dap_server_.held();
  };
  jtag_server_.on_open = [this] { tap_.Reset(); };
  jtag_server_.execute = [this](std::string_view text) { return ExecuteBitbang(text); };
}

std::string Board::Path(std::string_view name) const {
  return fmt::format("{}/{}", options_.directory, name);
}

Status Board::Open() {
  TRY(CheckSerial(options_.serial));
  for (const char* name : {kDapSocket, kJtagSocket, kControlSocket})
    TRY(SocketAddress(Path(name)).status());
  TRY(LockDirectory());
  WatchChildren();
  TRY(uart_.Open(Path(kTerminal)));
  TRY(target_.PowerOn());
  TRY(ListenForProbes());
  TRY(control_server_.Listen(Path(kControlSocket)));
  return WriteDescription();
}

void Board::Close() {
  if (!lock_.valid()) return;
  error_code ignored;
  children_.cancel(ignored);
  start_timer_.cancel(ignored);
  storm_timer_.cancel(ignored);
  control_server_.Close();
  dap_server_.Close();
  jtag_server_.Close();
  target_.PowerOff();
  uart_.Close();
  std::error_code remove_error;
  for (const char* name : {kDapSocket, kJtagSocket, kControlSocket, kDescription}) {
    std::filesystem::remove(Path(name), remove_error);
  }
  lock_.Reset();
}

// The lock lives as long as the process, however it ends, so that a directory left behind by a
// killed board can be used again.
Status Board::LockDirectory() {
  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  UniqueFd lock(open(Path(kLock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return {Code::kUnavailable, fmt::format("cannot write to {}: {}; choose another --dir",
                                            options_.directory, std::strerror(errno))};
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return {Code::kFailedPrecondition,
            fmt::format("another virtual board lives in {}; stop it or choose another --dir",
                        options_.directory)};
  }
  lock_ = std::move(lock);
  return OkStatus();
}

Status Board::ListenForProbes() {
  TRY(dap_server_.Listen(Path(kDapSocket)));
  return jtag_server_.Listen(Path(kJtagSocket));
}

Status Board::WriteDescription() const {
  const Json description = {{"pid", getpid()},
                            {"type", options_.type->name},
                            {"serial", options_.serial},
                            {"uid", UniqueIdHex(unique_id_)},
                            {"dap", Path(kDapSocket)},
                            {"jtag", Path(kJtagSocket)},
                            {"tty", Path(kTerminal)},
                            {"pty", uart_.terminal()},
                            {"control", Path(kControlSocket)},
                            {"qemu_log", Path(kQemuLog)}};
  const std::string temporary = Path(kDescription) + ".new";
  {
    std::ofstream file(temporary);
    file << description.dump(2) << '\n';
    if (!file.flush()) return {Code::kUnavailable, fmt::format("cannot write {}", temporary)};
  }
  std::error_code error;
  std::filesystem::rename(temporary, Path(kDescription), error);
  if (!error) return OkStatus();
  return {Code::kUnavailable, fmt::format("cannot rename {}: {}", temporary, error.message())};
}

void Board::WatchChildren() {
  children_.async_wait([this](error_code error, int) {
    if (error) return;
    Settle();
    WatchChildren();
  });
}

std::vector<uint8_t> Board::ExecutePacket(std::span<const uint8_t> request) {
  target_.Settle();
  std::vector<uint8_t> reply = probe_.Execute(request);
  Settle();
  return reply;
}

// The characters of OpenOCD's remote_bitbang driver, version 0.12.0.
std::string Board::ExecuteBitbang(std::string_view characters) {
  if (faults_.Struck(Fault::kProbeFrozen)) return {};
  target_.Settle();
  std::string answer;
  for (const char c : characters) {
    if (c >= '0' && c <= '7') {
      tap_.Write((c & 4) != 0, (c & 2) != 0, (c & 1) != 0);
    } else if (c >= 'r' && c <= 'u') {  // bit 1: TRST, bit 0: SRST, both active when set
      const int lines = c - 'r';
      if (lines & 2) tap_.Reset();
      target_.port().SetReset((lines & 1) == 0);
    } else if (c == 'R') {
      answer += tap_.Tdo() ? '1' : '0';
    }  // B and b switch a light
  }
  Settle();
  return faults_.Struck(Fault::kProbeFrozen) ? std::string() : answer;
}

void Board::Settle() {
  target_.Settle();
  StrikeFirmware();
  ArmStart();
  if (!probe_killed_ && faults_.Struck(Fault::kProbeKilled)) {
    spdlog::info("fault probe_killed strikes");
    faults_.Use(Fault::kProbeKilled);
    probe_killed_ = true;
    dap_server_.Close();
    jtag_server_.Close();
    std::error_code ignored;
    for (const char* name : {kDapSocket, kJtagSocket}) std::filesystem::remove(Path(name), ignored);
  }
}

void Board::ArmStart() {
  const auto due = target_.powered() ? target_.core().start_due() : std::nullopt;
  if (!due || start_timer_.expiry() == *due) return;
  start_timer_.expires_at(*due);
  start_timer_.async_wait([this, due = *due](error_code error) {
    if (error || !target_.powered() || target_.core().start_due() != due) return;
    if (const Status status = target_.core().StartNow(); !status.ok()) {
      spdlog::warn("starting the core: {}", status.ToString());
    }
    Settle();
  });
}

std::string Board::Control(std::string_view line) {
  const Result<ControlCommand> command = ParseControl(line);
  Status status = command.status();
  if (status.ok()) status = std::visit([this](const auto& c) { return Run(c); }, *command);
  if (!status.ok()) return ControlError(status);
  Settle();
  return StatusLine();
}

Status Board::PowerOn() {
  if (faults_.Struck(Fault::kPowerOff)) faults_.Clear(Fault::kPowerOff);
  return target_.PowerOn();
}

Status Board::Run(const PowerCommand& command) {
  if (command.state != PowerState::kOn) target_.PowerOff();
  return command.state == PowerState::kOff ? OkStatus() : PowerOn();
}

std::string Board::StatusLine() {
  // A stall is over by itself.
  if (faults_.Struck(Fault::kUartStall) && !uart_.stalled()) faults_.Clear(Fault::kUartStall);
  Json faults = Json::object();
  for (const FaultSpec& spec : FaultTable()) {
    if (const auto& parameters = faults_.active(spec.fault)) {
      faults[std::string(spec.name)] = Json(*parameters);
    }
  }
  Json strikes = Json::object();
  for (const FaultSpec& spec : FaultTable()) {
    if (const uint64_t count = faults_.strikes(spec.fault)) strikes[std::string(spec.name)] = count;
  }
  std::string_view core = "off";
  if (target_.powered()) {
    if (!target_.core().Poll().ok()) target_.Settle();
    core = CoreStateName(target_.core().state());
  }
  Json answer = {{"ok", true},
                 {"type", options_.type->name},
                 {"serial", options_.serial},
                 {"uid", UniqueIdHex(unique_id_)},
                 {"power", target_.powered() ? "on" : "off"},
                 {"core", core},
                 {"probe", dap_server_.open() || jtag_server_.held() ? "open" : "free"},
                 {"qemu_pid", target_.machine().pid()},
                 {"faults", faults},
                 {"fault_strikes", strikes},
                 {"dap_packets", dap_server_.packets()},
                 {"dap_transfers", target_.transfers()},
                 {"uart_bytes_to_host", uart_.bytes_to_host()},
                 {"uart_bytes_to_board", uart_.bytes_to_board()},
                 {"uart_bytes_dropped", uart_.noise().dropped()},
                 {"uart_bytes_flipped", uart_.noise().flipped()},
                 {"qemu_starts", target_.spawns()},
                 {"lockups", target_.lockups()}};
  if (Stm32Chip* chip = target_.chip()) {
    answer["flash_sectors_erased"] = chip->flash().erased_sectors();
    answer["flash_half_words_by_loader"] = chip->loader().half_words();
  }
  return answer.dump();
}

}  // namespace tinyrig::agent::vboard
