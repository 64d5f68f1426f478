#!/usr/bin/env python3
"""Checks the dependency rules of the tree: who may include what. Usage: check_includes.py ROOT

A rule: files under `where` (but not under `but`) must not include a path that matches `never`.
"""

import pathlib
import re
import sys
from typing import NamedTuple


class Rule(NamedTuple):
    why: str
    where: str
    never: str
    but: str = "$^"


HOST_ONLY = r"^(grpc|boost/|sqlite3|google/protobuf|spdlog|fmt/|nlohmann/|yaml-cpp|asio)"
# In `where` and `but`, paths are relative to the root.
RULES = [
    Rule("the frame codec and Code are freestanding", r"^proto/(device/|status/code\.h)",
         r"^(string|vector|memory|functional|iostream|map|proto/(tinyrig|status/status))|" + HOST_ONLY),
    Rule("the runtime knows no I/O, no port, no heap", r"^firmware/runtime/",
         r"^(firmware/(ports|protocol|compiler)|agent|server|proto/(tinyrig|vectors)|iostream|fstream|cstdio|stdio|"
         r"string$|vector|memory$|functional|map$|new$)|" + HOST_ONLY),
    Rule("the compiler is pure: no files, no clock, no network", r"^firmware/compiler/",
         r"^(firmware/(ports|protocol)|agent/|server/|proto/tinyrig|fstream|filesystem|chrono|thread|"
         r"unistd|fcntl|grpc|boost/asio|sqlite3)"),
    Rule("agent and server meet in proto/", r"^agent/", r"^server/"),
    Rule("agent and server meet in proto/", r"^server/", r"^agent/"),
    Rule("a driver includes instruments, process and proto only", r"^agent/drivers/",
         r"^agent/(session|uplink|virtual)/", but=r"^agent/drivers/registry"),
    Rule("only the registry names drivers", r"^agent/(?!drivers/)", r"^agent/drivers/(?!registry)"),
    Rule("the server's core is pure", r"^server/(model|planning|scheduling|results)/",
         r"^(grpc|boost/asio|sqlite3|chrono|server/(store|api|cli))"),
    Rule("sqlite3.h stays in the store", r"^(server|agent)/", r"^sqlite3", but=r"^server/store/"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def driver_of(path: str) -> str:
    parts = path.split("/")
    return parts[2] if len(parts) > 3 and path.startswith("agent/drivers/") else ""


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    broken = []
    files = 0
    for top in ("proto", "firmware", "agent", "server"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cc", ".c"):
                continue
            files += 1
            name = path.relative_to(root).as_posix()
            for include in INCLUDE.findall(path.read_text()):
                for rule in RULES:
                    if re.search(rule.where, name) and not re.search(rule.but, name) and re.search(rule.never, include):
                        broken.append(f"{name}: includes {include}: {rule.why}")
                other = driver_of(include)
                if other and driver_of(name) and other != driver_of(name):
                    broken.append(f"{name}: includes {include}: no driver includes another")
    print("\n".join(broken) if broken else f"{files} files keep the dependency rules")
    return 1 if broken or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
