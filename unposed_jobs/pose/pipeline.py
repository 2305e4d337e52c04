"""Bytes to rows as a pipeline: reading, decoding and the networks at the same time.

    load (threads) -> decode (threads) -> batches -> networks (the caller's thread) -> rows

Every stage gives its results in the order of the items, and holds a bounded number of them: of
bytes by count, of decoded pictures by pixels.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.extraction import Row, blank_row, fill_row

BATCH_PICTURES = 32
BATCH_PIXELS = 16_000_000
"""A batch is closed by whichever comes first; as much again is decoded ahead."""

READ_AHEAD = 64
"""Pictures whose bytes are held at once."""

Item = TypeVar("Item")
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass
class _Prepared(Generic[Item]):
    item: Item
    row: Row | None
    picture: npt.NDArray[np.uint8] | None = None

    @property
    def pixels(self) -> int:
        return 0 if self.picture is None else self.picture.shape[0] * self.picture.shape[1]


def extract_stream(
    items: Iterable[Item],
    load: Callable[[Item], bytes | None],
    estimator: PoseEstimator,
    settings: PoseSettings,
    decoders: int = 1,
) -> Iterator[tuple[Item, Row | None]]:
    """Each item with its row of `landmarks` (see `extraction.extract_batch`), in order.

    `load` runs in ``settings.read_threads`` threads and gives an item's bytes, or None where it
    vanished, whose row is None; what it raises ends the stream. `decoders` threads decode, and as
    many complete the rows: as many as there are cores to spare. `estimator` runs in the thread
    that iterates.
    """
    budget = _Budget(2 * BATCH_PIXELS)
    with (
        ThreadPoolExecutor(settings.read_threads, "unposed-read") as readers,
        ThreadPoolExecutor(decoders, "unposed-decode") as workers,
        # Of their own: a decoder may wait for this very thread to go on.
        ThreadPoolExecutor(decoders, "unposed-finish") as finishers,
        budget,
    ):
        loaded = _ahead(readers, lambda item: (item, load(item)), items, READ_AHEAD)

        def prepare(numbered: tuple[int, tuple[Item, bytes | None]]) -> _Prepared[Item]:
            number, (item, data) = numbered
            prepared = _prepare(item, data, estimator.estimator_id, settings)
            budget.take(number, prepared.pixels)
            return prepared

        prepared = _ahead(workers, prepare, enumerate(loaded), 2 * BATCH_PICTURES)
        finishing: deque[Future[tuple[Item, Row | None]]] = deque()
        for batch in _batches(prepared, budget):
            # The rows of the batch before are finished while this one is in the networks.
            finishing.extend(_estimate(batch, estimator, finishers))
            budget.give(sum(one.pixels for one in batch))
            while len(finishing) > len(batch):
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()


def _prepare(
    item: Item, data: bytes | None, estimator_id: str, settings: PoseSettings
) -> _Prepared[Item]:
    if data is None:
        return _Prepared(item, None)
    row = blank_row(data, estimator_id)
    try:
        return _Prepared(item, row, decode(data, settings))
    except UnreadablePicture as error:
        row["error"] = str(error)
        return _Prepared(item, row)


def _estimate(
    batch: list[_Prepared[Item]], estimator: PoseEstimator, finishers: ThreadPoolExecutor
) -> list[Future[tuple[Item, Row | None]]]:
    pictures = [one.picture for one in batch if one.picture is not None]
    estimates = iter(estimator.estimate(pictures))
    return [
        finishers.submit(_finish, one, None if one.picture is None else next(estimates))
        for one in batch
    ]


def _finish(one: _Prepared[Item], estimate: PoseEstimate | None) -> tuple[Item, Row | None]:
    if estimate is not None and one.row is not None and one.picture is not None:
        fill_row(one.row, one.picture, estimate)
    return one.item, one.row


def _batches(
    prepared: Iterator[_Prepared[Item]], budget: _Budget
) -> Iterator[list[_Prepared[Item]]]:
    batch: list[_Prepared[Item]] = []
    pixels = 0
    for number, one in enumerate(prepared):
        budget.reached(number + 1)
        batch.append(one)
        pixels += one.pixels
        if len(batch) == BATCH_PICTURES or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[_In], _Out], items: Iterable[_In], window: int
) -> Iterator[_Out]:
    """Map in order, at most `window` items ahead of the reader."""
    pending: deque[Future[_Out]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= window:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


class _Budget:
    """Holds decoders back while too many decoded pixels wait.

    The picture that the batch is waiting for always passes, whatever its size; else the pictures
    after it could keep it out for ever.
    """

    def __init__(self, pixels: int) -> None:
        self._limit = pixels
        self._held = 0
        self._wanted = 0
        self._open = True
        self._changed = threading.Condition()

    def __enter__(self) -> _Budget:
        return self

    def __exit__(self, *_: object) -> None:
        # Where the stream ends early, nobody must wait for a reader that is gone.
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def take(self, number: int, pixels: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._held + pixels <= self._limit or number <= self._wanted or not self._open
                )
            )
            self._held += pixels

    def give(self, pixels: int) -> None:
        with self._changed:
            self._held -= pixels
            self._changed.notify_all()

    def reached(self, number: int) -> None:
        """The reader wants picture `number` next."""
        with self._changed:
            self._wanted = number
            self._changed.notify_all()
