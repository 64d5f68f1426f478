#!/usr/bin/env python3
"""Checks of the firmware bundles that need no board.

  check_bundles.py content BUNDLES       no heap, no printf, no C++ runtime, nothing undefined; a sound vector table;
                                         figures that add up
  check_bundles.py rebuild BUNDLES ROOT  the same sources elsewhere, built elsewhere, give the same bytes
"""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

FORBIDDEN = re.compile(
    r"^(_?(malloc|calloc|realloc|free|sbrk)(_r)?|_Zn[wa].*|_Zd[la].*|v?(s|sn|f)?i?printf.*|"
    r"__cxa_.*|__gxx_personality.*|_Unwind_.*|abort|exit|atexit|_GLOBAL__sub_I.*)$")
FIELDS = ("port kernels build_id load_address firmware_size firmware_crc32c blob_address blob_limit "
          "arena_address arena_limit mailbox_address rings_address build board_type flash ram kernel_parts "
          "kernel_forms").split()
VECTORS = 128
RAM = 0x20000000


def fail(message):
    sys.exit(f"check_bundles.py: {message}")


def symbols(elf, nm):
    """(type, name) of every symbol."""
    text = subprocess.run([nm, elf], check=True, capture_output=True, text=True)
    return [tuple(line.split()[-2:]) for line in text.stdout.splitlines()]


def check_symbols(name, elf, nm):
    found = symbols(elf, nm)
    forbidden = [symbol for _, symbol in found if FORBIDDEN.match(symbol)]
    if forbidden:
        fail(f"{name}.elf contains {', '.join(forbidden)}: firmware has no heap, printf or exceptions")
    undefined = [symbol for kind, symbol in found if kind == "U"]
    if undefined:
        fail(f"{name}.elf lacks {', '.join(undefined)}")


def check_vectors(name, code, bundle):
    """The core takes its stack from the first word and every handler from the others."""
    stack, *handlers = struct.unpack_from(f"<{VECTORS}I", code)
    board = bundle["board_type"]
    if stack % 8 or not RAM < stack <= RAM + board["ram_bytes"]:
        fail(f"{name}: the handlers' stack would begin at {stack:#x}")
    load, end = bundle["load_address"], bundle["load_address"] + len(code)
    if bundle["load_address"] % (4 * VECTORS):
        fail(f"{name}: a vector table of {VECTORS} words cannot lie at {load:#x}")
    for number, handler in enumerate(handlers, 1):
        if handler % 2 != 1 or not load + 4 * VECTORS <= handler < end:
            fail(f"{name}: vector {number} is {handler:#x}, which is no code")


def check_size(name, elf, flash, ram):
    """What the tool of the toolchain says of the same file, by its own rules."""
    text = subprocess.run(["arm-none-eabi-size", elf], check=True, capture_output=True, text=True)
    text, data, bss = map(int, text.stdout.splitlines()[1].split()[:3])
    if text + data != flash:
        fail(f"{name}: flash classes add up to {flash} bytes, arm-none-eabi-size says {text + data}")
    variables = ram["runtime_static"] + ram["stack_reserved"] + ram["rig"]
    if data + bss != variables:
        fail(f"{name}: RAM classes add up to {variables} bytes, arm-none-eabi-size says {data + bss}")


def check_kernels(name, bundle):
    """Every kernel has pieces, and together they are what the classes say."""
    parts, forms = bundle["kernel_parts"], bundle["kernel_forms"]
    used = {part for line in forms for part in line["parts"]}
    total = sum(parts[i]["bytes"] for i in used)
    kernels = sum(bundle["flash"]["kernels"].values())
    if total != kernels:
        fail(f"{name}: the kernels' pieces add up to {total} bytes, their classes to {kernels}")
    lines = {(line["kind"], line["form"]) for line in forms}
    if len(lines) != len(forms) or not lines:
        fail(f"{name}: {len(forms)} lines in the kernel table for {len(lines)} kernels")
    for line in forms:
        own = sum(parts[i]["bytes"] for i in line["parts"])
        if not 0 < own < total:
            fail(f"{name}: kernel {line['kind']}, form {line['form']} needs {own} of {total} bytes")


def check_content(bundles):
    names = sorted(path.stem for path in bundles.glob("*.json"))
    ports = sorted({name.rpartition("-")[0] for name in names})
    if not ports or names != [f"{port}-{kernels}" for port in ports for kernels in ("dsp", "reference")]:
        fail(f"{bundles} holds {names}; build the target firmware_bundles")
    for name in names:
        bundle = json.loads((bundles / f"{name}.json").read_text())
        # A process has a C library, and no vectors.
        if bundle["board_type"]["fidelity"] != "native":
            check_symbols(name, bundles / f"{name}.elf", "arm-none-eabi-nm")
            check_vectors(name, (bundles / f"{name}.bin").read_bytes(), bundle)
        if sorted(bundle) != sorted(FIELDS):
            fail(f"{name}.json has the fields {sorted(bundle)}")
        size = (bundles / f"{name}.bin").stat().st_size
        flash = bundle["flash"]
        total = flash["core"] + flash["rig"] + sum(flash["kernels"].values())
        if not total == size == bundle["firmware_size"]:
            fail(f"{name}: classes add up to {total} bytes, the .bin has {size}")
        check_kernels(name, bundle)
        if bundle["load_address"] + size > bundle["blob_address"]:
            fail(f"{name}: the code runs into the blob")
        board = bundle["board_type"]
        end = bundle["load_address"] + board["flash_bytes"]
        if bundle["blob_address"] + bundle["blob_limit"] != end:
            fail(f"{name}: blob and flash do not end together")
        ram = bundle["ram"]
        used = ram["runtime_static"] + ram["stack_reserved"] + ram["rig"] + bundle["arena_limit"]
        if bundle["board_type"]["fidelity"] != "native":
            check_size(name, bundles / f"{name}.elf", total, ram)
        # Between variables and arena there is only alignment.
        if not 0 <= board["ram_bytes"] - used < 16:
            fail(f"{name}: RAM adds up to {used} of {board['ram_bytes']} bytes")
        print(f"{name}: {size} bytes, core {flash['core']}, kernels {sum(flash['kernels'].values())}, "
              f"rig {flash['rig']}")


def run(command):
    done = subprocess.run(command, env=dict(os.environ, CCACHE_DISABLE="1"), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        fail(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def check_rebuild(bundles, root):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "another" / "source"
        for part in ("firmware", "proto"):
            shutil.copytree(root / part, copy / part, ignore=shutil.ignore_patterns("zoo", "compiler"))
        build, out = pathlib.Path(folder) / "b", pathlib.Path(folder) / "out"
        run(["cmake", "-G", "Ninja", "-S", copy / "firmware/cmake/image", "-B", build,
             f"-DCMAKE_TOOLCHAIN_FILE={copy}/firmware/cmake/arm-none-eabi.cmake",
             "-DTINYRIG_PORT=virtual_m4", f"-DTINYRIG_BUNDLE_DIR={out}"])
        run(["cmake", "--build", build, "--target", "bundle_virtual_m4-dsp"])
        for suffix in (".bin", ".json", ".elf"):
            name = "virtual_m4-dsp" + suffix
            if (out / name).read_bytes() != (bundles / name).read_bytes():
                fail(f"{name} differs when it is built in another folder from another folder")
    print("virtual_m4-dsp: the same bytes")


def main():
    if sys.argv[1:2] == ["content"] and len(sys.argv) == 3:
        check_content(pathlib.Path(sys.argv[2]))
    elif sys.argv[1:2] == ["rebuild"] and len(sys.argv) == 4:
        check_rebuild(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
