#pragma once

#include <string>
#include <string_view>

namespace tinyrig::cli {

/// What a board says, harmless for a terminal: printable ASCII, line ends and tabs stay, every
/// other byte becomes "<1b>".
std::string Visible(std::string_view bytes);

}  // namespace tinyrig::cli
