#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// Access to test data that is not part of the project: $TINYRIG_TEST_DATA, else ../shared/data
/// beside the source tree. Absent data skips a test, or fails it when TINYRIG_REQUIRE_DATA=1.
namespace tinyrig {

inline std::string TestDataFolder() {
  const char* folder = std::getenv("TINYRIG_TEST_DATA");
  return folder != nullptr ? folder : TINYRIG_SOURCE_DIR "/../shared/data";
}

/// The file's bytes; empty when it cannot be read.
inline std::vector<std::byte> ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  const auto* first = reinterpret_cast<const std::byte*>(chars.data());
  return {first, first + chars.size()};
}

}  // namespace tinyrig

/// Reads TINYRIG_TEST_DATA/`name` into `bytes`, a std::vector<std::byte>, or ends the test.
#define TINYRIG_READ_TEST_DATA(bytes, name)                                             \
  const std::vector<std::byte> bytes =                                                  \
      ::tinyrig::ReadBytes(::tinyrig::TestDataFolder() + "/" + std::string(name));      \
  if (bytes.empty()) {                                                                  \
    const char* required = std::getenv("TINYRIG_REQUIRE_DATA");                         \
    if (required != nullptr && std::string(required) == "1") {                          \
      FAIL() << (name) << " is missing; set TINYRIG_TEST_DATA to the test data folder"; \
    }                                                                                   \
    GTEST_SKIP() << (name) << " is missing; set TINYRIG_TEST_DATA";                     \
  }                                                                                     \
  static_assert(true, "")
