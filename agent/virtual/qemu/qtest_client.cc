#include "agent/virtual/qemu/qtest_client.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace tinyrig::agent::vboard {
namespace {

char WidthLetter(uint32_t width) { return width == 1 ? 'b' : width == 2 ? 'w' : 'l'; }

std::string Base64(std::span<const uint8_t> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace

Result<std::string> QtestClient::Command(std::string_view line) {
  TRY(stream_.Write(fmt::format("{}\n", line)));
  TRY_ASSIGN(const std::string reply, stream_.ReadLine());
  if (!reply.starts_with("OK")) {
    return {Code::kInternal,
            fmt::format("QEMU's qtest refused '{}': {}", line.substr(0, 60), reply)};
  }
  return reply.substr(std::min<size_t>(reply.size(), 3));
}

Result<uint32_t> QtestClient::Read(uint32_t address, uint32_t width) {
  TRY_ASSIGN(const std::string text,
             Command(fmt::format("read{} {:#x}", WidthLetter(width), address)));
  uint64_t value = 0;
  const size_t start = text.starts_with("0x") ? 2 : 0;
  std::from_chars(text.data() + start, text.data() + text.size(), value, 16);
  return static_cast<uint32_t>(value);
}

Status QtestClient::Write(uint32_t address, uint32_t width, uint32_t value) {
  return Command(fmt::format("write{} {:#x} {:#x}", WidthLetter(width), address, value)).status();
}

Status QtestClient::ReadBlock(uint32_t address, std::span<uint8_t> bytes) {
  if (bytes.empty()) return OkStatus();
  TRY_ASSIGN(const std::string text,
             Command(fmt::format("b64read {:#x} {:#x}", address, bytes.size())));
  // The decoder writes whole groups of three, padding included.
  std::string decoded(3 * (text.size() / 4), '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0 || decoded.size() < bytes.size()) {
    return {Code::kInternal, fmt::format("QEMU's qtest answered a read of {} bytes at {:#x} badly",
                                         bytes.size(), address)};
  }
  std::copy_n(decoded.begin(), bytes.size(), bytes.begin());
  return OkStatus();
}

Status QtestClient::WriteBlock(uint32_t address, std::span<const uint8_t> bytes) {
  if (bytes.empty()) return OkStatus();
  return Command(fmt::format("b64write {:#x} {:#x} {}", address, bytes.size(), Base64(bytes)))
      .status();
}

}  // namespace tinyrig::agent::vboard
