#!/usr/bin/env python3
"""Checks what built code calls: no heap on a board, no input or output in the runtime, a pure compiler.

  check_symbols.py images FOLDER...      no heap in any firmware image (*.elf below the folders)
  check_symbols.py runtime ARCHIVE...    nothing but memory functions, arithmetic and itself
  check_symbols.py compiler ARCHIVE...   no files, clock, threads, environment or network
"""

import pathlib
import re
import subprocess
import sys

HEAP = re.compile(r"^(_?(malloc|calloc|realloc|reallocarray|free|sbrk|memalign|aligned_alloc|posix_memalign)(_r)?|"
                  r"_Z(nw|na|dl|da)[a-zA-Z].*|strdup|asprintf)$")

# Of code for every host: what compilers emit by themselves, sanitizers and coverage included.
COMPILERS_OWN = (r"_GLOBAL_OFFSET_TABLE_|__(stack_chk_fail|tls_get_addr|gcov_.*|asan_.*|ubsan_.*|tsan_.*|sanitizer_.*|"
                 r"aeabi_.*|[a-z]*(div|mul|mod|float|fix|shl|shr|ashl|ashr|lshr)[a-z0-9]*)")
RUNTIME_MAY = re.compile(
    rf"^(mem(cpy|move|set|cmp)|(exp|log|tanh|pow|round|floor|ceil|trunc|fabs|sqrt|rint|nearbyint|frexp|ldexp)f?|"
    rf"_ZN?K?[A-Za-z]*7tinyrig(7runtime|6device6Crc32c).*|{COMPILERS_OWN})$")

# A process' ways to the world, of libc and of the C++ library.
COMPILER_MUST_NOT = re.compile(
    r"^(f?open(at|64|dir)?|fdopen|freopen|creat|close|read|write|pread|pwrite|f(read|write|puts|putc|gets|close|flush)|"
    r"v?(f|d)?printf|puts|putchar|perror|stdin|stdout|stderr|remove|rename|unlink|mkdir|stat|fstat|lstat|readdir|mmap|"
    r"(secure_)?getenv|setenv|putenv|environ|time|clock|clock_.*|gettimeofday|localtime.*|gmtime.*|(nano|u)?sleep|"
    r"pthread_.*|thrd_.*|fork|exec.*|system|popen|socket|connect|send|recv|s?rand(om)?(_r)?|getrandom|"
    r"_ZNK?St(\d+basic_[io]?f(stream|ilebuf)|6chrono|6thread|10filesystem|13random_device|5mutex).*|"
    r"_ZNK?St\d+basic_.*filebuf.*|_ZSt(4cout|4cerr|4clog|3cin).*|_ZNSt8ios_base4Init.*)$")


def undefined(path, nm="nm"):
    """(member, symbol) of everything that a file or archive needs from elsewhere."""
    text = subprocess.run([nm, "-A", "-P", "-u", path], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        where, _, rest = line.partition(": ")
        yield where.rpartition("[")[2].rstrip("]"), rest.split()[0].partition("@")[0]


def all_symbols(path, nm):
    text = subprocess.run([nm, "-P", path], check=True, capture_output=True, text=True).stdout
    return [line.split()[0].partition("@")[0] for line in text.splitlines()]


def is_arm(path):
    with open(path, "rb") as file:
        head = file.read(20)
    return head[:4] == b"\x7fELF" and int.from_bytes(head[18:20], "little") == 40


def check_images(folders):
    images = sorted({p for folder in folders for p in pathlib.Path(folder).rglob("*.elf")})
    bad = []
    for image in images:
        nm = "arm-none-eabi-nm" if is_arm(image) else "nm"
        bad += [f"{image}: has {symbol}: firmware has no heap" for symbol in all_symbols(image, nm) if HEAP.match(symbol)]
    return bad, f"{len(images)} firmware images without a heap", len(images)


def check_runtime(archives):
    bad, members = [], set()
    for archive in archives:
        for member, symbol in undefined(archive):
            members.add((archive, member))
            if not RUNTIME_MAY.match(symbol):
                bad.append(f"{archive}: {member} needs {symbol}: the runtime knows neither heap nor input and output")
    return bad, f"{len(members)} objects of the runtime need nothing but arithmetic", len(members)


def check_compiler(archives):
    bad, members = [], set()
    for archive in archives:
        for member, symbol in undefined(archive):
            members.add((archive, member))
            if COMPILER_MUST_NOT.match(symbol):
                bad.append(f"{archive}: {member} needs {symbol}: the compiler turns bytes into bytes")
    return bad, f"{len(members)} objects of the compiler know no files, clock, threads or environment", len(members)


def main():
    check = {"images": check_images, "runtime": check_runtime, "compiler": check_compiler}[sys.argv[1]]
    bad, good, count = check(sys.argv[2:])
    print("\n".join(bad) if bad else good)
    # Nothing looked at is nothing proved.
    return 1 if bad or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
