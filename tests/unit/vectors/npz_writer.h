#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tinyrig::vectors::testing {

using Bytes = std::vector<uint8_t>;

/// A version 1 .npy with this header text (without padding) and data.
Bytes Npy(const std::string& header, const Bytes& data);
/// The same with a well-formed header.
Bytes Npy(const std::string& descr, const std::string& shape, const Bytes& data);
/// A ZIP with these entries; deflated when `compress`.
Bytes Npz(const std::vector<std::pair<std::string, Bytes>>& entries, bool compress = false);

}  // namespace tinyrig::vectors::testing
