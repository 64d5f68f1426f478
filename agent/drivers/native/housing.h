#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "agent/instruments/probe.h"
#include "agent/process/spawn.h"
#include "proto/status/status.h"

namespace tinyrig::agent::native {

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// What of a native board is there without its program: the folder that is its flash, its RAM, its
/// serial port, and the process while one runs. proto/device/native.h says how they meet.
/// The folder belongs to one program at a time; files made in it go with this object, as does the
/// process.
class Housing {
 public:
  /// Errors: kNotFound: the folder or the serial port cannot be made. kUnavailable: another program
  /// uses the folder.
  static Result<std::unique_ptr<Housing>> Open(std::filesystem::path folder, const McuUid& uid);
  ~Housing();

  /// Ends the process. RAM keeps its contents.
  void Halt() { process_.reset(); }
  /// Starts what lies at the lowest address of the flash.
  /// Errors: kFailedPrecondition: nothing does. kUnavailable: it is no program of this host.
  Status Start();

  /// REQUIRES of both: halted. Errors: kUnavailable: the file or the flash cannot be read or
  /// written. kDataLoss: they differ.
  Status WriteFlash(const FlashSegment& segment);
  Status VerifyFlash(const FlashSegment& segment) const;

  /// The board's RAM. Errors: kUnavailable.
  Status WriteWord(uint32_t address, uint32_t word);
  Result<std::vector<uint8_t>> Read(const MemoryRange& range) const;

 private:
  explicit Housing(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Status Lock();
  Status MakeMemory(const McuUid& uid);
  Status MakeSerialPort();
  std::filesystem::path FlashFile(uint32_t address) const;

  std::filesystem::path folder_;
  Descriptor lock_;
  Descriptor memory_;
  Descriptor link_;
  std::optional<Spawned> process_;
};

}  // namespace tinyrig::agent::native
