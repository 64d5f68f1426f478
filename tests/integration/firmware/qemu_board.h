#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "proto/device/frame.h"

namespace tinyrig::device {

/// What is put into a board's memory before it starts.
struct QemuImage {
  std::string machine;  ///< QEMU's -M.
  std::string bin;      ///< Firmware.
  uint32_t load_address = 0;
  std::vector<std::byte> blob;
  uint32_t blob_address = 0;
  uint32_t mailbox_address = 0;
  uint32_t mailbox = 0;
  std::vector<std::byte> unique_id;  ///< 12 bytes.
  uint32_t unique_id_address = 0;
  uint32_t uart_control = 0;  ///< A register that is not 0 any more when the UART receives.
  int serial = 0;             ///< Which of the machine's serial ports is the link.
};

/// Plain QEMU with the firmware in its memory and its UART on a unix socket: no probe, no
/// tinyrig-vboard. The child dies with this object, or with the test.
class QemuBoard {
 public:
  /// Starts the machine. Failures are test failures; then alive() is false.
  explicit QemuBoard(const QemuImage& image);
  ~QemuBoard();
  QemuBoard(const QemuBoard&) = delete;
  QemuBoard& operator=(const QemuBoard&) = delete;

  bool alive() const { return link_ >= 0; }
  void Send(const uint8_t* bytes, size_t size);

  /// The next frame, or nothing when `deadline` passes or the machine ends. The view is valid until
  /// the next call.
  std::optional<FrameView> Receive(std::chrono::steady_clock::time_point deadline);

  /// Bytes of the machine's memory, as a probe would see them.
  std::vector<std::byte> ReadMemory(uint32_t address, size_t size);

  /// The same through the bus, while the machine runs: what a debug probe's memory port does. Words
  /// are aligned; a peripheral sees one access of 32 bits.
  uint32_t ReadWord(uint32_t address);
  void WriteWord(uint32_t address, uint32_t value);
  std::vector<uint8_t> ReadBytes(uint32_t address, size_t size);
  void WriteBytes(uint32_t address, const std::vector<uint8_t>& bytes);

  /// Processor time the machine has used so far.
  std::chrono::milliseconds CpuTime() const;

 private:
  void WaitForUart(uint32_t control, std::chrono::steady_clock::time_point deadline);
  std::string Qtest(const std::string& command);

  std::string folder_;
  pid_t pid_ = -1;
  int link_ = -1;
  int monitor_ = -1;
  int qtest_ = -1;
  FrameDecoder decoder_;
  std::vector<uint8_t> received_;
  size_t at_ = 0;
};

/// Ports whose board is a machine of QEMU.
inline constexpr const char* kPorts[] = {"virtual_m4", "virtual_f4", "virtual_m7"};

/// The bundle NAME.json, e.g. "virtual_m4-dsp". `folder` is below the build directory. The test
/// fails and the result is null when it is not there.
struct Bundle {
  nlohmann::json json;
  std::string bin_path;
};
Bundle ReadBundle(const std::string& name, const std::string& folder = "share/tinyrig/firmware");
/// Of a program that only tests have.
Bundle ReadTestProgram(const std::string& port, const std::string& name);

/// An image of `bundle` with `blob` where it belongs.
QemuImage MakeImage(const Bundle& bundle, const std::vector<std::byte>& blob);

}  // namespace tinyrig::device
