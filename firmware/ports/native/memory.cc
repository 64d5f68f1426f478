#include "firmware/ports/native/memory.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "firmware/ports/port.h"
#include "proto/device/native.h"
#include "proto/device/paint.h"

extern "C" {
// From link.cmake: addresses without contents until MapMemory().
extern std::byte __stack_low[], __stack_high[], __arena_start[], __arena_end[];
extern const std::byte __blob_start[], __blob_end[];
// The first of the words that survive a reset; the others follow.
extern volatile uint32_t tinyrig_mailbox[];
// Of the linker: this program's header as it lies in memory.
extern const ElfW(Ehdr) __ehdr_start;
}

namespace tinyrig::port {
namespace {

constexpr size_t kPage = 4096;
constexpr uint32_t kCountIsValid = 0x54434C46;
volatile uint32_t& fault_count_mark = tinyrig_mailbox[1];
volatile uint32_t& fault_count = tinyrig_mailbox[2];

constinit std::span<const std::byte> code;
constinit std::span<const std::byte> blob;

void Map(uintptr_t at, size_t size, int protection, int flags, int fd, const char* what) {
  void* want = reinterpret_cast<void*>(at);
  const off_t offset = fd == device::kNativeMemoryFd ? static_cast<off_t>(at) : 0;
  if (mmap(want, size, protection, flags | MAP_FIXED_NOREPLACE, fd, offset) != want) GiveUp(what);
}

/// Size of an open file; ends the process when there is none.
size_t SizeOf(int fd, const char* what) {
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) GiveUp(what);
  return static_cast<size_t>(status.st_size);
}

void MapCode() {
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const size_t size = SizeOf(fd, "its own program");
  void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) GiveUp("its own program");
  close(fd);
  code = {static_cast<const std::byte*>(at), size};
}

/// No blob is no error: HELLO says that there is none.
void MapBlob(const char* folder) {
  char path[1024];
  const auto address = static_cast<unsigned>(reinterpret_cast<uintptr_t>(__blob_start));
  char name[32];
  std::snprintf(name, sizeof(name), device::kNativeFlashFile, address);
  std::snprintf(path, sizeof(path), "%s/%s", folder, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const size_t size = std::min<size_t>(SizeOf(fd, path), __blob_end - __blob_start);
  if (size > 0) {
    Map(reinterpret_cast<uintptr_t>(__blob_start), size, PROT_READ, MAP_PRIVATE, fd, path);
  }
  close(fd);
  blob = {__blob_start, size};
}

/// The build id note that the linker put into this program.
const std::byte* FindBuildId() {
  const auto* base = reinterpret_cast<const std::byte*>(&__ehdr_start);
  const auto* headers = reinterpret_cast<const ElfW(Phdr)*>(base + __ehdr_start.e_phoff);
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    if (headers[i].p_type != PT_NOTE) continue;
    const auto* at = reinterpret_cast<const std::byte*>(headers[i].p_vaddr);
    const std::byte* end = at + headers[i].p_memsz;
    while (at + sizeof(ElfW(Nhdr)) < end) {
      const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
      const auto* name = at + sizeof(*note);
      const auto* contents = name + (note->n_namesz + 3) / 4 * 4;
      if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz == 20 &&
          std::memcmp(name, "GNU", 4) == 0) {
        return contents;
      }
      at = contents + (note->n_descsz + 3) / 4 * 4;
    }
  }
  GiveUp("the build id");
}

}  // namespace

void GiveUp(const char* what) {
  dprintf(STDERR_FILENO, "native board: %s: %s\n", what, std::strerror(errno));
  _exit(1);
}

void MapMemory(const char* flash_folder) {
  const auto ram = reinterpret_cast<uintptr_t>(__stack_low);
  Map(ram - kGuardBytes, kGuardBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "the guard");
  Map(ram, __arena_end - __stack_low, PROT_READ | PROT_WRITE, MAP_SHARED, device::kNativeMemoryFd,
      "its memory (file descriptor 0)");
  Map(device::kNativeUniqueIdAddress, kPage, PROT_READ, MAP_SHARED, device::kNativeMemoryFd,
      "its unique id (file descriptor 0)");
  MapCode();
  MapBlob(flash_folder);
}

Memory GetMemory() {
  return {.code = code,
          .blob = blob,
          .arena = {__arena_start, __arena_end},
          .stack = {__stack_low, __stack_high},
          .build_id = std::span<const std::byte, 20>(FindBuildId(), 20)};
}

uint32_t MailboxWord() { return tinyrig_mailbox[0]; }

uint32_t FaultCount() { return fault_count_mark == kCountIsValid ? fault_count : 0; }

void CountFault() {
  fault_count = FaultCount() + 1;
  fault_count_mark = kCountIsValid;
}

void PaintStack(uint64_t nonce) {
  // Below this frame and the red zone that compilers use without saying so.
  constexpr uintptr_t kMargin = 256;
  const auto top = reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) - kMargin;
  device::Paint(__stack_low,
                reinterpret_cast<const std::byte*>(top / device::kPaintWord * device::kPaintWord),
                nonce);
}

void ReadUniqueId(uint8_t (&id)[12]) {
  std::memcpy(id, reinterpret_cast<const void*>(uintptr_t{device::kNativeUniqueIdAddress}),
              sizeof(id));
}

}  // namespace tinyrig::port
