"""``[pose]``: how pictures become landmarks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import (
    STRICT,
    Count,
    Numbers,
    Seconds,
    Section,
    Share,
    Unit,
    WholeNumbers,
)


def _of_three_channels(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) != 3:
        raise ValueError(f"must have 3 numbers, not {len(values)}")
    return values


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values, default=1) <= 0:
        raise ValueError("must be greater than 0")
    return values


def _width_and_height(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(values) not in (0, 2):
        raise ValueError(f"must have 2 numbers, not {len(values)}")
    return values


@dataclass(frozen=True, config=STRICT)
class PoseSettings(Section):
    """How pictures become landmarks."""

    section: ClassVar[str] = "pose"

    estimator: Annotated[
        str, Field(examples=["mediapipe-full", "movenet-thunder", "onnx:rtmpose.onnx", "champion"])
    ] = "blazepose-full"
    """The pose estimator; `unposed models list` prints all names. The default is the batched
    BlazePose; `mediapipe-full` is MediaPipe Tasks on the same weights; `champion` is the estimator
    of the promoted model."""
    weights: str = "{cache}/weights"
    """The folder of the networks' weights."""
    max_people: Annotated[Count, Unit("people")] = 3
    """People looked for in one picture."""
    min_detection_confidence: Share = 0.5
    """Least score at which the detector's person is taken."""
    second_look: bool = True
    """Show the whole picture to the landmark network where the detector saw nobody, or is not sure:
    headless and legs-only crops are found, garments laid flat are not taken for people."""
    min_person_probability: Share = 0.65
    """Least probability, after a second look, that there is a person at all."""
    headless: Literal["movenet-thunder", "movenet-lightning", "off"] = "movenet-thunder"
    """The network that reads people without a head in the second look, with BlazePose.
    `movenet-lightning` takes a third of the time and is less accurate."""
    picture_kinds: bool = True
    """Classify pictures without a person (garment laid flat, fabric, chart, detail) by a network of
    their own, which the second look also asks where it is left open whether anybody is there;
    otherwise by plain statistics of their pixels."""
    views: bool = True
    """Search the parts of collages and strips, and search for small people where a scene shows
    nobody; what was found there is described in `landmarks.error`."""
    max_pixels: Annotated[Count, Unit("pixels")] = 50_000_000
    """Largest picture that is decoded."""
    max_bytes: Annotated[Count, Unit("bytes")] = 64 * 1024 * 1024
    """Largest file that is read."""
    decode_seconds: Seconds = 60.0
    """Longest time of the processor for decoding one picture; one that takes longer is
    unreadable."""
    chunk_size: Annotated[Count, Unit("pictures")] = 256
    """Pictures in a chunk, the unit of retry; a task with a GPU takes sixteen chunks as one."""
    commit_chunks: Annotated[Count, Unit("chunks")] = 64
    """Least chunks in one commit. More are taken on a larger cluster (eight for each task that runs
    at once) and where a run would otherwise make more than 64 commits."""
    read_threads: Annotated[Count, Unit("threads")] = 8
    """Pictures that a task reads at once."""
    onnx_sha256: str = ""
    """The digest that the model of ``estimator = "onnx:PATH"`` must have; empty: any."""
    onnx_person_box: Literal["detector", "frame"] = "detector"
    """`detector`: BlazePose's detector finds the people; `frame`: each picture is one person."""
    onnx_device: Literal["cpu", "cuda"] = "cpu"
    """Where ONNX Runtime runs the model."""
    onnx_heat_maps: Literal["msra", "dark", "udp"] = "msra"
    """The codec that the model was trained with; `dark` is unbiased msra. SimCC models
    ignore it."""
    onnx_input_size: Annotated[
        WholeNumbers,
        AfterValidator(_width_and_height),
        AfterValidator(_positive),
        Field(examples=[[192, 256]]),
        Unit("pixels"),
    ] = ()
    """Width and height, for a model that leaves the size of its input open."""
    onnx_colour_order: Literal["rgb", "bgr"] = "rgb"
    """The order of the channels that the model expects."""
    onnx_mean: Annotated[Numbers, AfterValidator(_of_three_channels)] = (123.675, 116.28, 103.53)
    """Subtracted from each channel, in the order above; MMPose's own."""
    onnx_std: Annotated[Numbers, AfterValidator(_of_three_channels), AfterValidator(_positive)] = (
        58.395,
        57.12,
        57.375,
    )
    """Each channel is divided by it, in the order above; MMPose's own."""
    onnx_batch_size: Annotated[Count, Unit("people")] = 8
    """People in one run of the model, where it leaves the batch open; a GPU wants 64."""
