#include "proto/channel/pem.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace tinyrig {

Result<std::string> ReadPem(const std::string& path, const std::string& what) {
  constexpr size_t kMaxBytes = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{}: cannot read '{}': {}", what, path, std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes || text.find("-----BEGIN ") == std::string::npos) {
    return Status(Code::kInvalidArgument,
                  fmt::format("{}: '{}' is no PEM file (-----BEGIN ...)", what, path));
  }
  return text;
}

}  // namespace tinyrig
