"""What bundle.py needs of an ELF file: sections, symbols, and which address refers to which other.

Little-endian files of 32 bits (Arm) and 64 bits (x86-64), linked with --emit-relocs.
"""

import struct
from typing import NamedTuple

SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 2, 4, 8, 9
SHF_WRITE, SHF_ALLOC = 1, 2
STT_FUNC, STT_SECTION = 2, 3

# Relocations by how their target is found (Arm IHI 0044, x86-64 psABI).
ARM_WORDS = {2, 38}  # ABS32, TARGET1: the word itself is the address
ARM_BRANCHES = {10, 28, 29, 30, 51, 102, 103}  # THM_CALL, CALL, JUMP24, THM_JUMP24/19/11/8
ARM_HALVES = {43, 44, 47, 48}  # MOVW and MOVT
ARM_IGNORED = {0, 40, 42}  # NONE, V4BX, PREL31 (unwinding, which images do not have)
X86_ABSOLUTE = {1, 10, 11}  # 64, 32, 32S
X86_RELATIVE = {2, 4, 9, 24, 41, 42}  # PC32, PLT32, GOTPCREL, PC64, GOTPCRELX


class Section(NamedTuple):
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int


class Symbol(NamedTuple):
    name: str
    value: int
    size: int
    kind: int


class Elf:
    def __init__(self, data):
        if data[:4] != b"\x7fELF" or data[5] != 1:
            raise ValueError("not a little-endian ELF file")
        self.data = data
        self.wide = data[4] == 2
        offset, = struct.unpack_from("<Q" if self.wide else "<I", data, 40 if self.wide else 32)
        entry, count, names = struct.unpack_from("<HHH", data, 58 if self.wide else 46)
        headers = [struct.unpack_from("<IIQQQQIIQQ" if self.wide else "<10I", data, offset + i * entry)
                   for i in range(count)]
        self.sections = [
            Section(self._text(headers[names][4] + name), kind, flags, address, at, size, link, info)
            for name, kind, flags, address, at, size, link, info, _, _ in headers]
        self.symbols = self._symbols()

    def _text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def _symbols(self):
        tables = [s for s in self.sections if s.kind == SHT_SYMTAB]
        if not tables:
            return []
        table, names = tables[0], self.sections[tables[0].link].offset
        symbols = []
        for at in range(table.offset, table.offset + table.size, 24 if self.wide else 16):
            if self.wide:
                name, info, _, _, value, size = struct.unpack_from("<IBBHQQ", self.data, at)
            else:
                name, value, size, info, _, _ = struct.unpack_from("<IIIBBH", self.data, at)
            symbols.append(Symbol(self._text(names + name), value, size, info & 15))
        return symbols

    def word(self, address):
        """The pointer-sized value at an address that the file holds."""
        for section in self.sections:
            if section.flags & SHF_ALLOC and section.kind != SHT_NOBITS and \
                    section.address <= address < section.address + section.size:
                return struct.unpack_from("<Q" if self.wide else "<I", self.data,
                                          section.offset + address - section.address)[0]
        raise ValueError(f"nothing at {address:#x}")

    def references(self):
        """Yields (address, address it refers to) for every relocation of what is loaded."""
        for section in self.sections:
            if section.kind not in (SHT_REL, SHT_RELA):
                continue
            if not self.sections[section.info].flags & SHF_ALLOC or section.flags & SHF_ALLOC:
                continue  # of debug information; of the dynamic linker
            yield from self._x86(section) if self.wide else self._arm(section)

    def _arm(self, section):
        for at in range(section.offset, section.offset + section.size, 8):
            place, info = struct.unpack_from("<II", self.data, at)
            symbol, kind = self.symbols[info >> 8], info & 255
            if kind in ARM_WORDS:
                yield place, self.word(place) & ~1
            elif kind in ARM_BRANCHES or kind in ARM_HALVES:
                if symbol.kind == STT_SECTION:
                    raise ValueError(f"a reference at {place:#x} that only its instruction tells")
                yield place, symbol.value & ~1
            elif kind not in ARM_IGNORED:
                raise ValueError(f"relocation {kind} at {place:#x} is not known")

    def _x86(self, section):
        for at in range(section.offset, section.offset + section.size, 24):
            place, info, addend = struct.unpack_from("<QQq", self.data, at)
            symbol, kind = self.symbols[info >> 32], info & 0xFFFFFFFF
            if kind in X86_ABSOLUTE:
                yield place, symbol.value + addend
            elif kind in X86_RELATIVE:  # From the next instruction, four bytes on.
                yield place, symbol.value + addend + 4
            elif kind != 0:
                raise ValueError(f"relocation {kind} at {place:#x} is not known")
