#include "server/model/symbol_table.h"

#include <cxxabi.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

namespace tinyrig::server {
namespace {

constexpr uint32_t kThumbBit = 1;

/// A T at an offset of the file, when all of it is there.
template <typename T>
std::optional<T> At(std::span<const std::byte> file, uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return value;
}

/// The zero-terminated text at an offset; empty when it does not end within the file.
std::string TextAt(std::span<const std::byte> file, uint64_t offset) {
  if (offset >= file.size()) return {};
  const auto* begin = reinterpret_cast<const char*>(file.data()) + offset;
  const auto* end = static_cast<const char*>(std::memchr(begin, 0, file.size() - offset));
  return end == nullptr ? std::string() : std::string(begin, end);
}

std::optional<Elf32_Shdr> SectionOf(std::span<const std::byte> elf, const Elf32_Ehdr& header,
                                    uint32_t index) {
  if (index >= header.e_shnum) return std::nullopt;
  return At<Elf32_Shdr>(elf, header.e_shoff + uint64_t{index} * sizeof(Elf32_Shdr));
}

std::string Demangle(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? std::string(plain.get()) : name;
}

}  // namespace

SymbolTable SymbolTable::FromElf(std::span<const std::byte> elf) {
  SymbolTable table;
  const auto header = At<Elf32_Ehdr>(elf, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS32 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
      header->e_shentsize != sizeof(Elf32_Shdr)) {
    return table;
  }
  for (uint32_t i = 0; i < header->e_shnum; ++i) {
    const auto section = SectionOf(elf, *header, i);
    if (!section || section->sh_type != SHT_SYMTAB) continue;
    const auto strings = SectionOf(elf, *header, section->sh_link);
    if (!strings) continue;
    for (uint64_t at = 0; at + sizeof(Elf32_Sym) <= section->sh_size; at += sizeof(Elf32_Sym)) {
      const auto symbol = At<Elf32_Sym>(elf, section->sh_offset + at);
      if (!symbol) break;
      if (ELF32_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_size == 0) continue;
      std::string name = TextAt(elf, uint64_t{strings->sh_offset} + symbol->st_name);
      if (name.empty()) continue;
      table.functions_.push_back({symbol->st_value & ~kThumbBit, symbol->st_size, std::move(name)});
    }
  }
  std::ranges::sort(table.functions_, {}, &Function::address);
  return table;
}

std::string SymbolTable::NameOf(uint32_t address) const {
  address &= ~kThumbBit;
  auto after = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (after == functions_.begin()) return {};
  const Function& function = *--after;
  const uint32_t offset = address - function.address;
  if (offset >= function.size) return {};
  return fmt::format("{} + {:#x}", Demangle(function.name), offset);
}

}  // namespace tinyrig::server
