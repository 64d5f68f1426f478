#!/usr/bin/env python3
"""Trains the demo models on scikit-learn's handwritten digits and writes them beside this script.

Data:    1,797 grey 8x8 images, pixel values 0..16, ten classes (UCI, shipped inside scikit-learn). 360 are
         held out, stratified and seeded, and used neither for training nor for calibration.
Models:  digits_cnn.tflite, three plain convolutions; digits_ds.tflite, two depthwise-separable blocks.
         Trained in float32, then quantised after training: int8 input and output, int8 weights with one
         scale per output channel (convolutions) or per tensor (fully connected), int32 biases, batch 1.
Vectors: digits_test.npz, the held-out images already quantised, their labels, and the answers of the
         TensorFlow Lite interpreter with its reference kernels. README.md describes the arrays.

Everything is seeded and single-threaded: on one machine, two runs write the same bytes. Usage:

    python3 make_digits.py [--out FOLDER]     # about a minute; packages in requirements.txt
"""

import argparse
import hashlib
import math
import os
import pathlib
from collections.abc import Callable, Iterator

os.environ.update(TF_CPP_MIN_LOG_LEVEL="2", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

SEED = 2
TEST_IMAGES = 360
EPOCHS = 60
BATCH = 32
# Input quantisation, the same for every model: one step is 1/15 of a pixel value, so that all 17 values
# are exact in int8. The networks see pixel / 16, hence a real range of 0 .. 17/16.
STEPS_PER_PIXEL = 15
INPUT_ZERO_POINT = -128
INPUT_SCALE = 1 / (16 * STEPS_PER_PIXEL)
ALLOWED_OPS = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "RESHAPE", "SOFTMAX"}

layers = tf.keras.layers


def conv_bn(x: tf.Tensor, layer: layers.Layer, max_value: float | None) -> tf.Tensor:
    """layer, then batch normalisation and (capped) ReLU; the converter folds both into the layer."""
    return layers.ReLU(max_value=max_value)(layers.BatchNormalization()(layer(x)))


def head(x: tf.Tensor) -> tf.Tensor:
    """[1, 4, 4, c] -> class probabilities [1, 10]."""
    return layers.Dense(10, activation="softmax")(layers.Flatten()(layers.AveragePooling2D(4)(x)))


def cnn_body(x: tf.Tensor) -> tf.Tensor:
    """Three 3x3 convolutions with ReLU, 2x2 average pooling after the second."""
    x = conv_bn(x, layers.Conv2D(16, 3, padding="same", use_bias=False), None)
    x = conv_bn(x, layers.Conv2D(24, 3, padding="same", use_bias=False), None)
    x = layers.AveragePooling2D(2)(x)
    return head(conv_bn(x, layers.Conv2D(32, 3, padding="same", use_bias=False), None))


def ds_body(x: tf.Tensor) -> tf.Tensor:
    """One 3x3 convolution, then two (3x3 depthwise, 1x1) blocks with ReLU6; the second has stride 2."""
    x = conv_bn(x, layers.Conv2D(16, 3, padding="same", use_bias=False), 6.0)
    for channels, stride in ((32, 1), (32, 2)):
        x = conv_bn(x, layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False), 6.0)
        x = conv_bn(x, layers.Conv2D(channels, 1, use_bias=False), 6.0)
    return head(x)


MODELS = {"digits_cnn": cnn_body, "digits_ds": ds_body}


