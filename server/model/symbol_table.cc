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

/// The same file format in two widths.
struct Elf32 {
  using Header = Elf32_Ehdr;
  using Section = Elf32_Shdr;
  using Symbol = Elf32_Sym;
};
struct Elf64 {
  using Header = Elf64_Ehdr;
  using Section = Elf64_Shdr;
  using Symbol = Elf64_Sym;
};

template <typename Elf>
std::optional<typename Elf::Section> SectionOf(std::span<const std::byte> elf,
                                               const typename Elf::Header& header, uint32_t index) {
  using Section = typename Elf::Section;
  const uint64_t offset = uint64_t{index} * sizeof(Section);
  if (index >= header.e_shnum || header.e_shoff > elf.size()) return std::nullopt;
  return At<Section>(elf, header.e_shoff + offset);
}

/// Calls `take` with address, size and name of every function.
template <typename Elf, typename Take>
void ForEachFunction(std::span<const std::byte> elf, Take take) {
  using Symbol = typename Elf::Symbol;
  const auto header = At<typename Elf::Header>(elf, 0);
  if (!header || header->e_shentsize != sizeof(typename Elf::Section)) return;
  for (uint32_t i = 0; i < header->e_shnum; ++i) {
    const auto section = SectionOf<Elf>(elf, *header, i);
    if (!section || section->sh_type != SHT_SYMTAB || section->sh_offset > elf.size()) continue;
    const auto strings = SectionOf<Elf>(elf, *header, section->sh_link);
    if (!strings || strings->sh_offset > elf.size()) continue;
    for (uint64_t at = 0; at + sizeof(Symbol) <= section->sh_size; at += sizeof(Symbol)) {
      const auto symbol = At<Symbol>(elf, section->sh_offset + at);
      if (!symbol) break;
      // Addresses have 32 bits on the wire: what lies beyond cannot be asked for.
      const bool reachable = symbol->st_value <= UINT32_MAX && symbol->st_size <= UINT32_MAX;
      if (ELF32_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_size == 0 || !reachable)
        continue;
      std::string name = TextAt(elf, uint64_t{strings->sh_offset} + symbol->st_name);
      if (name.empty()) continue;
      take(static_cast<uint32_t>(symbol->st_value), static_cast<uint32_t>(symbol->st_size),
           std::move(name));
    }
  }
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
  // Both widths have these fields at the same place.
  const auto header = At<Elf32_Ehdr>(elf, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return table;
  }
  table.thumb_bit_ = header->e_machine == EM_ARM ? 1 : 0;
  const auto take = [&table](uint32_t address, uint32_t size, std::string name) {
    table.functions_.push_back({address & ~table.thumb_bit_, size, std::move(name)});
  };
  if (header->e_ident[EI_CLASS] == ELFCLASS32) ForEachFunction<Elf32>(elf, take);
  if (header->e_ident[EI_CLASS] == ELFCLASS64) ForEachFunction<Elf64>(elf, take);
  std::ranges::sort(table.functions_, {}, &Function::address);
  return table;
}

std::string SymbolTable::NameOf(uint32_t address) const {
  address &= ~thumb_bit_;
  auto after = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (after == functions_.begin()) return {};
  const Function& function = *--after;
  const uint32_t offset = address - function.address;
  if (offset >= function.size) return {};
  return fmt::format("{} + {:#x}", Demangle(function.name), offset);
}

}  // namespace tinyrig::server
