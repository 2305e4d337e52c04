"""The reader of TFLite files and both ways to run what it reads."""

import subprocess
import sys

import flatbuffers
import numpy as np
import pytest
import torch

from unposed_jobs.networks import engines, rewriting, task_bundle, tflite, weights
from unposed_jobs.networks.tflite_schema import schema
from unposed_jobs.networks.torch_graph import Network

OPERATOR = schema.BuiltinOperator


class Builder:
    """Writes a TFLite file, operator by operator."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape, values=None, type=schema.TensorType.FLOAT32, sparsity=None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name = list(shape), type, b"t"
        tensor.buffer, tensor.sparsity = 0, sparsity
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add(self, kind, inputs, shape, options=None, name=None) -> int:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        output = self.tensor(shape)
        operator.inputs, operator.outputs = list(inputs), [output]
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        self.graph.operators.append(operator)
        return output

    def convolution(self, x, weight, bias, shape, stride, activation, depthwise=False) -> int:
        name = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        options = getattr(schema, f"{name}T")()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = activation
        kind = OPERATOR.DEPTHWISE_CONV_2D if depthwise else OPERATOR.CONV_2D
        return self.add(kind, [x, weight, bias], shape, options, name)

    def pack(self, inputs, outputs) -> bytes:
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def level(size=None, segments=None, indices=None):
    meta = schema.DimensionMetadataT()
    if size is not None:
        meta.format, meta.denseSize = schema.DimensionType.DENSE, size
        return meta
    meta.format = schema.DimensionType.SPARSE_CSR
    for name, values in (("arraySegments", segments), ("arrayIndices", indices)):
        vector = schema.Int32VectorT()
        vector.values = list(values)
        setattr(meta, name, vector)
        setattr(meta, f"{name}Type", schema.SparseIndexVector.Int32Vector)
    return meta


def sparsity(order, blocks, levels):
    made = schema.SparsityParametersT()
    made.traversalOrder, made.blockMap, made.dimMetadata = order, blocks, levels
    return made


def test_sparse_rows() -> None:
    build = Builder()
    dense = np.array([[0, 2, 0, 3], [0, 0, 0, 0], [4, 0, 0, 5]], np.float32)
    layout = sparsity([0, 1], [], [level(3), level(None, [0, 2, 2, 4], [1, 3, 0, 3])])
    values = np.array([2, 3, 4, 5], np.float16)
    weight = build.tensor((3, 4), values, schema.TensorType.FLOAT16, layout)
    dense_half = build.add(OPERATOR.DENSIFY, [weight], (3, 4))
    whole = build.add(OPERATOR.DEQUANTIZE, [dense_half], (3, 4))
    x = build.tensor((3, 4))
    options = schema.AddOptionsT()
    y = build.add(OPERATOR.ADD, [x, whole], (3, 4), options, "AddOptions")
    graph = tflite.read(build.pack([x], [y]))
    assert [operator.kind for operator in graph.operators] == ["ADD"]
    found = graph.constants[graph.operators[0].inputs[1]]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, dense)


def test_sparse_blocks() -> None:
    # 4 x 4 in blocks of 2 x 2: the blocks (0, 1) and (1, 0) are there.
    build = Builder()
    layout = sparsity(
        [0, 1, 2, 3], [0, 1], [level(2), level(None, [0, 1, 2], [1, 0]), level(2), level(2)]
    )
    values = np.arange(1, 9, dtype=np.float32)
    weight = build.tensor((4, 4), values, sparsity=layout)
    x = build.tensor((4, 4))
    y = build.add(OPERATOR.ADD, [x, weight], (4, 4), schema.AddOptionsT(), "AddOptions")
    graph = tflite.read(build.pack([x], [y]))
    expected = np.array([[0, 0, 1, 2], [0, 0, 3, 4], [5, 6, 0, 0], [7, 8, 0, 0]], np.float32)
    np.testing.assert_array_equal(graph.constants[weight], expected)


def test_refused() -> None:
    with pytest.raises(ValueError, match="not a TFLite model"):
        tflite.read(b"no model at all")
    build = Builder()
    x = build.tensor((1, 2))
    graph = tflite.read(build.pack([x], [build.add(OPERATOR.TANH, [x], (1, 2))]))
    with pytest.raises(ValueError, match="TANH"):
        Network(graph)


def small_network(size: int) -> tuple[bytes, dict[str, np.ndarray]]:
    """Stride-2 convolution and depthwise convolution, both SAME, and a segmentation-like head."""
    random = np.random.default_rng(size)
    parts = {
        "weight": random.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "bias": random.normal(size=4).astype(np.float32),
        "deep": random.normal(size=(1, 5, 5, 4)).astype(np.float32),
        "deep_bias": random.normal(size=4).astype(np.float32),
    }
    half = (size + 1) // 2
    quarter = (half + 1) // 2
    build = Builder()
    x = build.tensor((1, size, size, 3))
    weight, bias, deep, deep_bias = (
        build.tensor(values.shape, values) for values in parts.values()
    )
    relu6, none = schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.NONE
    y = build.convolution(x, weight, bias, (1, half, half, 4), 2, relu6)
    z = build.convolution(y, deep, deep_bias, (1, quarter, quarter, 4), 2, none, depthwise=True)
    head = build.add(OPERATOR.LOGISTIC, [y], (1, half, half, 4))
    return build.pack([x], [head, z]), parts


def expected_output(x: np.ndarray, parts: dict[str, np.ndarray]) -> np.ndarray:
    def windows(x, kernel):
        size = x.shape[0]
        out = -(-size // 2)
        total = max((out - 1) * 2 + kernel - size, 0)
        padded = np.pad(x, ((total // 2, total - total // 2),) * 2 + ((0, 0),))
        return [
            [padded[2 * r : 2 * r + kernel, 2 * c : 2 * c + kernel] for c in range(out)]
            for r in range(out)
        ]

    first = np.array(
        [
            [np.einsum("hwc,ohwc->o", patch, parts["weight"]) for patch in row]
            for row in windows(x, 3)
        ]
    )
    first = np.clip(first + parts["bias"], 0, 6)
    second = np.array(
        [[(patch * parts["deep"][0]).sum((0, 1)) for patch in row] for row in windows(first, 5)]
    )
    return second + parts["deep_bias"]


@pytest.mark.parametrize("size", [8, 9])
def test_padding_goes_to_the_end(size) -> None:
    model, parts = small_network(size)
    graph = tflite.prune(tflite.read(model), [1])
    assert "LOGISTIC" not in {operator.kind for operator in graph.operators}
    x = np.random.default_rng(1).normal(size=(2, size, size, 3)).astype(np.float32)
    (found,) = Network(graph)(torch.from_numpy(x).permute(0, 3, 1, 2))
    expected = np.stack([expected_output(one, parts) for one in x])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.fixture(scope="module")
def graphs(pose_weights) -> tuple[tflite.Graph, tflite.Graph]:
    return engines.graphs(weights.load(pose_weights)[1])


@pytest.fixture(scope="module")
def squares() -> list[torch.Tensor]:
    random = np.random.default_rng(5)
    coarse = [random.integers(0, 256, (3, side // 8, side // 8, 3)) for side in (224, 256)]
    return [
        torch.from_numpy(np.kron(one, np.ones((1, 8, 8, 1))).astype(np.uint8)) for one in coarse
    ]


def test_what_is_read(graphs) -> None:
    detector, landmarker = graphs
    assert [detector.shapes[n] for n in detector.outputs] == [(1, 2254, 12), (1, 2254, 1)]
    assert [landmarker.shapes[n][1:] for n in landmarker.outputs] == [
        (195,),
        (1,),
        (64, 64, 39),
    ]
    kept = [
        (detector.constants[operator.inputs[1]] != 0).mean()
        for operator in detector.operators
        if operator.kind == "CONV_2D"
    ]
    # 38 of the detector's weights are sparse, three quarters of them zero.
    assert sum(abs(share - 0.25) < 0.01 for share in kept) == 38


def test_batch_equals_single(graphs, squares) -> None:
    engine = engines.TorchEngine(*graphs, torch.device("cpu"))
    for run, pictures in ((engine.detect, squares[0]), (engine.locate, squares[1])):
        single = [run(pictures[i : i + 1]) for i in range(3)]
        for number, output in enumerate(run(pictures)):
            alone = torch.cat([outputs[number] for outputs in single])
            torch.testing.assert_close(output, alone, atol=2e-3, rtol=1e-4)


@pytest.mark.parametrize("cores", [1, 2])
def test_openvino_equals_torch(graphs, squares, cores) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    ours = engines.OpenVinoEngine(*graphs, cores)
    reference = engines.TorchEngine(*graphs, torch.device("cpu"))
    # Three pictures: the last batch is not full.
    for name, pictures in (("detect", squares[0]), ("locate", squares[1])):
        for a, b in zip(
            getattr(ours, name)(pictures), getattr(reference, name)(pictures), strict=True
        ):
            torch.testing.assert_close(a, b, atol=2e-2, rtol=1e-4)


def test_without_openvino_pytorch_runs(pose_weights, monkeypatch) -> None:
    monkeypatch.setattr(engines.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    assert isinstance(engines.create(weights.load(pose_weights)[1]), engines.TorchEngine)


def test_the_networks_are_one_graph_for_a_compiler(graphs, squares) -> None:
    engine = engines.TorchEngine(*graphs, torch.device("cpu"))
    for network, pictures in ((engine._detector, squares[0]), (engine._landmarker, squares[1])):
        expected = network(pictures[:2])
        # The tracing that a GPU's compilation begins with; it raises where the graph breaks.
        network._run = torch.compile(
            network._forward, backend="eager", dynamic=False, fullgraph=True
        )
        for a, b in zip(network(pictures[:2]), expected, strict=True):
            torch.testing.assert_close(a, b)


def test_networks_that_cannot_be_compiled_run_all_the_same(graphs, squares, caplog) -> None:
    network = engines.TorchEngine(*graphs, torch.device("cpu"))._detector
    expected = network(squares[0][:2])

    def compiler(module, inputs):
        raise ImportError("no Triton\nand more")

    network._run = torch.compile(network._forward, backend=compiler, dynamic=False)
    for _ in range(2):
        for a, b in zip(network(squares[0][:2]), expected, strict=True):
            torch.testing.assert_close(a, b)
    told = [record.getMessage() for record in caplog.records if record.name == engines.__name__]
    assert len(told) == 1
    assert "no Triton" in told[0]


def test_without_a_compiler_nothing_is_compiled(tmp_path, monkeypatch) -> None:
    compiler, header = tmp_path / "cc", tmp_path / "Python.h"
    compiler.touch(mode=0o755)
    header.touch()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engines.sysconfig, "get_path", lambda name: str(tmp_path))
    assert engines.can_compile()
    header.unlink()
    assert not engines.can_compile()
    header.touch()
    compiler.unlink()
    assert not engines.can_compile()


def test_other_networks_are_refused(pose_weights) -> None:
    model, _ = small_network(8)
    files = task_bundle.members(weights.load(pose_weights)[1])
    with pytest.raises(ValueError, match="other inputs and outputs than BlazePose"):
        engines.graphs(task_bundle.build(model, files[task_bundle.LANDMARKER]))
    with pytest.raises(ValueError, match="2 outputs where 4 are needed"):
        engines.graphs(task_bundle.build(files[task_bundle.DETECTOR], model))


def enlarged_network(after: int) -> bytes:
    """A map enlarged twofold, then convolved 1 x 1; `after` convolutions of the same map."""
    random = np.random.default_rng(4)
    build = Builder()
    x = build.tensor((1, 5, 5, 6))
    size = build.tensor((2,), np.array([10, 10], np.int32), schema.TensorType.INT32)
    options = schema.ResizeBilinearOptionsT()
    options.alignCorners, options.halfPixelCenters = False, True
    large = build.add(
        OPERATOR.RESIZE_BILINEAR, [x, size], (1, 10, 10, 6), options, "ResizeBilinearOptions"
    )
    outputs = []
    for _ in range(after):
        weight = build.tensor((2, 1, 1, 6), random.normal(size=(2, 1, 1, 6)).astype(np.float32))
        bias = build.tensor((2,), random.normal(size=2).astype(np.float32))
        relu6 = schema.ActivationFunctionType.RELU6
        outputs.append(build.convolution(large, weight, bias, (1, 10, 10, 2), 1, relu6))
    return build.pack([x], outputs)


def test_convolution_before_the_enlargement() -> None:
    graph = tflite.read(enlarged_network(1))
    rewritten = rewriting.convolve_before_resizing(graph)
    assert [operator.kind for operator in rewritten.operators] == ["CONV_2D", "RESIZE_BILINEAR"]
    x = 3 * torch.randn(2, 6, 5, 5, generator=torch.Generator().manual_seed(1))
    (before,), (after,) = Network(graph)(x), Network(rewritten)(x)
    assert 0 < (before == 6).float().mean() + (before == 0).float().mean() < 1
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_an_enlargement_of_two_uses_stays() -> None:
    graph = tflite.read(enlarged_network(2))
    assert rewriting.convolve_before_resizing(graph) == graph


def test_openvino_sends_nothing() -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    code = (
        "from unposed_jobs.networks import openvino_import; import sys;"
        "openvino_import.load().Core();"
        "print(any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