def load_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train pixels, test pixels (float32 [n, 8, 8, 1], values 0..16), train labels, test labels."""
    images, labels = load_digits(return_X_y=True)
    pixels = images.astype(np.float32).reshape(-1, 8, 8, 1)
    return train_test_split(pixels, labels, test_size=TEST_IMAGES, stratify=labels, random_state=SEED)


def quantise_pixels(pixels: np.ndarray) -> np.ndarray:
    """Pixel values 0..16 -> int8 network input, without loss."""
    return (pixels * STEPS_PER_PIXEL + INPUT_ZERO_POINT).astype(np.int8)


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every image moved by -1, 0 or +1 pixels in each direction, borders filled with background."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows, cols = rng.integers(0, 3, (2, len(images)))
    return np.stack([p[r : r + 8, c : c + 8] for p, r, c in zip(padded, rows, cols)])


def train(body: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray, labels: np.ndarray) -> tf.keras.Model:
    """Trains a fresh network; images are pixel / 16. What was trained before has no influence."""
    tf.keras.utils.clear_session()
    tf.keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    inputs = tf.keras.Input((8, 8, 1))
    model = tf.keras.Model(inputs, body(inputs))
    rate = tf.keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * math.ceil(len(images) / BATCH))
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    for _ in range(EPOCHS):
        order = rng.permutation(len(images))
        model.fit(shifted(images[order], rng), labels[order], batch_size=BATCH, shuffle=False, verbose=0)
    return model


def convert(model: tf.keras.Model, images: np.ndarray) -> bytes:
    """Post-training quantisation to a fully int8 .tflite of batch 1, calibrated with all images."""

    def representative() -> Iterator[list[np.ndarray]]:
        for image in images:
            yield [image[np.newaxis]]
        corner = np.zeros((1, 8, 8, 1), np.float32)
        corner[0, 0, 0, 0] = 255 * INPUT_SCALE  # one bright pixel stretches the input range to INPUT_SCALE
        yield [corner]

    infer = tf.function(lambda x: model(x, training=False))
    signature = infer.get_concrete_function(tf.TensorSpec((1, 8, 8, 1), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(signature)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    # The published int8 specification has one scale per tensor here; newer converters default to per channel.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter.convert()


def reference_interpreter(tflite: bytes) -> tf.lite.Interpreter:
    """Interpreter with the reference kernels, checked to take our input and only the operators we promise."""
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=tflite, num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    if not np.isclose(scale, INPUT_SCALE, rtol=1e-6) or zero_point != INPUT_ZERO_POINT:
        raise RuntimeError(f"input scale {scale}, zero point {zero_point}: want {INPUT_SCALE}, {INPUT_ZERO_POINT}")
    if extra := set(op_names(interpreter)) - ALLOWED_OPS:
        raise RuntimeError(f"operators outside the promised set: {sorted(extra)}")
    return interpreter


def op_names(interpreter: tf.lite.Interpreter) -> list[str]:
    """Operator names in execution order."""
    return [op["op_name"] for op in interpreter._get_ops_details()]


def count_macs(interpreter: tf.lite.Interpreter) -> int:
    """Multiply-accumulates of one inference; taps that fall into the padding count too."""
    shapes = {t["index"]: t["shape"] for t in interpreter.get_tensor_details()}
    macs = 0
    for op in interpreter._get_ops_details():
        if op["op_name"] in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
            weights, output = shapes[op["inputs"][1]], shapes[op["outputs"][0]]
            macs += int(np.prod(weights) * np.prod(output[:-1]))  # output[-1] channels share the weights
    return macs


def run(interpreter: tf.lite.Interpreter, inputs: np.ndarray) -> np.ndarray:
    """int8 inputs [n, 8, 8, 1] -> int8 outputs [n, 10], one inference per image."""
    source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = np.empty((len(inputs), 10), np.int8)
    for image, output in zip(inputs, outputs):
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        output[:] = interpreter.get_tensor(sink)[0]
    return outputs


def main() -> None:
    """Writes both models and the vectors, and prints the facts that README.md quotes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, metavar="FOLDER", default=pathlib.Path(__file__).parent)
    out = parser.parse_args().out
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    train_pixels, test_pixels, train_labels, test_labels = load_split()
    vectors = {"x": quantise_pixels(test_pixels), "labels": test_labels.astype(np.int32)}
    for name, body in MODELS.items():
        model = train(body, train_pixels / 16, train_labels)
        floats = model.predict(test_pixels / 16, verbose=0)
        tflite = convert(model, train_pixels / 16)
        (out / f"{name}.tflite").write_bytes(tflite)
        interpreter = reference_interpreter(tflite)
        outputs = vectors[f"outputs.{name}"] = run(interpreter, vectors["x"])
        int8_hits, float_hits = ((o.argmax(axis=1) == test_labels).sum() for o in (outputs, floats))
        print(f"{name}: correct {int8_hits}/{TEST_IMAGES} in int8, {float_hits}/{TEST_IMAGES} in float32,"
              f" {count_macs(interpreter):,} MAC\n  {' '.join(op_names(interpreter))}")
    np.savez(out / "digits_test.npz", **vectors)
    for path in (*(out / f"{name}.tflite" for name in MODELS), out / "digits_test.npz"):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.stat().st_size:6d}  {path.name}")


if __name__ == "__main__":
    main()
