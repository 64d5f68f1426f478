#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// What the server would send to a bench: a firmware bundle with a model, and how to run it.
/// Files are written into a folder under the names that their refs have as sha256.
struct BuiltImage {
  v1::Image image;
  uint32_t input_bytes = 0;
  uint32_t output_bytes = 0;
  std::vector<std::byte> blob;
};

/// A model of firmware/zoo compiled for `variant`, with the bundle of its kernel set for `port`.
/// Throws std::runtime_error: the tests cannot go on without.
BuiltImage BuildZooImage(const std::string& model, const std::string& variant,
                         const std::filesystem::path& folder,
                         const std::string& port = "virtual_m4");

/// A compiled model with the bundle of its kernel set for `port`. Throws as above.
BuiltImage BuildImage(std::vector<std::byte> blob, const std::filesystem::path& folder,
                      const std::string& port);

/// The firmware whose kernels crash on command (tests/integration/firmware/programs), with a model
/// of one operator that takes `input_bytes` and copies the first `output_bytes` of them (0: all).
BuiltImage BuildFaultyImage(uint32_t input_bytes, const std::filesystem::path& folder,
                            const std::string& port = "virtual_m4", uint32_t output_bytes = 0);

std::vector<uint8_t> ReadZooFile(const std::string& name);
/// Copies a file of firmware/zoo into the folder.
v1::ArtifactRef AddZooFile(const std::string& name, const std::filesystem::path& folder);

}  // namespace tinyrig::agent
