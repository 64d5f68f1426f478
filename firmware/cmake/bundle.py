#!/usr/bin/env python3
"""Makes a firmware bundle from an ELF file and its linker map: OUT.elf, OUT.bin and OUT.json.

The JSON says what an agent needs to flash the image and to recognise it, and what each part of it
costs: every byte that is flashed belongs to exactly one class, and the classes add up to the .bin's
size. Of kind `flat` the .bin is the loadable bytes as they lie in flash; of kind `process` it is a
program of the host, the ELF file without symbols.
"""

import argparse
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
from typing import NamedTuple

# Which class an object file belongs to. The first match counts; `op` names a kernel's folder.
CLASSES = [
    (r"firmware/runtime/kernels/(?P<op>\w+)/", "kernels"),
    (r"firmware/runtime/", "core"),
    (r"proto/device/crc32c\.cc", "core"),  # The blob's own check needs it.
    (r"/lib(gcc|c_nano|c|m)\.a", "core"),
    (r"firmware/(ports|protocol)/|proto/device/|nanopb|tests/|linker stubs", "rig"),
    (r"/crt\w+\.o|/libc_nonshared\.a", "rig"),
]
STACK_SECTION = ".stack"

SECTION = re.compile(r"^(\.[\w.-]+)(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+load address.*)?)?$")
INPUT = re.compile(r"^ (\.?[\w.$*-]+|\*fill\*|COMMON)(?:\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+(.*))?)?$")
CONTINUED = re.compile(r"^\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+(.*))?$")


class Section(NamedTuple):
    size: int
    in_file: bool
    in_ram: bool
    offset: int  # of its bytes in the ELF file


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


def read_sections(elf, ram_address):
    """Name -> Section of every allocated section. What a program of the host may write is in RAM
    as well as what lies at a RAM address."""
    if elf[:4] != b"\x7fELF" or elf[5] != 1:
        fail("not a little-endian ELF file")
    wide = elf[4] == 2
    offset, = struct.unpack_from("<Q" if wide else "<I", elf, 40 if wide else 32)
    entry_size, count, names_index = struct.unpack_from("<HHH", elf, 58 if wide else 46)
    headers = [struct.unpack_from("<IIQQQQ" if wide else "<6I", elf, offset + i * entry_size)
               for i in range(count)]
    names = headers[names_index][4]
    sections = {}
    for name, kind, flags, address, at, size in headers:
        if flags & 2 and size:
            end = elf.index(b"\0", names + name)
            in_ram = address >= ram_address or (wide and flags & 1 != 0)
            sections[elf[names + name:end].decode()] = Section(size, kind != 8, in_ram, at)
    return sections


def read_map(text):
    """Yields (output section, size, object path or None for padding) in order of address."""
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
        size, path = match[3], match[4]
        if size is None:  # A long name stands on its own line.
            match = CONTINUED.match(next(lines))
            if not match:
                continue
            size, path = match[2], match[3]
        if int(size, 16):
            yield section, int(size, 16), path or None


def add(costs, where, what, size):
    name, op = what
    if name == "kernels":
        costs[where]["kernels"][op] = costs[where]["kernels"].get(op, 0) + size
    else:
        costs[where][name] += size


def count(sections, map_text):
    costs = {
        "flash": {"core": 0, "kernels": {}, "rig": 0},
        "ram": {"core": 0, "kernels": {}, "rig": 0},
    }
    counted = dict.fromkeys(sections, 0)
    last = ("rig", None)
    for section, size, path in read_map(map_text):
        if section not in sections or section == STACK_SECTION:
            continue
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
    for name in ("elf", "map", "port", "kernels", "kind", "objcopy", "nm", "out"):
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
    elf = code if process else elf_path.read_bytes()
    sections = read_sections(elf, int(port["ram_address"], 0))
    costs = count(sections, pathlib.Path(args.map).read_text())
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
        "board_type": {key: port[key] for key in ("name", "core", "fidelity", "counter", "clock_hz",
                                                  "counter_hz", "ram_bytes", "flash_bytes")},
        "flash": costs["flash"],
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
