"""MoveNet's graph in this project's engines, against an evaluation that shares no code with it."""

import json

import numpy as np
import pytest
import tfjs_reference
import torch

from unposed_jobs.networks import engines, tfjs, weights
from unposed_jobs.networks.weights import known
from unposed_jobs.pose.movenet import network

KINDS = ("thunder", "lightning")


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def files(kind, movenet_weights) -> bytes:
    return weights.load(movenet_weights, f"movenet-{kind}")[1]


@pytest.fixture(scope="module")
def squares(kind) -> torch.Tensor:
    """Drawn figures and noise: the points of noise are anywhere, and must be there all the same."""
    side = network.SIDES[kind]
    rng = np.random.default_rng(7)
    drawn = np.full((5, side, side, 3), 200, np.uint8)
    for number, square in enumerate(drawn):
        middle, width = side // 2 + 9 * number, side // 10
        square[side // 8 : side // 4, middle - width // 2 : middle + width // 2] = (190, 140, 120)
        square[side // 4 : side // 2, middle - width : middle + width] = (40, 60, 150)
        square[side // 2 : side - side // 8, middle - width : middle - 3] = 30
        square[side // 2 : side - side // 8, middle + 3 : middle + width] = 30
    drawn[3:] = rng.integers(0, 256, drawn[3:].shape)
    return torch.from_numpy(drawn)


@pytest.fixture(scope="module")
def expected(kind, files, squares) -> np.ndarray:
    """Key points (P, 17, 3): y, x and score of the reference, in our order."""
    members = known.unzipped(files)
    graph, values = (members[f"movenet-{kind}.{suffix}"] for suffix in ("json", "bin"))
    found = [tfjs_reference.run(graph, values, one[None].numpy())[0, 0] for one in squares[1:4]]
    return np.stack(found)[..., [1, 0, 2]]


def on(engine: str, files: bytes, kind: str, monkeypatch) -> network.MoveNet:
    monkeypatch.setattr(engines, "_on_openvino", lambda: engine == "openvino")
    if engine != "cuda":
        monkeypatch.setattr(engines, "_device", lambda: torch.device("cpu"))
    return network.MoveNet(files, kind)


@pytest.mark.parametrize(
    "engine", ["openvino", "torch", pytest.param("cuda", marks=pytest.mark.gpu)]
)
def test_every_engine_gives_what_the_graph_says(
    engine, kind, files, squares, expected, monkeypatch
) -> None:
    if engine == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    made = on(engine, files, kind, monkeypatch)
    found = made(squares[1:4].to(made.device)).cpu().numpy()
    # The file's own reciprocals are half-precision numbers: 1/48 is off by 0.02 %.
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_a_square_does_not_depend_on_its_neighbours(
    engine, kind, files, squares, monkeypatch
) -> None:
    made = on(engine, files, kind, monkeypatch)
    together = made(squares)
    alone = torch.cat([made(squares[i : i + 1]) for i in range(len(squares))])
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.equal(made(squares), together)


def test_other_weights_are_refused(files, kind) -> None:
    members = known.unzipped(files)
    with pytest.raises(ValueError, match="in the weights"):
        network.MoveNet(known.zipped({"other.json": b"{}"}), kind)
    with pytest.raises(ValueError, match="no zip"):
        network.MoveNet(b"none", kind)
    cut = {name: data[:-1] if name.endswith("bin") else data for name, data in members.items()}
    with pytest.raises(ValueError, match=r"not a TensorFlow\.js graph model"):
        network.MoveNet(known.zipped(cut), kind)
    other = next(one for one in KINDS if one != kind)
    named = {name.replace(kind, other): data for name, data in members.items()}
    with pytest.raises(ValueError, match="other inputs and outputs than MoveNet"):
        network.MoveNet(known.zipped(named), other)


def graph(nodes: list[dict], weights: list[dict]) -> bytes:
    return json.dumps(
        {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": weights}]}
    ).encode()


INPUT = {"name": "x", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": [
    {"size": "1"}, {"size": "8"}, {"size": "8"}, {"size": "3"}]}}}}  # fmt: skip


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"name": "y", "op": "Softmax", "input": ["x"]}, "operator Softmax is not supported"),
        ({"name": "y", "op": "AddV2", "input": ["x", "w"]}, "operator AddV2 is not supported"),
        ({"name": "z", "op": "Relu", "input": ["x"]}, "no value y"),
    ],
)
def test_a_graph_that_cannot_be_run(node, reason) -> None:
    told = [{"name": "w", "dtype": "float32", "shape": [3]}]
    model = tfjs.Model(graph([INPUT, node], told), bytes(12))
    with pytest.raises(ValueError, match=reason):
        model.convolutional("x", ["y"])


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ([{"name": "w", "dtype": "float32", "shape": [3]}], bytes(11)),
        ([{"name": "w", "dtype": "float32", "shape": [3]}], bytes(13)),
        ([{"name": "w", "dtype": "string", "shape": [3]}], bytes(12)),
        ([{"name": "w", "shape": [3]}], bytes(12)),
    ],
)
def test_weights_that_do_not_belong_to_the_graph(told, values) -> None:
    with pytest.raises(ValueError, match=r"not a TensorFlow\.js graph model"):
        tfjs.Model(graph([INPUT], told), values)


def test_the_likeliest_middle_near_the_square_s_own_is_read() -> None:
    """Two people: the one nearer to the middle, though a little less likely; and its own points."""
    heat = torch.full((1, 64, 64, 17), -10.0)
    heat[0, 30, 34], heat[0, 10, 5] = 2.0, 5.0
    middle = torch.full((1, 64, 64, 1), -10.0)
    middle[0, 33, 33], middle[0, 10, 6] = 1.0, 3.0
    regression = torch.zeros(1, 64, 64, 34)
    regression[..., 0::2] = -2
    offset = torch.zeros(1, 64, 64, 34)
    offset[..., 0::2], offset[..., 1::2] = 0.25, 0.5
    found = network.decode(heat, middle, regression, offset)
    place = torch.tensor([34.5 / 64, 30.25 / 64, torch.sigmoid(torch.tensor(2.0))])
    assert torch.allclose(found, place.expand(1, 17, 3))
