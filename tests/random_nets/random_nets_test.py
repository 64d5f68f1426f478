"""Random nets against TensorFlow Lite's interpreter, tensor by tensor.

random_nets_test.py --tool build/release/tests/layer_dump --environment build/release/tests/interpreter [--first N] [--count N]
random_nets_test.py --tool ... --environment ... --model FILE.tflite   one model, on the patterns A and B
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import interpreter

BATCH = 100


def compare(python, tool, arguments):
    with tempfile.TemporaryDirectory() as folder:
        command, *rest = arguments
        subprocess.run([tool, command, folder, *map(str, rest)], check=True)
        script = pathlib.Path(__file__).with_name("compare.py")
        return subprocess.run([python, "-B", script, folder], check=False).returncode == 0


def find_model(name):
    """A path, or a name in the test data's models."""
    data = os.environ.get("TINYRIG_TEST_DATA", pathlib.Path(__file__).parents[2] / ".." / "shared" / "data")
    for path in (pathlib.Path(name), pathlib.Path(data) / "models" / name):
        if path.is_file():
            return path
    interpreter.missing(f"{name} is missing; set TINYRIG_TEST_DATA")
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--model")
    arguments = parser.parse_args()
    model = find_model(arguments.model) if arguments.model else None
    try:
        python = interpreter.python(arguments.environment)
    except interpreter.Unavailable as error:
        interpreter.missing(str(error))
    if model:
        sys.exit(not compare(python, arguments.tool, ["model", model]))
    same = True
    for first in range(arguments.first, arguments.first + arguments.count, BATCH):
        count = min(BATCH, arguments.first + arguments.count - first)
        same &= compare(python, arguments.tool, ["nets", first, count])
    sys.exit(not same)


main()
