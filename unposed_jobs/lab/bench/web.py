"""Ratio 9: a first night of pictures on the web against the same pictures on the local disk.

The server is a process of its own on the loopback. It lets every request, and every new connection,
wait for a round trip, as a host some thousand kilometres away would.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import tempfile
import time
from email.utils import formatdate
from itertools import count as counting
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from unposed_jobs.config import CatalogueSettings, PoseSettings, Settings, StorageSettings
from unposed_jobs.lab.bench import rounds, sessions
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.extraction import DAY, warehouse_settings
from unposed_jobs.lab.bench.nights import write_list
from unposed_jobs.lab.bench.results import Measured, Result, Target, quotients

NAMED = ("9", "first night: pictures on the web ÷ on the local disk", Target("at_least", 0.85))
ROUND_TRIP = 0.02
"""Seconds."""


class Server:
    """The files of a folder by HTTP on the loopback; in a ``with``, its address."""

    def __init__(self, folder: Path, round_trip: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._told, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, str(folder), round_trip), daemon=True
        )

    def __enter__(self) -> str:
        self._process.start()
        return f"http://127.0.0.1:{self._told.recv()}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def _serve(pipe: Connection, folder: str, round_trip: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await asyncio.sleep(round_trip)
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(round_trip)
                # Names only: nothing above or below the folder is served.
                path = Path(folder, request.split(b" ", 2)[1].decode().rpartition("/")[2])
                data, date = path.read_bytes(), formatdate(path.stat().st_mtime, usegmt=True)
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nLast-Modified: {date}\r\n"
                    f"Content-Length: {len(data)}\r\n\r\n"
                )
                writer.write(head.encode() + data)
                await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class FirstNights:
    """First nights of `count` pictures of a folder, in one warm session."""

    def __init__(self, source: str, base: str, count: int, pose: PoseSettings, cores: int) -> None:
        paths = sorted(Path(source).iterdir())[:count]
        self._spark = sessions.local(cores)
        self._pose = pose
        self._addresses = {
            "disk": [str(path) for path in paths],
            "web": [f"{base}/{path.name}" for path in paths],
        }
        self._roots = tuple(sorted({str(path.parent) for path in paths}))
        self._number = counting()
        for few in (8, 8, min(count, 100 * cores)):
            for place in self._addresses:
                self.run(place, few)

    def run(self, place: str, count: int | None = None) -> float:
        """Pictures a second of a first night on a warehouse of its own."""
        from unposed_jobs.jobs import extract
        from unposed_jobs.jobs.entry import Run

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_list(folder, self._addresses[place][:count])
            settings = Settings(
                warehouse=warehouse_settings(folder),
                catalogue=CatalogueSettings(
                    products=str(folder / "products.csv"), images=str(folder / "images.csv")
                ),
                storage=StorageSettings(
                    roots=self._roots, http_hosts=("127.0.0.1",), http_private_addresses=True
                ),
                pose=self._pose,
            )
            start = time.perf_counter()
            figures = extract.run(self._spark, settings, Run(DAY, progress=lambda line: None))
            seconds = time.perf_counter() - start
        extracted: int = figures["extracted"]
        return extracted / seconds

    def close(self) -> None:
        """Stop the session."""
        self._spark.stop()


def measure(
    folder: Path, pictures: int, pose: PoseSettings, cores: int, times: int
) -> list[Result]:
    """Ratio 9; server and job share the cores."""
    with (
        Server(folder, ROUND_TRIP) as base,
        Child(FirstNights, str(folder), base, pictures, pose, cores) as side,
    ):
        taken: dict[str, list[Any]] = rounds.turns(
            {"web": lambda: side.call("run", "web"), "disk": lambda: side.call("run", "disk")},
            times,
        )
    ours = Measured("http", "images/s", taken["web"])
    reference = Measured("local disk", "images/s", taken["disk"])
    return [
        Result(
            *NAMED,
            ours,
            reference,
            quotients(ours, reference),
            figures={"pictures": pictures, "round_trip_s": ROUND_TRIP},
            notes=[
                f"{pictures} pictures, change detection included, each read twice; a round trip of "
                f"{1000 * ROUND_TRIP:.0f} ms; server and job share the cores"
            ],
        )
    ]
