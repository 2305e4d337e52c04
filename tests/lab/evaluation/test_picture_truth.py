"""The rendered truth of each pixel, and what the facts are held to."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation.pictures import cases, figures, violations
from unposed_jobs.lab.evaluation.pictures.figures import Score
from unposed_jobs.lab.sample import parts
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.pictures import colours


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    settings = SampleSettings(products=6, seed=8, size=240, parts=True)
    write_sample(folder, settings, workers=1, progress=False)
    return folder


def pictures(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("pictures/*/*.jpg")
    }


def test_telling_the_truth_does_not_change_a_picture(sample, tmp_path) -> None:
    settings = SampleSettings(products=6, seed=8, size=240)
    write_sample(tmp_path, settings, workers=1, progress=False)
    assert pictures(tmp_path) == pictures(sample)
    assert not (tmp_path / "truth/parts").exists()


def test_labels_are_where_their_things_are(sample, pose_weights) -> None:
    shown = {case.row["image_uri"]: case for case in cases.read(sample, pose_weights)}
    assert {case.row["kind"] for case in shown.values()} >= {"person", "flat_lay"}
    for case in shown.values():
        names = {parts.PARTS[number] for number in np.unique(case.labels)}
        if case.row["kind"] == "flat_lay":
            assert names == {"background", "laid"}
        if case.row["framing"] == "full":
            assert {"face", "shoes", case.cloth["part"]} <= names
            rows = [np.nonzero(case.labels == parts.number(p))[0].mean() for p in ("face", "shoes")]
            assert rows[0] < rows[1]
        if case.row["framing"] == "legs":
            assert "face" not in names


def test_a_catalogue_without_labels_says_what_to_do(tmp_path, pose_weights) -> None:
    with pytest.raises(UnposedError, match="--parts"):
        list(cases.read(tmp_path, pose_weights))


def test_a_figure_s_interval_is_over_products() -> None:
    scores = [Score("x", str(product), value) for product, value in enumerate([0, 1] * 20)]
    figure = figures.summed("x", [*scores, Score("y", "0", 1.0)], wanted=(">=", 0.4), baseline="y")
    assert (figure.count, figure.value.value, figure.holds, figure.baseline) == (40, 0.5, True, 1.0)
    assert figure.value.low < 0.5 < figure.value.high
    assert figures.summed("z", scores) is None


def _shown(product: str, pattern: str, colour: str, second: str) -> list[cases.Case]:
    cloth = {"pattern": pattern, "colour": colour, "second": second}
    empty = np.zeros((1, 1), np.uint8)
    return [cases.Case({"product_id": product}, cloth, "upper_garment", empty, empty)] * 3


@pytest.mark.parametrize(
    ("strange", "violates"),
    [
        (("plain", "#606a42", "#000000"), True),
        (("wide_stripes", "#203056", "#e2beb4"), False),  # The main colour is the product's own.
        (("plain", "#d6b45c", "#000000"), False),  # A detail of the product may show it alone.
    ],
)
def test_another_colour_is_one_that_the_product_s_cloth_has_not(strange, violates) -> None:
    own = _shown("a", "wide_stripes", "#203056", "#d6b45c")
    looked = [*own, *_shown("b", *strange)]
    told = [colours.named((32, 48, 86))], [colours.named((96, 106, 66))]
    seen = [
        SimpleNamespace(facts=SimpleNamespace(colours=told[one.product == "b"])) for one in looked
    ]
    found = [
        score.value
        for score in figures.disagreements(looked, seen, 0)
        if score.name.startswith("found") and score.product == "a"
    ]
    assert found == ([1.0] if violates else [])


def test_violations_are_put_into_clean_pictures(sample, pose_weights) -> None:
    whole = [
        (case, picture)
        for case in cases.read(sample, pose_weights)
        if (picture := _clean(case)) is not None
    ]
    assert whole
    rng = np.random.default_rng(0)
    for _, picture in whole[:4]:
        assert tuple(picture[0, 0]) == (255, 255, 255)
        for name, (change, _) in violations.CHANGES.items():
            changed = change(picture, rng)
            assert changed.dtype == np.uint8, name
            assert changed.shape != picture.shape or (changed != picture).any(), name


def _clean(case: cases.Case) -> np.ndarray | None:
    """The small pictures of this test, enlarged."""
    size = (case.labels.shape[1] * 3, case.labels.shape[0] * 3)
    larger = cases.Case(
        case.row,
        case.cloth,
        case.part,
        np.asarray(Image.fromarray(case.picture).resize(size)),
        np.asarray(Image.fromarray(case.labels).resize(size, Image.Resampling.NEAREST)),
    )
    return violations.clean(larger)
