#include "server/cli/text/visible.h"

#include <fmt/format.h>

namespace tinyrig::cli {

std::string Visible(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 0x20 && byte < 0x7F) || c == '\n' || c == '\r' || c == '\t';
    text += plain ? std::string(1, c) : fmt::format("<{:02x}>", byte);
  }
  return text;
}

}  // namespace tinyrig::cli
