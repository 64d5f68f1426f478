#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/bench_file.h"

/// What of a bench file does not tell one instrument from another. Pure.
namespace tinyrig::agent {

/// Makers leave these in every unit: as good as no serial.
bool IsDefaultSerial(std::string_view serial);

/// A line for every board whose probe or port is named by such a serial, with what to do.
std::vector<std::string> IdentityNotes(const BenchConfig& config);

}  // namespace tinyrig::agent
