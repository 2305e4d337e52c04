"""A TensorFlow.js graph model in NumPy, operator by operator as TensorFlow documents them.

It shares no code with what it is there to check: it reads the two files itself, runs every node of
the graph, and knows one picture at a time.
"""

import base64
import json

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def run(graph: bytes, values: bytes, picture: np.ndarray) -> np.ndarray:
    """The graph's only output for its only input, (1, height, width, 3) uint8."""
    read = json.loads(graph)
    made: dict[str, list[np.ndarray]] = {}
    start = 0
    for told in read["weightsManifest"][0]["weights"]:
        half = "quantization" in told
        kind = np.dtype("<f2" if half else {"float32": "<f4", "int32": "<i4"}[told["dtype"]])
        count = int(np.prod(told["shape"], dtype=int))
        found = np.frombuffer(values, kind, count, start).reshape(told["shape"])
        made[told["name"]] = [found.astype(np.float32) if half else found]
        start += found.nbytes
    assert start == len(values)
    nodes = {node["name"]: node for node in read["modelTopology"]["node"]}
    (output,) = (tensor["name"] for tensor in read["signature"]["outputs"].values())

    def value(name: str) -> np.ndarray:
        base, _, index = name.partition(":")
        if base not in made:
            node = nodes[base]
            if node["op"] == "Placeholder":
                made[base] = [picture.astype(np.int32)]
            else:
                given = [value(one) for one in node.get("input", [])]
                answer = operator(node["op"], given, node.get("attr", {}))
                made[base] = answer if isinstance(answer, list) else [answer]
        return made[base][int(index or 0)]

    return value(output)


def operator(op, given, attributes):
    """One node's answer."""
    first = given[0]
    match op:
        case "_FusedConv2D" | "FusedDepthwiseConv2dNative" | "DepthwiseConv2dNative":
            return convolution(op, given, attributes)
        case "ResizeBilinear":
            assert attributes["half_pixel_centers"]["b"]
            return resized(first, given[1])
        case "Cast":
            return first.astype({"DT_FLOAT": np.float32}[attributes["DstT"]["type"]])
        case "Unpack":
            axis = integer(attributes["axis"])
            return [np.take(first, i, axis) for i in range(first.shape[axis])]
        case "Pack":
            return np.stack(given, integer(attributes["axis"]))
        case "ConcatV2":
            return np.concatenate(given[:-1], int(given[-1].item()))
        case "ExpandDims":
            return np.expand_dims(first, int(given[1].item()))
        case "Squeeze":
            return np.squeeze(first, tuple(map(int, attributes["squeeze_dims"]["list"]["i"])))
        case "Reshape":
            return first.reshape(given[1])
        case "ArgMax":
            return first.argmax(int(given[1].item())).astype(np.int32)
        case "GatherNd":
            return first[tuple(np.moveaxis(given[1], -1, 0))]
        case "Identity":
            return first
        case "Sigmoid":
            return (1 + np.tanh(first / 2)) / 2
        case "Sqrt":
            return np.sqrt(first)
    return {
        "AddV2": np.add,
        "Sub": np.subtract,
        "Mul": np.multiply,
        "RealDiv": np.divide,
        "FloorDiv": np.floor_divide,
        "SquaredDifference": lambda a, b: (a - b) ** 2,
    }[op](*given)


def convolution(op, given, attributes):
    """A (depthwise) convolution with TensorFlow's padding, its bias and its activation."""
    x, kernel, *bias = given
    rows, columns = kernel.shape[:2]
    _, down, across, _ = (integer({"i": i}) for i in attributes["strides"]["list"]["i"])
    if text(attributes["padding"]["s"]) == "SAME":
        border = []
        for size, window, stride in ((x.shape[1], rows, down), (x.shape[2], columns, across)):
            total = max((-(-size // stride) - 1) * stride + window - size, 0)
            border.append((total // 2, total - total // 2))
        x = np.pad(x, ((0, 0), *border, (0, 0)))
    seen = sliding_window_view(x, (rows, columns), (1, 2))[:, ::down, ::across]
    if "Depthwise" in op:
        y = np.einsum("bhwcij,ijc->bhwc", seen, kernel[..., 0])
    else:
        y = np.tensordot(seen, kernel, ((4, 5, 3), (0, 1, 2)))
    fused = [text(one) for one in attributes.get("fused_ops", {}).get("list", {}).get("s", [])]
    if "BiasAdd" in fused:
        y = y + bias[0]
    if "Relu" in fused:
        y = np.maximum(y, 0)
    if "Relu6" in fused:
        y = np.clip(y, 0, 6)
    return y.astype(np.float32)


def resized(x, size):
    """Bilinear, with the middles of pixels at half."""
    for axis, target in ((1, int(size[0])), (2, int(size[1]))):
        source = x.shape[axis]
        place = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = np.floor(place).astype(int)
        share = (place - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(4)])
        high = np.minimum(low + 1, source - 1)
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def integer(attribute):
    return int(next(iter(attribute.values())))


def text(encoded):
    return base64.b64decode(encoded).decode()
