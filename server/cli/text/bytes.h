#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/status/status.h"

/// Sizes as people write and read them. One rule everywhere: kB = 1000 B, KiB = 1024 B.
namespace tinyrig::cli {

/// Parses a whole number with an optional unit: "32768", "100B", "32kB", "64 KiB", "2MB", "1GiB".
/// Units: B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024); at most one space before.
/// Errors: kInvalidArgument for anything else ("32K", "32KB", "1.5kB", a sign, more than 64 bits);
/// the message names the spelling that was probably meant.
Result<uint64_t> ParseBytes(std::string_view text);

/// The shortest exact spelling, which ParseBytes() reads back: 65536 -> "64KiB", 32000 -> "32kB".
std::string FormatBytesExact(uint64_t bytes);

/// Rounded for people, three or more digits, decimal units: 812 -> "812 B", 17040 -> "17.0 kB".
std::string FormatBytesShort(double bytes);

}  // namespace tinyrig::cli
