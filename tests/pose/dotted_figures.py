"""Pictures whose key points are dots of 17 colours, and ONNX models that look for those colours.

The models are what MMPose's exports are from the outside: normalised crops in, heat maps or SimCC
out. Inside they compare every pixel with each colour, so what they find comes from the pixels.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
SIZE = (192, 256)
STRIDE = 4

COLOURS = np.array(
    [
        (red, green, blue)
        for red in (20, 130, 240)
        for green in (20, 130, 240)
        for blue in (20, 130, 240)
        if len({red, green, blue}) > 1
    ][:17],
    np.uint8,
)
"""(17, 3) RGB; the background's grey is none of them."""


def draw(landmarks: np.ndarray, size: tuple[int, int], radius: float = 0.0) -> np.ndarray:
    """(height, width, 3) uint8 with a dot at each of (17, 3) landmarks of score 0.5 or more.

    Pixel i is at i / n of the picture; `radius` in pixels, 0 for one that the models see well.
    """
    width, height = size
    picture = np.full((height, width, 3), 128, np.uint8)
    add(picture, landmarks, radius or max(size) / 48)
    return picture


def add(picture: np.ndarray, landmarks: np.ndarray, radius: float) -> None:
    """Draw one more figure."""
    height, width = picture.shape[:2]
    for colour, (x, y, score) in zip(COLOURS.tolist(), landmarks, strict=True):
        if score >= 0.5:
            centre = tuple(round(float(value) * 16) for value in (x * width, y * height))
            cv2.circle(picture, centre, round(radius * 16), colour, -1, cv2.LINE_AA, shift=4)


def model(
    head: str = "heat_maps",
    *,
    size: tuple[int, int] | None = SIZE,
    batch: int | None = None,
    colours: np.ndarray = COLOURS,
    unbiased: bool = False,
    more_outputs: int = 0,
) -> bytes:
    """An ONNX file: `head` is heat_maps (a quarter of the input's size) or simcc (split ratio 2).

    `size` None leaves the input's size open, `batch` None the batch. With `unbiased`, cells lie
    where UDP has them, which takes a fixed size.
    """
    width, height = size or ("width", "height")
    points = len(colours)
    wanted = (colours.astype(np.float32) - MEAN) / STD
    nodes, constants = [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **options: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    # |pixel - colour|^2, then 1 at the colour itself and nothing for any other.
    square = node("Mul", ["input", "input"], "square")
    own = node("Conv", [square, constant("ones", np.ones((points, 3, 1, 1), np.float32))], "own")
    weights = constant("weights", -2 * wanted[:, :, None, None])
    cross = node("Conv", ["input", weights, constant("bias", (wanted**2).sum(1))], "cross")
    distance = node("Add", [own, cross], "distance")
    scaled = node("Mul", [distance, constant("sharpness", np.float32(-4.0))], "scaled")
    alike = node("Exp", [scaled], "alike")
    # A bell of a few pixels, whose sum over a dot is about 1.
    ramp = np.arange(-10, 11)
    bell = np.exp(-(ramp[:, None] ** 2 + ramp**2) / (2 * 4.0**2)).astype(np.float32)
    blur = constant("bell", np.tile(bell / 40, (points, 1, 1, 1)))
    step = STRIDE if head == "heat_maps" and not unbiased else 1
    heat = node("Conv", [alike, blur], "heat", group=points, pads=[10] * 4, strides=[step] * 2)
    tall, wide = ("rows", "columns") if size is None else (height // STRIDE, width // STRIDE)
    if head == "heat_maps":
        if unbiased:
            scales = constant("scales", np.array([1, 1, 1 / STRIDE, 1 / STRIDE], np.float32))
            node(
                "Resize",
                [heat, "", scales],
                "heat_maps",
                mode="linear",
                coordinate_transformation_mode="align_corners",
            )
        else:
            node("Identity", [heat], "heat_maps")
        outputs = [("heat_maps", (points, tall, wide))]
    else:
        twice = constant("twice", np.array([1, 1, 2], np.float32))
        outputs = []
        for name, axis, side in (("simcc_x", 2, width), ("simcc_y", 3, height)):
            axes = constant(f"{name}_axes", np.array([axis], np.int64))
            line = node("ReduceMax", [heat, axes], f"{name}_line", keepdims=0)
            node(
                "Resize",
                [line, "", twice],
                name,
                mode="linear",
                coordinate_transformation_mode="asymmetric",
            )
            outputs.append((name, (points, f"{name}_length" if size is None else 2 * side)))
    for number in range(more_outputs):
        outputs.append((node("Identity", [heat], f"more{number}"), (points, "rows", "columns")))
    first = "batch" if batch is None else batch
    graph = helper.make_graph(
        nodes,
        head,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [first, 3, height, width])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [first, *shape])
            for name, shape in outputs
        ],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 10
    onnx.checker.check_model(made)
    return made.SerializeToString()


def saved(folder: Path, *arguments: object, name: str = "dots.onnx", **options: object) -> str:
    """The model in a file; its ``[pose] estimator``."""
    path = folder / name
    path.write_bytes(model(*arguments, **options))
    return f"onnx:{path}"
