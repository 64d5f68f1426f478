#include "agent/drivers/native/housing.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "proto/device/native.h"

namespace tinyrig::agent::native {
namespace {

namespace fs = std::filesystem;

/// Addresses are 32 bits wide; what nobody wrote takes no memory.
constexpr off_t kAddressSpace = off_t{1} << 32;

Status Failed(Code code, const fs::path& path, const char* what) {
  return {code, fmt::format("native board {}: {}: {}; check 'folder' in the bench file",
                            path.string(), what, std::strerror(errno))};
}

Result<std::vector<char>> ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) return Failed(Code::kUnavailable, path, "cannot be read");
  return bytes;
}

bool IsFlashFile(const fs::path& path) {
  const std::string stem = path.stem();
  return path.extension() == ".bin" && stem.size() == 8 &&
         stem.find_first_not_of("0123456789abcdef") == stem.npos;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Result<std::unique_ptr<Housing>> Housing::Open(fs::path folder, const McuUid& uid) {
  std::unique_ptr<Housing> housing(new Housing(std::move(folder)));
  TRY(housing->Lock());
  TRY(housing->MakeMemory(uid));
  TRY(housing->MakeSerialPort());
  return housing;
}

Housing::~Housing() {
  Halt();
  if (link_.get() < 0) return;  // The folder is somebody else's.
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, ignored)) {
    if (IsFlashFile(entry.path())) fs::remove(entry.path(), ignored);
  }
  for (const char* name : {"tty", "log"}) fs::remove(folder_ / name, ignored);
}

Status Housing::Lock() {
  std::error_code error;
  fs::create_directories(folder_, error);
  lock_ = Descriptor(open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock_.get() < 0) return Failed(Code::kNotFound, folder_, "cannot be made");
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return OkStatus();
  return {Code::kUnavailable,
          fmt::format("native board {}: another program has it; is a second agent running?",
                      folder_.string())};
}

Status Housing::MakeMemory(const McuUid& uid) {
  memory_ = Descriptor(memfd_create("tinyrig-native", MFD_CLOEXEC));
  if (memory_.get() < 0 || ftruncate(memory_.get(), kAddressSpace) != 0 ||
      pwrite(memory_.get(), uid.data(), uid.size(), device::kNativeUniqueIdAddress) !=
          static_cast<ssize_t>(uid.size())) {
    return Failed(Code::kNotFound, folder_, "no memory for it");
  }
  return OkStatus();
}

Status Housing::MakeSerialPort() {
  Descriptor master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  if (master.get() < 0 || grantpt(master.get()) != 0 || unlockpt(master.get()) != 0 ||
      ptsname_r(master.get(), name, sizeof(name)) != 0) {
    return Failed(Code::kNotFound, folder_, "no pseudo-terminal (see /proc/sys/kernel/pty/max)");
  }
  // Raw from the start: what the board said before anybody opened the port would be echoed to it.
  const Descriptor port(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  if (port.get() < 0 || tcgetattr(port.get(), &settings) != 0) {
    return Failed(Code::kNotFound, folder_, name);
  }
  cfmakeraw(&settings);
  const fs::path link = folder_ / "tty";
  std::error_code error;
  fs::remove(link, error);
  fs::create_symlink(name, link, error);
  if (error || tcsetattr(port.get(), TCSANOW, &settings) != 0) {
    return Failed(Code::kNotFound, folder_, "its serial port cannot be made");
  }
  link_ = std::move(master);
  return OkStatus();
}

fs::path Housing::FlashFile(uint32_t address) const {
  char name[32];
  std::snprintf(name, sizeof(name), device::kNativeFlashFile, address);
  return folder_ / name;
}

Status Housing::Start() {
  Halt();
  fs::path program;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    if (IsFlashFile(entry.path()) && (program.empty() || entry.path() < program)) {
      program = entry.path();
    }
  }
  if (program.empty()) {
    return {Code::kFailedPrecondition,
            fmt::format("native board {}: its flash is empty; flash it first", folder_.string())};
  }
  const Descriptor log(
      open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (log.get() < 0) return Failed(Code::kUnavailable, folder_, "its log cannot be written");
  TRY_ASSIGN(Spawned process, Spawn({program.string(), folder_.string()}, {}, memory_.get(),
                                    link_.get(), log.get()));
  process_.emplace(std::move(process));
  return OkStatus();
}

Status Housing::WriteFlash(const FlashSegment& segment) {
  const fs::path file = FlashFile(segment.address);
  std::error_code error;
  // Not over the old file: it may be the image of a process that has not quite ended.
  fs::remove(file, error);
  fs::copy_file(segment.file, file, error);
  if (!error) fs::permissions(file, fs::perms::owner_all, error);
  if (!error) return OkStatus();
  return {Code::kUnavailable,
          fmt::format("native board {}: cannot write {} bytes at {:#010x} ({}); is the disk full?",
                      folder_.string(), segment.file.string(), segment.address, error.message())};
}

Status Housing::VerifyFlash(const FlashSegment& segment) const {
  TRY_ASSIGN(const std::vector<char> wanted, ReadAll(segment.file));
  TRY_ASSIGN(const std::vector<char> found, ReadAll(FlashFile(segment.address)));
  if (wanted == found) return OkStatus();
  return {Code::kDataLoss,
          fmt::format("native board {}: what was written at {:#010x} does not read back; is the "
                      "disk full?",
                      folder_.string(), segment.address)};
}

Status Housing::WriteWord(uint32_t address, uint32_t word) {
  if (pwrite(memory_.get(), &word, sizeof(word), address) == sizeof(word)) return OkStatus();
  return Failed(Code::kUnavailable, folder_, "its memory cannot be written");
}

Result<std::vector<uint8_t>> Housing::Read(const MemoryRange& range) const {
  std::vector<uint8_t> bytes(range.size);
  const ssize_t size = pread(memory_.get(), bytes.data(), bytes.size(), range.address);
  if (size == static_cast<ssize_t>(bytes.size())) return bytes;
  return Failed(Code::kUnavailable, folder_, "its memory cannot be read");
}

}  // namespace tinyrig::agent::native
