"""A process of its own for one side: its cores, its JVM and its memory are its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from unposed_jobs.errors import UnposedError


class Child:
    """Builds ``make(*arguments)`` in a new process and calls its methods there.

    Use it in a ``with``; the object's own ``close()``, where it has one, ends it. `cores` is how
    many of this process's cores it may use, whatever it starts included; None is all of them.
    `threads` is what its libraries take for one computation, which they read when they load.
    """

    def __init__(
        self,
        make: Callable[..., Any],
        *arguments: Any,
        cores: int | None = None,
        threads: int | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        # No daemon: sides start processes of their own.
        self._process = context.Process(target=_serve, args=(theirs, cores, make, arguments))
        with _environment("OMP_NUM_THREADS", threads):
            self._process.start()
        # Only the child's own end is left: if it dies, waiting for it ends.
        theirs.close()

    def __enter__(self) -> Child:
        try:
            self.result()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(self, method: str, *arguments: Any) -> Any:
        """What the object's method returns.

        Raises UnposedError where it fails or the process died.
        """
        self.begin(method, *arguments)
        return self.result()

    def begin(self, method: str, *arguments: Any) -> None:
        """Call the method and do not wait: other children can work at the same time."""
        self._connection.send((method, arguments))

    def result(self) -> Any:
        """Wait for what was begun; returns and raises as `call` does."""
        try:
            good, value = self._connection.recv()
        except EOFError:
            raise UnposedError("a process of the benchmark died; its error is above") from None
        if not good:
            raise UnposedError(value)
        return value

    def _end(self) -> None:
        self._connection.close()
        self._process.join(30)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


@contextlib.contextmanager
def _environment(name: str, value: int | None) -> Iterator[None]:
    """Set a variable for what is started within; None leaves it as it is."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = str(value)
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif value is not None:
            del os.environ[name]


def _serve(
    connection: Connection, cores: int | None, make: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    if cores is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    made: Any = None
    try:
        try:
            made = make(*arguments)
            connection.send((True, None))
            while True:
                method, given = connection.recv()
                connection.send((True, getattr(made, method)(*given)))
        except EOFError:
            pass  # The parent is done.
        except UnposedError as error:
            connection.send((False, str(error)))
        except Exception as error:
            traceback.print_exc()
            connection.send((False, f"a side of the benchmark failed: {error!r}"))
    finally:
        if hasattr(made, "close"):
            made.close()
