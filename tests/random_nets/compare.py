"""Compares every tensor that our kernels computed with TensorFlow Lite's interpreter, reference kernels, byte for byte.

Run inside the environment that interpreter.py makes: compare.py FOLDER. Cases are what layer_dump wrote there.
Prints a line a difference and a summary; the exit code says whether there was one.
"""

import collections
import math
import pathlib
import struct
import sys

import numpy

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


def quantize_multiplier(real):
    fraction, exponent = math.frexp(real)
    fixed = math.floor(fraction * 2**31 + 0.5)
    return (fixed // 2, exponent + 1) if fixed == 2**31 else (fixed, exponent)


def multiply(value, multiplier, shift):
    """A value times multiplier / 2^31 * 2^shift, rounded twice."""
    high = (value * 2**max(shift, 0) * multiplier + 2**30) >> 31
    right = max(-shift, 0)
    return high if right == 0 else (abs(high) + 2**(right - 1) >> right) * (1 if high >= 0 else -1)


def correct_sum(interpreter, op, tensors):
    """SUM: this interpreter's reference kernel reads int8 as uint8. Its bytes are what the formula gives for uint8, which
    is checked here; what it should have given are those of the same formula for int8."""
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    source, axes = op["inputs"]
    output = op["outputs"][0]
    in_scale, in_zero = details[source]["quantization"]
    out_scale, out_zero = details[output]["quantization"]
    factor = quantize_multiplier(float(numpy.float32(in_scale)) / float(numpy.float32(out_scale)))

    def formula(dtype):
        limits = numpy.iinfo(dtype)
        values = interpreter.get_tensor(source).view(dtype).astype(int)
        sums = values.sum(axis=tuple(int(a) for a in interpreter.get_tensor(axes)))
        count = values.size // max(1, sums.size)
        scaled = [multiply(int(s) - in_zero * count, *factor) + out_zero for s in sums.flatten()]
        return numpy.clip(scaled, limits.min, limits.max).astype(dtype).tobytes()

    if tensors[output] == formula(numpy.uint8):
        tensors[output] = formula(numpy.int8)


def interpret(model, data):
    """All tensors that operators compute, in the order of execution, with the operator's name and number."""
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
    ops, numbers = {}, {}
    for op in interpreter._get_ops_details():
        for tensor in op["outputs"]:
            ops[int(tensor)] = op["op_name"]
            numbers[int(tensor)] = op["index"]
    tensors = {tensor: interpreter.get_tensor(tensor).tobytes() for tensor in ops}
    for op in interpreter._get_ops_details():
        if op["op_name"] == "SUM":
            correct_sum(interpreter, op, tensors)
    return tensors, ops, numbers


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
    folds = 0
    models = sorted(folder.glob("*.tflite"))
    for model in models:
        try:
            theirs, ops, numbers = interpret(model.read_bytes(), model.with_suffix(".input").read_bytes())
        except (RuntimeError, ValueError) as error:
            differing["refused by the interpreter"] += 1
            print(f"{model.name}: the interpreter refuses it: {error}")
            continue
        kinds.update(ops.values())
        layer_files = sorted(folder.glob(model.stem + ".*.layers"))
        assert layer_files, f"{model.name} has no layers"
        for layers in layer_files:
            ours = read_layers(layers)
            tensors += len(ours)
            folded = layers.with_suffix(".folded").read_bytes()
            folded = struct.unpack(f"<{len(folded) // 4}I", folded)
            expected = {t: value for t, value in theirs.items() if numbers[t] not in folded}
            folds += len(theirs) - len(expected)
            # Only the first of a chain: what follows differs because of it.
            wrong = [t for t in [*expected, *(ours.keys() - expected.keys())] if ours.get(t) != expected.get(t)]
            if not wrong:
                continue
            differing[ops.get(wrong[0], "?")] += 1
            lines += 1
            if lines <= MAX_LINES:
                print(f"{layers.name}: {describe(wrong[0], ops.get(wrong[0], '?'), ours.get(wrong[0]), theirs.get(wrong[0]))}")
    print(f"{len(models)} models, {tensors} tensors compared, {folds} folded away; operators: "
          + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
    if not models or not tensors:
        sys.exit("nothing was compared")
    if differing:
        sys.exit(f"differences begin at: {dict(differing)}")
    print("no byte differs")


main()
