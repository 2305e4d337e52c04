"""Bytes to rows as a pipeline: reading, decoding and the networks at the same time.

    load (threads) -> decode (threads) -> batches -> networks (the caller's thread) -> rows

Every stage gives its results in the order of the items, and holds a bounded number of them: of
bytes by count, of decoded pictures by pixels.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.pose.decoding import UnreadablePicture, decode_noted
from unposed_jobs.pose.estimator import PoseEstimate, PoseEstimator
from unposed_jobs.pose.memory import keep_freed
from unposed_jobs.pose.rows import LandmarkRow

BATCH_PICTURES = 8
"""The CPU's best: few enough that the pictures' memory is used again while it is still warm. A
GPU wants 64."""

BATCH_PIXELS = 16_000_000
"""For `BATCH_PICTURES`: a batch of large pictures is closed earlier, and twice as much is decoded
ahead at most. A batch of more pictures has as many for each: a GPU computes whole batches."""

READ_AHEAD = 64
"""Pictures whose bytes are held at once."""

Decode = Callable[[bytes, PoseSettings], tuple[npt.NDArray[np.uint8], str | None]]

Item = TypeVar("Item")
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass
class Seen(Generic[Item]):
    """An item on its way: `row` is None where it vanished, the rest where it is unreadable."""

    item: Item
    row: LandmarkRow | None
    picture: npt.NDArray[np.uint8] | None = None
    estimate: PoseEstimate | None = None

    @property
    def pixels(self) -> int:
        """Of the decoded picture."""
        return 0 if self.picture is None else self.picture.shape[0] * self.picture.shape[1]


STAGES = ("read", "decode", "infer", "facts", "describe")
"""What a picture goes through; describing is hashing, and the statistics of a bare one. Facts are
whatever a caller makes of decoded pictures by the way (`After`)."""


After = Callable[[Sequence[Seen[Any]]], None]
"""What is done with a batch that was estimated, in the thread of the networks."""


@dataclass(frozen=True)
class Hooks:
    """What a caller does of its own: `decode` does what `decoding.decode_noted` does, `after` is
    given each batch once it is estimated."""

    decode: Decode = decode_noted
    after: After | None = None


class Clock:
    """Seconds spent in each of `STAGES`, added up over all threads."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count what happens within."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._spent[stage] += time.perf_counter() - start

    def take(self) -> dict[str, float]:
        """The seconds of each stage since the last call."""
        with self._lock:
            spent, self._spent = self._spent, defaultdict(float)
        return {stage: spent[stage] for stage in STAGES}


def extract_stream(
    items: Iterable[Item],
    load: Callable[[Item], bytes | None],
    estimator: PoseEstimator,
    settings: PoseSettings,
    *,
    decoders: int = 0,
    batch_pictures: int = BATCH_PICTURES,
    clock: Clock | None = None,
    hooks: Hooks | None = None,
) -> Iterator[tuple[Item, LandmarkRow | None]]:
    """Each item with its row of `landmarks` (see `rows.LandmarkRow`), in order.

    A row is None where `load` found nothing. See `estimate_stream`; as many threads as decode
    complete the rows.
    """
    clock = clock or Clock()
    batches = estimate_stream(
        items,
        load,
        estimator,
        settings,
        decoders=decoders,
        batch_pictures=batch_pictures,
        clock=clock,
        hooks=hooks,
    )

    def finish(one: Seen[Item]) -> tuple[Item, LandmarkRow | None]:
        with clock("describe"):
            return _finish(one)

    if not decoders:
        yield from (finish(one) for batch in batches for one in batch)
        return
    # Threads of their own: a decoder may wait for the very thread that waits for a row.
    with ThreadPoolExecutor(decoders, "unposed-finish") as finishers:
        finishing: deque[Future[tuple[Item, LandmarkRow | None]]] = deque()
        for batch in batches:
            # The rows of the batch before are finished while this one is in the networks.
            finishing.extend(finishers.submit(finish, one) for one in batch)
            while len(finishing) > len(batch):
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()


def estimate_stream(
    items: Iterable[Item],
    load: Callable[[Item], bytes | None],
    estimator: PoseEstimator,
    settings: PoseSettings,
    *,
    decoders: int = 0,
    batch_pictures: int = BATCH_PICTURES,
    clock: Clock | None = None,
    hooks: Hooks | None = None,
) -> Iterator[list[Seen[Item]]]:
    """Batches of items with picture and estimate, in order; rows are begun, not completed.

    `load` runs in ``settings.read_threads`` threads and gives an item's bytes, or None where it
    vanished; what it raises ends the stream. `decoders` threads decode, for a process with several
    cores; without any, pictures are decoded in the thread that iterates, where `estimator` runs,
    too: on one core that is the fastest. `clock` is given the seconds of each stage.
    """
    hooks = hooks or Hooks()
    clock = clock or Clock()
    keep_freed()
    batch_pixels = max(BATCH_PIXELS, BATCH_PIXELS * batch_pictures // BATCH_PICTURES)
    budget = _Budget(2 * batch_pixels)
    with (
        ThreadPoolExecutor(settings.read_threads, "unposed-read") as readers,
        ThreadPoolExecutor(max(1, decoders), "unposed-decode") as workers,
        budget,
    ):

        def read(item: Item) -> tuple[Item, bytes | None]:
            with clock("read"):
                return item, load(item)

        loaded = _ahead(readers, read, items, READ_AHEAD)

        def prepare(numbered: tuple[int, tuple[Item, bytes | None]]) -> Seen[Item]:
            number, (item, data) = numbered
            with clock("decode"):
                seen = _prepare(item, data, estimator.estimator_id, settings, hooks.decode)
            budget.take(number, seen.pixels)
            return seen

        prepared: Iterator[Seen[Item]] = (
            _ahead(workers, prepare, enumerate(loaded), 2 * batch_pictures)
            if decoders
            else map(prepare, enumerate(loaded))
        )
        for batch in _batches(prepared, budget, batch_pictures, batch_pixels):
            pictures = [one.picture for one in batch if one.picture is not None]
            with clock("infer"):
                estimates = iter(estimator.estimate(pictures))
            for one in batch:
                if one.picture is not None:
                    one.estimate = next(estimates)
            if hooks.after is not None:
                with clock("facts"):
                    hooks.after(batch)
            budget.give(sum(one.pixels for one in batch))
            yield batch


def _prepare(
    item: Item,
    data: bytes | None,
    estimator_id: str,
    settings: PoseSettings,
    decode: Decode,
) -> Seen[Item]:
    if data is None:
        return Seen(item, None)
    try:
        picture, note = decode(data, settings)
    except UnreadablePicture as error:
        return Seen(item, LandmarkRow.unread(data, estimator_id, str(error)))
    return Seen(item, LandmarkRow.unread(data, estimator_id, note), picture)


def _finish(one: Seen[Item]) -> tuple[Item, LandmarkRow | None]:
    if one.row is None or one.picture is None or one.estimate is None:
        return one.item, one.row
    return one.item, one.row.seen(one.picture, one.estimate)


def _batches(
    prepared: Iterator[Seen[Item]], budget: _Budget, batch_pictures: int, batch_pixels: int
) -> Iterator[list[Seen[Item]]]:
    batch: list[Seen[Item]] = []
    pixels = 0
    for number, one in enumerate(prepared):
        budget.reached(number + 1)
        batch.append(one)
        pixels += one.pixels
        if len(batch) == batch_pictures or pixels >= batch_pixels:
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
