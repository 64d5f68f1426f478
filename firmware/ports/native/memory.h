#pragma once

#include <cstdint>

/// The process' memory, laid out as port.json says.
namespace tinyrig::port {

/// Bytes below RAM without access: a stack overflow ends there.
inline constexpr uint32_t kGuardBytes = 0x00100000;

/// Maps RAM, unique id, program and blob. Ends the process with a message when it cannot.
void MapMemory(const char* flash_folder);

/// Ends the process: what failed, and errno.
[[noreturn]] void GiveUp(const char* what);

}  // namespace tinyrig::port
