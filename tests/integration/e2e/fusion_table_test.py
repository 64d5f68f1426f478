"""Every fusion setting on every net, on virtual boards: the bytes of the layers one by one, MACs and arena of the plan.

Short in ctest (one small net); whole by hand: fusion_table_test.py --nets all
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import bench

TINYRIG = bench.BUILD / "bin" / "tinyrig"


def published(name):
    return lambda: bench.BUILD / "share" / "tinyrig" / "zoo" / f"{name}.tflite"


def foreign(name):
    return lambda: bench.foreign_data("models", name)


NETS = {
    "kws": foreign("kws_ref_model.tflite"),
    "vww": foreign("vww_96_int8.tflite"),
    "resnet8": foreign("pretrainedResnet_quant.tflite"),
    "mbv2-w0.35-r144": published("mbv2-w0.35-r144"),
    "mn2-vww5": published("mn2-vww5"),
    "mn2-320k": published("mn2-320k"),
    "mn2-vww5 as published": foreign("tinyengine_vww.tflite"),
    "mn2-320k as published": foreign("mcunet-320kb-1mb_imagenet.tflite"),
}
# RAM limits halfway between a family's ends; block lists come from other plans.
SETTINGS = [
    "head_patch", "head_patch:input=rows", "head_patch:output=pooled", "head_stream", "head_stream:input=slabs",
    "msf:f_max=1.3", "msf:ram=HALF", "msf:min_ram", "msf:min_ram:input=resident:output=resident",
    "tiny:f_max=1.1", "tiny:ram=HALF", "tiny:min_ram", "tiny:min_ram:input=resident", "tiny:min_ram:input=rows",
    "tiny:min_ram:input=slabs", "none:input=rows", "LIST", "PATCHES",
]
REFUSED = {
    "head_patch:input=slabs": "patches read whole rows of the input, slabs have none; use input=rows, resident or outside",
    "tiny:ram=10B": "no plan of this family fits 10 B; the least is",
    "[0p1x1] [1": "is not closed after block 1",
}


def plan(model, setting, check=True):
    done = subprocess.run([TINYRIG, "plan", model, "--fusion", setting, "--json"], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"plan {model} {setting}: {done.stderr}")
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def setting_for(model, wanted):
    """The words in capitals, filled in for a net."""
    if wanted.endswith("HALF"):
        family = wanted.split(":")[0]
        front = [point["arena_bytes"] for point in plan(model, family + ":front")["front"]]
        return wanted.replace("HALF", f"{(front[0] + front[-1]) // 2}B")
    if wanted == "LIST":
        return plan(model, "tiny:f_max=1.2")["blocks"]
    if wanted == "PATCHES":  # In the middle of the net, and rows of its last layers.
        layers = plan(model, "none")["layers"]
        middle, end = layers // 2, max(layers // 2 + 1, layers - 2)
        alone = [f"[{layer}]" for layer in range(end)]
        alone[middle] = f"[{middle}p3x2]"
        return " ".join([*alone, f"[{end}-{layers - 1}h2]"])
    return wanted


def mistakes_of(job, planned):
    checks = {
        "state": (job["state"], "succeeded"),
        "output_mismatches": (job.get("output_mismatches"), 0),
        "fused_macs": (job.get("fused_macs"), planned["macs"]),
        # Places are words: behind the last value up to three bytes are nobody's.
        "arena_used_bytes in words": (job.get("arena_used_bytes", 0) + 3 & ~3, job.get("arena_bytes", 0) + 3 & ~3),
        "arena_without_io_bytes": (job.get("arena_without_io_bytes"), planned["peak_ram_without_io_bytes"]),
    }
    return [f"{name} is {found}, not {wanted}" for name, (found, wanted) in checks.items() if found != wanted]


def measure(on, net, model, folder):
    """Jobs of all settings in one campaign; the number of jobs that are not as they should be."""
    settings = {setting_for(model, wanted): wanted for wanted in SETTINGS}
    campaign = folder / "table.yaml"
    campaign.write_text(json.dumps({
        "models": [str(model)], "board_types": [on.board_type], "vectors": "AB", "repetitions": 1, "warmup": 0,
        "layer_hashes": True, "attempt_timeout_s": 600,
        "variants": {"kernels": ["dsp"], "weights": ["int8"], "fusion": ["none", *settings]}}))
    run = subprocess.run([TINYRIG, "run", campaign, "--wait", "--json", "--server", f"unix:{on.server_socket}"],
                         capture_output=True, text=True)
    if not run.stdout:
        raise AssertionError(run.stderr)
    jobs = {job["variant"]["fusion"]: job for job in json.loads(run.stdout)["jobs"]}
    alone = jobs.pop("none")
    wrong = 0 if alone["state"] == "succeeded" and alone["output_mismatches"] == 0 else 1
    print(f"\n{net}: {alone['arena_bytes']:,} B ({alone['arena_without_io_bytes']:,} without in and out), "
          f"{alone['instructions_p50']:,} instructions")
    for setting, job in jobs.items():
        planned = plan(model, setting)
        mistakes = mistakes_of(job, planned)
        wrong += bool(mistakes)
        print(f"  {settings[setting]:<46} {job.get('arena_used_bytes', 0):>9,} {job.get('arena_without_io_bytes', 0):>9,} "
              f"{job.get('mac_factor', 0):>6.3f} {job.get('instructions_p50', 0):>13,} "
              f"{'; '.join(mistakes) or 'ok'}{' ' + json.dumps(job.get('failure')) if mistakes else ''}")
    return wrong + refused(on, model)


def refused(on, model):
    """What does not apply says why, to who plans and to who runs."""
    wrong = 0
    for setting, sentence in REFUSED.items():
        run = on.cli("run", model, "--board-type", on.board_type, "--fusion", setting, "--wait", check=False)
        for what, said in (("plan", plan(model, setting, check=False)), ("run", run.stdout + run.stderr)):
            if sentence not in said:
                wrong += 1
                print(f"  {setting}: {what} does not say '{sentence}' but '{said}'")
    print(f"  {len(REFUSED)} settings that do not apply say why")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="+", default=["kws"], choices=[*NETS, "all"])
    parser.add_argument("--boards", type=int, default=2)
    options = parser.parse_args()
    nets = NETS if "all" in options.nets else {name: NETS[name] for name in options.nets}
    wrong = 0
    print("arena written, planned without in and out, MAC factor, instructions")
    with tempfile.TemporaryDirectory() as folder, bench.Bench(boards=options.boards, board_type="virtual_m7") as on:
        for net, find in nets.items():
            try:
                wrong += measure(on, net, find(), pathlib.Path(folder))
            except unittest.SkipTest as reason:
                print(f"{net}: {reason}")
    print(f"\n{wrong} not as planned")
    sys.exit(wrong != 0)


if __name__ == "__main__":
    main()
