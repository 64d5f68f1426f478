#!/usr/bin/env python3
"""Instructions a MAC of fused phases beside the same layers one by one, from counters on a board.

    benchmarks/fused.py [--board-type virtual_m7] [--weights int16] MODEL SETTING...

prints a Markdown table for each setting. Unfused layers run with int16 weights, the quickest kernels there are.
`tinyrig` is taken from $TINYRIG, build/release/bin, or the path.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

BUILT = pathlib.Path(__file__).absolute().parents[1] / "build" / "release" / "bin" / "tinyrig"
TINYRIG = os.environ.get("TINYRIG") or (BUILT if BUILT.exists() else shutil.which("tinyrig"))


def tinyrig(*arguments):
    done = subprocess.run([TINYRIG, *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def profile(model, board_type, variant):
    return tinyrig("profile", model, "--board-type", board_type, "--variant", variant)["profiles"][0]["layers"]


def phases(layers):
    """(first operator of the file, last, counted instructions, MACs) of each fused phase."""
    before = -1
    for layer in layers:
        if layer["name"] == "FUSED":
            yield before + 1, layer["tflite_index"], layer["counted"], layer["macs"]
        before = layer["tflite_index"]


def table(model, setting, fused, alone):
    print(f"\n{model}, {setting}\n")
    print("| operators | MACs | a MAC | unfused MACs | a MAC | times |\n|---|--:|--:|--:|--:|--:|")
    total = [0, 0, 0, 0]
    for first, last, counted, macs in phases(fused):
        same = [layer for layer in alone if first <= layer["tflite_index"] <= last]
        row = [counted, macs, sum(layer["counted"] for layer in same), sum(layer["macs"] for layer in same)]
        total = [a + b for a, b in zip(total, row)]
        print(line(f"{first}-{last}", *row))
    print(line("all", *total))


def line(name, counted, macs, alone, alone_macs):
    fused, unfused = counted / macs, alone / alone_macs
    return f"| {name} | {macs:,} | {fused:.2f} | {alone_macs:,} | {unfused:.2f} | {fused / unfused:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board-type", default="virtual_m7")
    parser.add_argument("--weights", default="int16", help="of the fused variant")
    parser.add_argument("model")
    parser.add_argument("settings", nargs="+")
    args = parser.parse_args()
    alone = profile(args.model, args.board_type, "kernels=dsp,weights=int16")
    for setting in args.settings:
        variant = f"kernels=dsp,weights={args.weights},fusion={setting}"
        table(args.model, setting, profile(args.model, args.board_type, variant), alone)


if __name__ == "__main__":
    main()
