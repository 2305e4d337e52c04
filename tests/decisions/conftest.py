"""A PostgreSQL of its own, where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

NOBODY = 65534


def _command(name: str) -> str | None:
    found = shutil.which(name)
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(newest[-1]) if newest else found


@pytest.fixture(scope="session")
def postgresql():
    """The address of a server without databases of ours."""
    initdb, pg_ctl = _command("initdb"), _command("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("no PostgreSQL is installed")
    # It does not run as root, and its socket's path may not be long.
    home = Path("/tmp") / f"unposed-pg-{os.getpid()}"
    home.mkdir(mode=0o700)
    as_nobody: list[str] = []
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port = tried.getsockname()[1]
    data = home / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            [*as_nobody, *command], cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr or done.stdout)

    run(initdb, "-D", str(data), "-U", "unposed", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(pg_ctl, "-D", str(data), "-l", str(home / "log"), "-o", options, "-w", "start")
    yield f"postgresql://unposed@127.0.0.1:{port}"
    run(pg_ctl, "-D", str(data), "-m", "immediate", "stop")
    shutil.rmtree(home, ignore_errors=True)
