#pragma once

#include <string>

#include "proto/tinyrig/v1/jobs.pb.h"

/// What an attempt moved to and from its board, in a line each. Pure.
namespace tinyrig::cli {

/// "flash: 4.1 kB in 1 sector written, 61.4 kB in 15 kept; 7 erasures of the most worn one". Empty
/// for an attempt that says nothing of it.
std::string FlashText(const v1::Attempt& attempt);

/// "link: 138.2 kB of vectors in 0.25 s (553.0 kB/s); 143.1 kB to the board, 5.2 kB back". Says
/// damaged frames and repetitions when there were any. Empty as above.
std::string LinkText(const v1::Attempt& attempt);

}  // namespace tinyrig::cli
