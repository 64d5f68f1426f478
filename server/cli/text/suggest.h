#pragma once

#include <span>
#include <string>
#include <string_view>

/// Help for people who mistyped a name.
namespace tinyrig::cli {

/// Letters to insert, delete, change or swap with their neighbour to get from one word to the
/// other.
size_t EditDistance(std::string_view a, std::string_view b);

/// The known word that was probably meant: nearest, at most a third of its letters away. Empty if
/// none.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

/// "; did you mean 'variants'? Known: name, models, variants" (the question only when there is a
/// near word). Meant to be put behind what is wrong.
std::string SuggestFrom(std::string_view word, std::span<const std::string_view> known);

}  // namespace tinyrig::cli
