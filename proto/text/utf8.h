#pragma once

#include <string>
#include <string_view>

namespace tinyrig {

/// Protobuf strings and JSON must be UTF-8; names inside a model or an archive, and what a tool or
/// a probe says, are whatever bytes somebody wrote.

/// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool IsUtf8(std::string_view text);

/// The text with each byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string ToUtf8(std::string_view text);

}  // namespace tinyrig
