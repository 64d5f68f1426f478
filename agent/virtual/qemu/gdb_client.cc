#include "agent/virtual/qemu/gdb_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tinyrig::agent::vboard {

Status GdbClient::Send(std::string_view payload) {
  uint8_t sum = 0;
  for (const char c : payload) sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(c));
  return stream_.Write(fmt::format("${}#{:02x}", payload, sum));
}

Result<std::string> GdbClient::Receive() {
  for (;;) {
    TRY_ASSIGN(const char c, stream_.ReadByte());
    if (c == '$') return ReceiveBody();
  }
}

// The acknowledge goes out at once: sent later, to a running CPU, it would stop it.
Result<std::string> GdbClient::ReceiveBody() {
  std::string payload;
  for (;;) {
    TRY_ASSIGN(const char c, stream_.ReadByte());
    if (c == '#') break;
    payload += c;
  }
  TRY(stream_.ReadByte());  // two digits of checksum: a socket does not flip bits
  TRY(stream_.ReadByte());
  TRY(stream_.Write("+"));
  return payload;
}

Result<std::string> GdbClient::Command(std::string_view payload) {
  TRY(Send(payload));
  return Receive();
}

Status GdbClient::Handshake() { return Command("qXfer:features:read:target.xml:0,ffb").status(); }

Status GdbClient::Continue() { return Send("c"); }

Result<std::string> GdbClient::Interrupt() {
  TRY(stream_.Write("\x03"));
  return Receive();
}

Result<std::string> GdbClient::Step() { return Command("s"); }

Result<std::optional<std::string>> GdbClient::PollStop() {
  while (stream_.Readable()) {
    TRY_ASSIGN(const char c, stream_.ReadByte());
    if (c != '$') continue;  // the '+' for our last packet
    TRY_ASSIGN(std::string payload, ReceiveBody());
    return std::optional(std::move(payload));
  }
  return std::optional<std::string>();
}

Result<uint64_t> GdbClient::ReadRegister(uint32_t number) {
  TRY_ASSIGN(const std::string hex, Command(fmt::format("p{:x}", number)));
  if (hex.size() != 8 && hex.size() != 16) {
    return {Code::kInternal, fmt::format("QEMU's gdb stub has no register {}: '{}'", number, hex)};
  }
  uint64_t value = 0;  // target byte order, which is little endian
  for (size_t i = 0; i < hex.size(); i += 2) {
    uint8_t byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    value |= uint64_t{byte} << (4 * i);
  }
  return value;
}

Status GdbClient::WriteRegister(uint32_t number, uint64_t value, uint32_t bytes) {
  std::string packet = fmt::format("P{:x}=", number);
  for (uint32_t i = 0; i < bytes; ++i) {
    packet += fmt::format("{:02x}", static_cast<uint8_t>(value >> (8 * i)));
  }
  TRY_ASSIGN(const std::string reply, Command(packet));
  if (reply == "OK") return OkStatus();
  return {Code::kInternal,
          fmt::format("QEMU's gdb stub refused to write register {}: '{}'", number, reply)};
}

Status GdbClient::WriteMemory(uint32_t address, std::span<const uint8_t> bytes) {
  constexpr size_t kChunk = 1800;  // a packet of QEMU's stub holds 4096 characters
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (size_t at = 0; at < bytes.size(); at += kChunk) {
    const auto part = bytes.subspan(at, std::min(kChunk, bytes.size() - at));
    std::string packet = fmt::format("M{:x},{:x}:", address + at, part.size());
    for (const uint8_t byte : part) {
      packet += kDigits[byte >> 4];
      packet += kDigits[byte & 15];
    }
    TRY_ASSIGN(const std::string reply, Command(packet));
    if (reply == "OK") continue;
    return {Code::kInternal, fmt::format("QEMU's gdb stub refused to write {} bytes at {:#x}: '{}'",
                                         part.size(), address + at, reply)};
  }
  return OkStatus();
}

Status GdbClient::SetPoint(Point kind, uint32_t address, uint32_t length, bool on) {
  TRY_ASSIGN(const std::string reply,
             Command(fmt::format("{}{},{:x},{:x}", on ? 'Z' : 'z', static_cast<int>(kind), address,
                                 length)));
  if (reply == "OK") return OkStatus();
  return {Code::kInternal,
          fmt::format("QEMU's gdb stub refused a breakpoint at {:#x}: '{}'", address, reply)};
}

}  // namespace tinyrig::agent::vboard
