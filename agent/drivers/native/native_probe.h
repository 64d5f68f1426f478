#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "agent/drivers/native/housing.h"
#include "agent/instruments/probe.h"

namespace tinyrig::agent::native {

/// The probe of a native board: a process on this host (firmware/ports/native), whose flash is a
/// folder and whose RAM is shared memory. Its serial port is FOLDER/tty, for the driver `uart`.
/// The board appears with the first call and goes with this object.
class NativeProbe : public Probe {
 public:
  /// The unique id follows from the serial.
  NativeProbe(std::filesystem::path folder, const std::string& serial);

  Awaitable<Result<ProbeIdentity>> Identify(Deadline deadline) override;
  Awaitable<Result<FlashReport>> Flash(FlashRequest request, Deadline deadline) override;
  /// The board is not stopped: it waits for its link whenever it is asked.
  Awaitable<Result<std::vector<std::vector<uint8_t>>>> ReadMemory(std::vector<MemoryRange> ranges,
                                                                  Deadline deadline) override;
  Awaitable<Status> Reset(Deadline deadline) override;

 private:
  Status Appear();

  std::filesystem::path folder_;
  ProbeIdentity identity_;
  std::unique_ptr<Housing> housing_;
};

}  // namespace tinyrig::agent::native
