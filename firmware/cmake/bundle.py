#!/usr/bin/env python3
"""Makes a firmware bundle from an ELF file and its linker map: OUT.elf, OUT.bin and OUT.json.

The JSON says what an agent needs to flash the image and to recognise it, and what each part of it
costs: every byte that is flashed belongs to exactly one class, and the classes add up to the .bin's
size. Kernels are told apart by operator and by weight form: what a form needs is what can be reached
from its line in the kernel table, section by section. Of kind `flat` the .bin is the loadable bytes as they lie in flash; of kind `process` it is a
program of the host, the ELF file without symbols.
"""

import argparse
import bisect
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import NamedTuple, Optional

import elf

# Which class an object file belongs to. The first match counts; `op` names a kernel's folder.
CLASSES = [
    (r"firmware/runtime/kernels/(?P<op>\w+)/", "kernels"),
    (r"firmware/runtime/(?P<op>fusion)/", "kernels"),
    (r"firmware/runtime/", "core"),
    (r"proto/device/crc32c\.cc", "core"),  # The blob's own check needs it.
    (r"/lib(gcc|c_nano|c|m)\.a", "core"),
    (r"firmware/(ports|protocol)/|proto/device/|nanopb|tests/|linker stubs", "rig"),
    (r"/crt\w+\.o|/libc_nonshared\.a", "rig"),
]
STACK_SECTION = ".stack"
KERNEL_TABLE = re.compile(r"\d+kKernelsE$")

SECTION = re.compile(r"^(\.[\w.-]+)(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+load address.*)?)?$")
INPUT = re.compile(r"^ (\.?[\w.$*-]+|\*fill\*|COMMON)(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+(.*))?)?$")
CONTINUED = re.compile(r"^\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+(.*))?$")


class Section(NamedTuple):
    size: int
    in_file: bool
    in_ram: bool
    offset: int  # of its bytes in the ELF file


class Piece(NamedTuple):
    """An input section, or padding (no path), as the map lists it."""
    section: str
    name: str
    address: int
    size: int
    path: Optional[str]


def fail(message):
    sys.exit(f"bundle.py: {message}")


def classify(path):
    for pattern, name in CLASSES:
        match = re.search(pattern, path)
        if match:
            return (name, match.groupdict().get("op"))
    fail(f"{path} is in no class: add it to CLASSES, so that its bytes are counted")


