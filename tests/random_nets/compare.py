"""Compares every tensor that our kernels computed with TensorFlow Lite's interpreter, reference kernels, byte for byte.

Run inside the environment that interpreter.py makes: compare.py FOLDER. Cases are what layer_dump wrote there.
Prints a line a difference and a summary; the exit code says whether there was one.
"""

import collections
import pathlib
import struct
import sys

import numpy

try:
    from tflite_runtime import interpreter as tflite
except ImportError:
    from ai_edge_litert import interpreter as tflite

MAX_LINES = 40


def read_layers(path):
    data = path.read_bytes()
    layers = {}
    at = 0
    while at < len(data):
        tensor, size = struct.unpack_from("<II", data, at)
        assert tensor not in layers, f"{path.name}: tensor {tensor} is reported twice"
        layers[tensor] = data[at + 8:at + 8 + size]
        at += 8 + size
    return layers


def interpret(model, data):
    """All tensors that operators compute, in the order of execution, and which operator did."""
    interpreter = tflite.Interpreter(model_content=model, num_threads=1,
                                     experimental_op_resolver_type=tflite.OpResolverType.BUILTIN_REF,
                                     experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    at = 0
    for detail in interpreter.get_input_details():
        value = numpy.zeros(detail["shape"], detail["dtype"])
        value = numpy.frombuffer(data, detail["dtype"], value.size, at).reshape(value.shape)
        at += value.nbytes
        interpreter.set_tensor(detail["index"], value)
    assert at == len(data), f"{at} bytes of input taken of {len(data)}"
    interpreter.invoke()
    ops = {}
    for op in interpreter._get_ops_details():
        for tensor in op["outputs"]:
            ops[int(tensor)] = op["op_name"]
    return {tensor: interpreter.get_tensor(tensor).tobytes() for tensor in ops}, ops


def describe(tensor, op, ours, theirs):
    head = f"tensor {tensor} ({op})"
    if ours is None or theirs is None:
        return f"{head}: computed only by {'the interpreter' if ours is None else 'us'}"
    if len(ours) != len(theirs):
        return f"{head}: {len(ours)} bytes, the interpreter has {len(theirs)}"
    a = numpy.frombuffer(ours, numpy.int8).astype(int)
    b = numpy.frombuffer(theirs, numpy.int8).astype(int)
    where = numpy.flatnonzero(a != b)
    first = where[0]
    return (f"{head}: {len(where)} of {len(a)} bytes differ, by at most {abs(a - b).max()}; "
            f"byte {first} is {a[first]}, the interpreter has {b[first]}")


def main():
    folder = pathlib.Path(sys.argv[1])
    kinds = collections.Counter()
    differing = collections.Counter()
    lines = 0
    tensors = 0
    models = sorted(folder.glob("*.tflite"))
    for model in models:
        theirs, ops = interpret(model.read_bytes(), model.with_suffix(".input").read_bytes())
        kinds.update(ops.values())
        layer_files = sorted(folder.glob(model.stem + ".*.layers"))
        assert layer_files, f"{model.name} has no layers"
        for layers in layer_files:
            ours = read_layers(layers)
            tensors += len(ours)
            # Only the first of a chain: what follows differs because of it.
            wrong = [t for t in [*theirs, *(ours.keys() - theirs.keys())] if ours.get(t) != theirs.get(t)]
            if not wrong:
                continue
            differing[ops.get(wrong[0], "?")] += 1
            lines += 1
            if lines <= MAX_LINES:
                print(f"{layers.name}: {describe(wrong[0], ops.get(wrong[0], '?'), ours.get(wrong[0]), theirs.get(wrong[0]))}")
    print(f"{len(models)} models, {tensors} tensors compared; operators: "
          + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
    if not models or not tensors:
        sys.exit("nothing was compared")
    if differing:
        sys.exit(f"differences begin at: {dict(differing)}")
    print("no byte differs")


main()
