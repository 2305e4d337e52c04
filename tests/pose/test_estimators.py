import ctypes
import importlib
import subprocess
import sys
from dataclasses import replace

import pytest

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import estimators, mediapipe_estimator


@pytest.mark.parametrize("name", ["", "blazepoze", "mediapipe", "mediapipe:", "mediapipe-full:x"])
def test_an_unknown_name_is_told_the_known_ones(name) -> None:
    with pytest.raises(UnposedError, match=r"known: blazepose-full, .*mediapipe:PATH") as error:
        estimators.create(PoseSettings(estimator=name))
    assert "\n" not in str(error.value)


def test_missing_weights_name_the_remedy(tmp_path) -> None:
    with pytest.raises(UnposedError, match="run: unposed models fetch"):
        estimators.create(PoseSettings(weights=str(tmp_path)))


def test_a_bundle_by_its_path_must_be_there(tmp_path) -> None:
    with pytest.raises(UnposedError, match="cannot read the bundle"):
        estimators.create(PoseSettings(estimator=f"mediapipe:{tmp_path}/none.task"))


def test_a_file_that_mediapipe_refuses(tmp_path) -> None:
    path = tmp_path / "other.task"
    path.write_bytes(b"not a bundle")
    with pytest.raises(UnposedError, match="MediaPipe refuses the bundle other") as error:
        estimators.create(PoseSettings(estimator=f"mediapipe:{path}"))
    assert "\n" not in str(error.value)


def test_a_missing_system_library_names_the_packages(monkeypatch, tmp_path) -> None:
    from mediapipe.tasks.python.core import mediapipe_c_bindings

    def load_raw_library() -> ctypes.CDLL:
        raise OSError("libGLESv2.so.2: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(mediapipe_c_bindings, "load_raw_library", load_raw_library)
    path = tmp_path / "any.task"
    path.write_bytes(b"")
    with pytest.raises(UnposedError) as error:
        estimators.create(PoseSettings(estimator=f"mediapipe:{path}"))
    assert str(error.value) == (
        "MediaPipe needs the system library libGLESv2.so.2; "
        "run: apt-get install libegl1 libgles2 libgl1 libglib2.0-0"
    )


def test_the_registry_imports_no_estimator() -> None:
    code = "import sys, unposed_jobs.pose.estimators; print('mediapipe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_default_estimator_starts_without_mediapipe(pose_weights) -> None:
    code = (
        "import sys; from unposed_jobs.config import PoseSettings;"
        "from unposed_jobs.pose import estimators;"
        f"estimators.create(PoseSettings(weights={pose_weights.weights!r}));"
        "print(sorted({'mediapipe', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_leads_to_an_estimator() -> None:
    for name in estimators._MODULES.values():
        module = importlib.import_module(name)
        assert callable(module.create)
        assert callable(module.identify)


def test_the_id_is_known_without_starting_the_estimator(estimator, pose_weights) -> None:
    assert estimators.identify(pose_weights) == estimator.estimator_id


def test_the_id_tells_version_weights_and_settings(estimator, pose_weights) -> None:
    import mediapipe

    assert f"mediapipe-{mediapipe.__version__}-full-" in estimator.estimator_id
    assert estimator.estimator_id.endswith("-people3-detection0.5")
    other = estimators.create(replace(pose_weights, max_people=1))
    try:
        assert other.estimator_id != estimator.estimator_id
    finally:
        other.close()


def test_mediapipe_gets_no_certificates_to_upload_figures_with() -> None:
    mediapipe = mediapipe_estimator._import_mediapipe()
    options = mediapipe_estimator._base_options(mediapipe.tasks, b"bundle").to_ctypes()
    assert options.ca_bundle_path == b"/dev/null"
    assert options.model_asset_buffer_count == len(b"bundle")
