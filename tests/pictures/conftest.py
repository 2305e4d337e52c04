from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.lab.sample.cohorts import Shot
from unposed_jobs.lab.sample.garments import random_garment
from unposed_jobs.lab.sample.shots import Studio


@dataclass(frozen=True)
class Rendered:
    picture: np.ndarray
    labels: np.ndarray


def render(shot: Shot, kind: str = "shirt", seed: int = 4, size: int = 480) -> Rendered:
    rng = np.random.default_rng(seed)
    studio = Studio(rng, random_garment(rng, kind), True, size)
    taken = studio.take(shot, int(shot.kind == "person"), 1, labelled=True)
    return Rendered(np.asarray(taken.image), taken.labels)


@pytest.fixture(scope="session")
def standing() -> Rendered:
    """A whole person from the front."""
    return render(Shot("person", "front", "full"))


@pytest.fixture(scope="session")
def laid() -> Rendered:
    """A garment laid flat."""
    return render(Shot("flat_lay"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory, standing, laid) -> Path:
    """A folder as a shop has it: a product's folder, numbered files, and one that is no picture."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "Shirt 12").mkdir()
    Image.fromarray(standing.picture).save(folder / "Shirt 12/2.jpg", quality=92)
    Image.fromarray(laid.picture).save(folder / "Shirt 12/10.png")
    (folder / "ABC_1.jpg").write_bytes((folder / "Shirt 12/2.jpg").read_bytes())
    (folder / "ABC_2.jpg").write_text("no picture\n")
    (folder / "notes.txt").write_text("not looked at\n")
    return folder
