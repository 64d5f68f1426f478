#include "firmware/protocol/hello.h"

#include <cstring>

#include "firmware/ports/port.h"
#include "firmware/runtime/blob_format.h"
#include "firmware/runtime/kernels/kernel.h"
#include "proto/device/crc32c.h"

namespace tinyrig::device {
namespace {

/// Name of the kernel set this image was linked with, as in the bundle.
const char* KernelsName() {
  switch (runtime::LinkedKernels().id) {
    case runtime::KernelSetId::kReference:
      return "reference";
    case runtime::KernelSetId::kDsp:
      return "dsp";
  }
  return "";
}

template <size_t N>
void CopyPadded(char (&to)[N], const char* from) {
  for (size_t i = 0; i < N && from[i] != 0; ++i) to[i] = from[i];
}

}  // namespace

std::span<const std::byte> FindBlob() {
  const std::span<const std::byte> region = port::GetMemory().blob;
  runtime::BlobHeader header;
  if (region.size() < sizeof(header)) return {};
  std::memcpy(&header, region.data(), sizeof(header));
  if (header.magic != runtime::kBlobMagic) return {};
  if (header.total_bytes < sizeof(header) || header.total_bytes > region.size()) return {};
  return region.first(header.total_bytes);
}

Hello MakeHello(uint32_t token) {
  const port::Info& info = port::GetInfo();
  const port::Memory memory = port::GetMemory();
  const std::span<const std::byte> blob = FindBlob();
  Hello hello{};
  hello.magic = kHelloMagic;
  hello.protocol_version = kProtocolVersion;
  hello.struct_size = sizeof(Hello);
  hello.token = token;
  hello.mailbox_word = port::MailboxWord();
  port::ReadUniqueId(hello.mcu_uid);
  std::memcpy(hello.build_id, memory.build_id.data(), sizeof(hello.build_id));
  hello.code_size = static_cast<uint32_t>(memory.code.size());
  hello.code_crc32c = Crc32c(memory.code.data(), memory.code.size());
  hello.blob_size = static_cast<uint32_t>(blob.size());
  hello.blob_crc32c = blob.empty() ? 0 : Crc32c(blob.data(), blob.size());
  hello.clock_hz = info.clock_hz;
  hello.counter_hz = info.counter_hz;
  hello.arena_limit = static_cast<uint32_t>(memory.arena.size());
  hello.fault_count = port::FaultCount();
  hello.rx_window = info.rx_window;
  hello.counter_kind = static_cast<uint8_t>(info.counter_kind);
  CopyPadded(hello.port, info.name);
  CopyPadded(hello.kernels, KernelsName());
  return hello;
}

}  // namespace tinyrig::device
