#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tinyrig::cli {

/// What a terminal shows without scrolling sideways; texts are broken for it whatever they are
/// written to, so that a log looks as the screen did.
inline constexpr size_t kTextWidth = 80;

/// The text in lines of at most `width` columns, broken at blanks, each with `indent` blanks before
/// it and '\n' behind it. A word that is longer than a line stays whole. Control characters become
/// '?'; empty text gives an empty string.
std::string Wrap(std::string_view text, size_t indent = 0, size_t width = kTextWidth);

}  // namespace tinyrig::cli
