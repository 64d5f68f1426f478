#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace tinyrig {

/// Serials that makers leave in every unit, and none at all: they tell no two devices apart.
inline bool IsDefaultSerial(std::string_view serial) {
  constexpr std::string_view kDefaults[] = {"0001", "00000001", "0123456789ABCDEF",
                                            "123456789ABCDEF", "0123456789abcdef"};
  return std::ranges::all_of(serial, [](char c) { return c == '0'; }) ||
         std::ranges::find(kDefaults, serial) != std::end(kDefaults);
}

}  // namespace tinyrig
