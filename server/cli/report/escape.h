#pragma once

#include <string>
#include <string_view>

/// Text made safe for the formats that reports are written in. Everything that comes from users,
/// boards or files passes through one of these.
namespace tinyrig::cli {

/// For element content and quoted attributes of HTML and XML: & < > " ' become entities. What
/// XML 1.0 cannot carry (control characters but tab and line ends, broken UTF-8, U+FFFE, U+FFFF)
/// becomes U+FFFD.
std::string EscapeMarkup(std::string_view text);

/// One CSV field by RFC 4180: in quotes when it holds a quote, a comma, a line end or outer blanks.
std::string CsvField(std::string_view text);

/// The same text as valid UTF-8: each broken byte becomes U+FFFD. JSON needs it.
std::string ValidUtf8(std::string_view text);

}  // namespace tinyrig::cli