def crc32c(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def read_sections(image, ram_address):
    """Name -> Section of every allocated section. What a program of the host may write is in RAM
    as well as what lies at a RAM address."""
    sections = {}
    for s in image.sections:
        if s.flags & elf.SHF_ALLOC and s.size:
            in_ram = s.address >= ram_address or (image.wide and s.flags & elf.SHF_WRITE != 0)
            sections[s.name] = Section(s.size, s.kind != elf.SHT_NOBITS, in_ram, s.offset)
    return sections


def read_map(text):
    """Yields every Piece in order of address."""
    text = text.split("Linker script and memory map", 1)[1]
    lines = iter(text.splitlines())
    section = None
    for line in lines:
        match = SECTION.match(line)
        if match:
            section = match[1]
            continue
        match = INPUT.match(line)
        if not match or section is None:
            continue
        name, address, size, path = match.groups()
        if size is None:  # A long name stands on its own line.
            match = CONTINUED.match(next(lines))
            if not match:
                continue
            address, size, path = match.groups()
        if int(size, 16):
            yield Piece(section, name, int(address, 16), int(size, 16), path or None)


def without_merged(pieces):
    """A constant that was merged with an equal one is listed as if it still took its place: a piece ends
    where the next one of its section begins."""
    for piece, after in zip(pieces, pieces[1:] + [None]):
        size = piece.size
        if after and after.section == piece.section:
            size = min(size, after.address - piece.address)
        if size > 0:
            yield piece._replace(size=size)


def add(costs, where, what, size):
    name, op = what
    if name == "kernels":
        costs[where]["kernels"][op] = costs[where]["kernels"].get(op, 0) + size
    else:
        costs[where][name] += size


def kernel_table(image):
    """(operator kind, weight form, addresses of its functions) of every line of the kernel table:
    `struct Kernel` of firmware/runtime/kernels/kernel.h, two bytes and six pointers, of which five may be null."""
    pointer = 8 if image.wide else 4
    lines = []
    for table in (s for s in image.symbols if KERNEL_TABLE.search(s.name)):
        for at in range(table.value, table.value + table.size, 7 * pointer):
            head = image.word(at)
            functions = [image.word(at + i * pointer) & ~1 for i in range(1, 7)]
            lines.append((head & 255, head >> 8 & 255, [f for f in functions if f != 0]))
    return lines


def kernel_costs(image, pieces):
    """The pieces that only kernels need, and which of them each line of the kernel table reaches:
    ([(piece, bytes with the padding behind it)], [{kind, form, parts: [numbers of pieces]}])."""
    parts, sizes, last = [], [], False
    for piece in pieces:
        if piece.path:
            last = classify(piece.path)[0] == "kernels"
            if last:
                parts.append(piece)
                sizes.append(piece.size)
        elif last:
            sizes[-1] += piece.size
    order = sorted((p for p in pieces if p.path), key=lambda p: p.address)
    starts = [p.address for p in order]
    number = {p: i for i, p in enumerate(parts)}

    def piece_at(address):
        at = bisect.bisect_right(starts, address) - 1
        found = at >= 0 and address < order[at].address + order[at].size
        return order[at] if found else None

    refers = {}
    for place, target in image.references():
        source, to = piece_at(place), piece_at(target)
        if source and to:
            refers.setdefault(source, set()).add(to)

    lines = []
    for kind, form, functions in kernel_table(image):
        todo = [piece_at(function) for function in functions]
        if None in todo:
            fail(f"the kernel table has a function of kind {kind}, form {form} that is nowhere")
        reached = set(todo)
        while todo:
            for piece in refers.get(todo.pop(), ()):
                if piece not in reached:
                    reached.add(piece)
                    todo.append(piece)
        needed = sorted(number[piece] for piece in reached if piece in number)
        lines.append({"kind": kind, "form": form, "parts": needed})
    return list(zip(parts, sizes)), lines


def count(sections, pieces):
    costs = {
        "flash": {"core": 0, "kernels": {}, "rig": 0},
        "ram": {"core": 0, "kernels": {}, "rig": 0},
    }
    counted = dict.fromkeys(sections, 0)
    last = ("rig", None)
    for section, _, _, size, path in pieces:
        # Padding belongs to what comes before it.
        last = classify(path) if path else last
        counted[section] += size
        if sections[section].in_file:
            add(costs, "flash", last, size)
        if sections[section].in_ram:
            add(costs, "ram", last, size)
    for name, section in sections.items():
        # What the linker script itself reserves (handler stack, alignment) is the rig's.
        rest = section.size - counted[name]
        if name == STACK_SECTION:
            continue
        if rest < 0:
            fail(f"counted more bytes in {name} than it has")
        if section.in_file:
            costs["flash"]["rig"] += rest
        if section.in_ram:
            costs["ram"]["rig"] += rest
    return costs


def total_flash(costs):
    flash = costs["flash"]
    return flash["core"] + flash["rig"] + sum(flash["kernels"].values())


def build_id_of_flat(code, costs, symbols, sections):
    if total_flash(costs) != len(code):
        fail(f"classes add up to {total_flash(costs)} bytes, the image has {len(code)}")
    if symbols["__code_end"] - symbols["__code_start"] != len(code):
        fail("the image would compute its CRC over other bytes than those that are flashed")
    note = symbols["__build_id_note"] - symbols["__code_start"] + 16
    return code[note:note + 20]


def build_id_of_process(code, costs, symbols, sections):
    """Headers and what the dynamic linker needs are flashed too; the program's own variables lie
    outside of the board's RAM, which sets as much aside for them."""
    costs["flash"]["rig"] += len(code) - total_flash(costs)
    ram = costs["ram"]
    model = ram["core"] + sum(ram["kernels"].values())
    aside = symbols["__arena_start"] - symbols["__stack_high"]
    if model + ram["rig"] > aside:
        fail(f"variables take {model + ram['rig']} bytes, link.cmake sets {aside} aside")
    ram["rig"] = aside - model
    note = sections[".note.gnu.build-id"].offset + 16
    return code[note:note + 20]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("elf", "map", "port", "kernels", "kind", "objcopy", "nm", "out", "compiler", "flags"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()

    port = json.loads(pathlib.Path(args.port).read_text())
    out = pathlib.Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    elf_path = out.with_name(out.name + ".elf")
    bin_path = out.with_name(out.name + ".bin")
    shutil.copyfile(args.elf, elf_path)
    process = args.kind == "process"
    subprocess.run([args.objcopy, *(["--strip-all"] if process else ["-O", "binary"]), args.elf,
                    bin_path], check=True)

    symbols = {}
    for line in subprocess.run([args.nm, args.elf], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        value, _, name = line.rpartition(" ")
        if value.split()[0] not in ("U", "w"):
            symbols[name] = int(value.split()[0], 16)

    code = bin_path.read_bytes()
    image = elf.Elf(elf_path.read_bytes())
    sections = read_sections(elf.Elf(code) if process else image, int(port["ram_address"], 0))
    pieces = [piece for piece in without_merged(list(read_map(pathlib.Path(args.map).read_text())))
              if piece.section in sections and piece.section != STACK_SECTION]
    costs = count(sections, pieces)
    parts, lines = kernel_costs(image, [p for p in pieces if sections[p.section].in_file])
    # What no line of the table needs is there for all of them: the table itself.
    used = {part for line in lines for part in line["parts"]}
    for i, (piece, size) in enumerate(parts):
        if i not in used:
            costs["flash"]["kernels"][classify(piece.path)[1]] -= size
            costs["flash"]["core"] += size
    build_id_of = build_id_of_process if process else build_id_of_flat
    build_id = build_id_of(code, costs, symbols, sections)
    ram = costs["ram"]
    bundle = {
        "port": port["name"],
        "kernels": args.kernels,
        "build_id": build_id.hex(),
        "load_address": int(port["load_address"], 0),
        "firmware_size": len(code),
        "firmware_crc32c": crc32c(code),
        "blob_address": symbols["__blob_start"],
        "blob_limit": symbols["__blob_end"] - symbols["__blob_start"],
        "arena_address": symbols["__arena_start"],
        "arena_limit": symbols["__arena_end"] - symbols["__arena_start"],
        "mailbox_address": symbols["tinyrig_mailbox"],
        # Of a process the probe sees the board's RAM only.
        "rings_address": 0 if process else symbols["tinyrig_rings"],
        # Nothing of when and where: the same sources give the same file.
        "build": {
            "compiler": subprocess.run([args.compiler, "--version"], check=True, capture_output=True,
                                       text=True).stdout.splitlines()[0],
            "flags": args.flags,
        },
        "board_type": {key: port[key] for key in ("name", "core", "fidelity", "counter", "clock_hz",
                                                  "counter_hz", "ram_bytes", "flash_bytes", "caches",
                                                  "wait_states") if key in port},
        "flash": costs["flash"],
        "kernel_parts": [{"name": piece.name, "bytes": size} for piece, size in parts],
        "kernel_forms": lines,
        "ram": {
            "runtime_static": ram["core"] + sum(ram["kernels"].values()),
            "stack_reserved": symbols["__stack_high"] - symbols["__stack_low"],
            "rig": ram["rig"],
        },
    }
    # Written last: its presence says that the other two are complete.
    out.with_name(out.name + ".json").write_text(json.dumps(bundle, indent=2) + "\n")


if __name__ == "__main__":
    main()
