#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tinyrig::server {

/// The functions of a firmware, to name the place of a crash.
class SymbolTable {
 public:
  /// Reads the function symbols of a little-endian ELF file. Anything else gives an empty table; no
  /// byte of a damaged file is trusted.
  static SymbolTable FromElf(std::span<const std::byte> elf);

  /// "tinyrig::runtime::Softmax(...) + 0x1c"; empty when no function holds the address. Of Arm
  /// firmware the Thumb bit does not matter.
  std::string NameOf(uint32_t address) const;

  size_t size() const { return functions_.size(); }

 private:
  struct Function {
    uint32_t address;
    uint32_t size;
    std::string name;  ///< As in the file, mangled.
  };
  std::vector<Function> functions_;  // By address.
  uint32_t thumb_bit_ = 0;
};

}  // namespace tinyrig::server
