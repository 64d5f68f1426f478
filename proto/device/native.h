#pragma once

#include <cstdint>

/// What a native board (firmware/ports/native) and its probe (agent/drivers/native) agree on. The
/// board is a process that the probe starts:
///
///   argv[1]  the folder that is its flash: the bytes from ADDRESS on are the file "ADDRESS.bin",
///            eight lower-case hex digits. The program itself is one of these files.
///   fd 0     its memory: a sparse file whose offsets are the board's addresses
///   fd 1     its link: the master of a pseudo-terminal
///   fd 2     what went wrong before it had a link
namespace tinyrig::device {

inline constexpr int kNativeMemoryFd = 0;
inline constexpr int kNativeLinkFd = 1;
inline constexpr char kNativeFlashFile[] = "%08x.bin";

/// Where the probe writes the 12 bytes of unique id, before the board starts.
inline constexpr uint32_t kNativeUniqueIdAddress = 0x5FE00000;

}  // namespace tinyrig::device
