"""The same function of the picture in fewer multiplications."""

from __future__ import annotations

from dataclasses import replace

from unposed_jobs.networks.tflite import Graph, Operator
from unposed_jobs.networks.tflite_schema import schema

_ACTIVATION = "fusedActivationFunction"


def convolve_before_resizing(graph: Graph) -> Graph:
    """Put each 1 x 1 convolution of an enlarged map before the enlargement.

    Both are linear and one mixes channels where the other mixes pixels, so they change places,
    and the bias with them, as the weights of a pixel add up to one; the activation stays last.
    BlazePose's detector enlarges 1,152 channels twofold to convolve them to 192: a ninth of its
    multiplications are saved. The outputs are equal but for rounding.
    """
    uses = [number for operator in graph.operators for number in operator.inputs]
    resized = {
        operator.outputs[0]: operator
        for operator in graph.operators
        if operator.kind == "RESIZE_BILINEAR"
        and uses.count(operator.outputs[0]) == 1
        and operator.outputs[0] not in graph.outputs
    }
    shapes = dict(graph.shapes)
    replaced: dict[int, list[Operator]] = {}
    for place, operator in enumerate(graph.operators):
        resize = resized.get(operator.inputs[0]) if _mixes_channels(operator, graph) else None
        if resize is None or not _enlarges(resize, graph):
            continue
        source, between, result = resize.inputs[0], resize.outputs[0], operator.outputs[0]
        shapes[between] = (*shapes[source][:3], shapes[result][3])
        first = replace(
            operator,
            inputs=(source, *operator.inputs[1:]),
            outputs=(between,),
            options=operator.options | {_ACTIVATION: schema.ActivationFunctionType.NONE},
        )
        second = replace(
            resize,
            inputs=(between, *resize.inputs[1:]),
            outputs=(result,),
            options=resize.options | {_ACTIVATION: operator.options[_ACTIVATION]},
        )
        replaced[graph.operators.index(resize)] = []
        replaced[place] = [first, second]
    operators = [
        one
        for place, operator in enumerate(graph.operators)
        for one in replaced.get(place, [operator])
    ]
    return replace(graph, shapes=shapes, operators=tuple(operators))


def _mixes_channels(operator: Operator, graph: Graph) -> bool:
    return (
        operator.kind == "CONV_2D"
        and graph.constants[operator.inputs[1]].shape[1:3] == (1, 1)
        and (operator.options["strideH"], operator.options["strideW"]) == (1, 1)
    )


def _enlarges(resize: Operator, graph: Graph) -> bool:
    small, large = graph.shapes[resize.inputs[0]], graph.shapes[resize.outputs[0]]
    return small[1] * small[2] < large[1] * large[2]
