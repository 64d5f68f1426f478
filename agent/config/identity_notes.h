#pragma once

#include <string>
#include <vector>

#include "agent/config/bench_file.h"

/// What of a bench file does not tell one instrument from another. Pure.
namespace tinyrig::agent {

/// A line for every board whose probe or port is named by a default serial, with what to do.
std::vector<std::string> IdentityNotes(const BenchConfig& config);

}  // namespace tinyrig::agent
