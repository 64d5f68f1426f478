#include "agent/virtual/qemu/machine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tinyrig::agent::vboard {
namespace {

enum Channel { kGdb, kQmp, kQtest, kUart, kChannels };
constexpr std::array<const char*, kChannels> kChannelNames = {"gdb", "qmp", "qtest", "uart"};

// QEMU's option parser ends a value at a comma, unless it is doubled.
std::string Escaped(const std::string& path) {
  std::string escaped;
  for (const char c : path) escaped.append(c == ',' ? 2 : 1, c);
  return escaped;
}

// No -kernel: QEMU would copy that image over what the debugger loaded at every reset.
std::vector<std::string> Arguments(const BoardType& type, const std::string& qemu,
                                   const Machine::StartOptions& options) {
  const std::string icount = options.icount_shift
                                 ? fmt::format("shift={},sleep=off", *options.icount_shift)
                                 : std::string(type.qemu_icount);
  std::vector<std::string> argv = {qemu,       "-M",          std::string(type.qemu_machine),
                                   "-accel",   "tcg",         "-icount",
                                   icount,     "-nodefaults", "-no-user-config",
                                   "-display", "none",        "-S"};
  for (int i = 0; i < kChannels; ++i) {
    argv.push_back("-chardev");
    argv.push_back(fmt::format("socket,id={},fd={}", kChannelNames[i], Process::kFirstChildFd + i));
  }
  for (const char* argument : {"-gdb", "chardev:gdb", "-mon", "chardev=qmp,mode=control", "-qtest",
                               "chardev:qtest", "-qtest-log", "none", "-serial", "chardev:uart"}) {
    argv.emplace_back(argument);
  }
  if (type.flash && !options.flash_file.empty()) {
    argv.insert(argv.end(),
                {"-device", fmt::format("loader,file={},addr={:#x},force-raw=on",
                                        Escaped(options.flash_file), type.flash->base)});
  }
  return argv;
}

StopReason ReasonOf(const std::string& stop_reply) {
  return stop_reply.find("watch:") == std::string::npos ? StopReason::kBreakpoint
                                                        : StopReason::kWatchpoint;
}

Code CodeOf(const Status& status) { return status.code(); }
template <typename T>
Code CodeOf(const Result<T>& result) {
  return result.status().code();
}

}  // namespace

Machine::Machine(const BoardType& type, std::string qemu, std::string log_path)
    : type_(type), qemu_(std::move(qemu)), log_path_(std::move(log_path)) {}

template <typename T>
T Machine::Checked(T result) {
  const Code code = CodeOf(result);
  if (code == Code::kUnavailable || code == Code::kDeadlineExceeded) Kill();
  return result;
}

Result<UniqueFd> Machine::Start(const StartOptions& options) {
  Kill();
  std::array<UniqueFd, kChannels> ours, theirs;
  std::vector<int> fds;
  for (int i = 0; i < kChannels; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      return {Code::kUnavailable, fmt::format("socketpair: {}", std::strerror(errno))};
    }
    ours[i].Reset(pair[0]);
    theirs[i].Reset(pair[1]);
    fds.push_back(pair[1]);
  }
  TRY(process_.Spawn(Arguments(type_, qemu_, options), fds, log_path_));
  for (UniqueFd& fd : theirs) fd.Reset();

  qmp_ = QmpClient(Stream(std::move(ours[kQmp]), "qmp"));
  gdb_ = GdbClient(Stream(std::move(ours[kGdb]), "gdb stub"));
  qtest_ = QtestClient(Stream(std::move(ours[kQtest]), "qtest"));
  Status status = Checked(qmp_.Handshake());
  if (status.ok()) status = Checked(gdb_.Handshake());
  if (!status.ok()) return status.WithContext(fmt::format("starting {}", qemu_));
  fcntl(ours[kUart].get(), F_SETFL, O_NONBLOCK);
  return std::move(ours[kUart]);
}

void Machine::Kill() {
  process_.Kill();
  running_ = false;
}

bool Machine::alive() {
  const bool alive = process_.Alive();
  running_ = running_ && alive;
  return alive;
}

Status Machine::Halt() {
  if (!running_) return OkStatus();
  TRY(Checked(gdb_.Interrupt()));
  running_ = false;
  return OkStatus();
}

Status Machine::Continue() {
  if (running_) return OkStatus();
  TRY(Checked(gdb_.Continue()));
  running_ = true;
  return OkStatus();
}

Result<StopReason> Machine::Step() {
  TRY_ASSIGN(const std::string reply, Checked(gdb_.Step()));
  return ReasonOf(reply);
}

Result<std::optional<StopReason>> Machine::PollStop() {
  if (!running_) return std::optional<StopReason>();
  TRY_ASSIGN(const auto reply, Checked(gdb_.PollStop()));
  if (!reply) return std::optional<StopReason>();
  running_ = false;
  return std::optional(ReasonOf(*reply));
}

Status Machine::Reset() {
  TRY(Halt());
  return Checked(qmp_.SystemReset());
}

Result<bool> Machine::TookGuestReset() { return Checked(qmp_.DrainEvents()); }

Result<uint64_t> Machine::ReadRegister(uint32_t number) {
  return Checked(gdb_.ReadRegister(number));
}

Status Machine::WriteRegister(uint32_t number, uint64_t value, uint32_t bytes) {
  return Checked(gdb_.WriteRegister(number, value, bytes));
}

Status Machine::SetPoint(GdbClient::Point kind, uint32_t address, uint32_t length, bool on) {
  return Checked(gdb_.SetPoint(kind, address, length, on));
}

Result<uint32_t> Machine::ReadAccess(uint32_t address, uint32_t width) {
  return Checked(qtest_.Read(address, width));
}

Status Machine::WriteAccess(uint32_t address, uint32_t width, uint32_t value) {
  return Checked(qtest_.Write(address, width, value));
}

Status Machine::ReadBlock(uint32_t address, std::span<uint8_t> bytes) {
  return Checked(qtest_.ReadBlock(address, bytes));
}

Status Machine::WriteRom(uint32_t address, std::span<const uint8_t> bytes) {
  const bool was_running = running_;
  TRY(Halt());
  TRY(Checked(gdb_.WriteMemory(address, bytes)));
  return was_running ? Continue() : OkStatus();
}

Status Machine::WriteBlock(uint32_t address, std::span<const uint8_t> bytes) {
  return Checked(qtest_.WriteBlock(address, bytes));
}

}  // namespace tinyrig::agent::vboard
