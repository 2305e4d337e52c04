import hashlib
import zipfile
from pathlib import Path

import pytest

from unposed_jobs.cli import main
from unposed_jobs.networks import task_bundle


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "unposed.toml"
    path.write_text(f'[pose]\nweights = "{tmp_path}/weights"\n')
    return str(path)


@pytest.fixture
def lite(tmp_path: Path) -> Path:
    path = tmp_path / "pose_landmarker_lite.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(task_bundle.DETECTOR, b"detector")
        archive.writestr(task_bundle.LANDMARKER, b"landmarker")
    return path


def test_list_says_what_to_do_first(settings, capsys) -> None:
    assert main(["models", "list", "--config", settings]) == 0
    out = capsys.readouterr().out
    assert "mediapipe-full" in out
    assert "run: unposed models fetch" in out


def test_fetch_from_then_list(settings, lite, capsys) -> None:
    digest = hashlib.sha256(lite.read_bytes()).hexdigest()
    fetch = ["models", "fetch", "--from", str(lite), "--sha256", digest]
    assert main([*fetch, "--config", settings]) == 0
    assert main(["models", "--config", settings, "list"]) == 0
    out = capsys.readouterr().out
    assert f"pose_landmarker_lite  {digest}" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["verify"], "run: unposed models fetch"),
        (["verify", "--estimator", "blazepoze"], "known: blazepose-full"),
        (["fetch", "--from", "/nowhere/x.task"], "--from needs --sha256"),
        (["fetch", "--sha256", "0" * 64], "--sha256 belongs to --from"),
        (["fetch", "movenet"], "known: pose_landmarker_full, "),
        (["fetch", "movenet-thunder", "--from", "/nowhere/x.task"], "the name of its file"),
        (["verify", "--estimator", "blazepose-lite"], "--from URI_OF_pose_landmarker_lite.task"),
    ],
)
def test_a_mistake_is_one_line(settings, capsys, arguments, told) -> None:
    assert main(["models", *arguments, "--config", settings]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert error.startswith("unposed: ")
