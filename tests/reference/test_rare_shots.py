"""A shot that few products have gets a class of its own; what is hardly seen gets none."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from landmark_figures import Pose, figures
from reference_tables import BARE, reference, train

from unposed_jobs.reference import branches
from unposed_jobs.reference.bundle import Bundle

FEW = dataclasses.replace(BARE, clusters=3)
"""So few centroids that k-means has none to spare for a rare shot."""


def with_shot(
    pictures: pa.Table, shot: Pose, products: int, score: float, over: str = ""
) -> tuple[pa.Table, list[str]]:
    """One picture of each of so many products shows `shot`, found with `score`, in place of the
    first, or of the one that shows `over`."""
    rows = pictures.to_pylist()
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row["status"] == "ok" and over in ("", row["truth"]):
            first.setdefault(row["product_id"], place)
    chosen = list(first.values())[:products]
    drawn = figures([shot] * products, seed=3)
    drawn[..., 2] *= 2.4  # BlazePose tells more depth than there is.
    for place, landmarks in zip(chosen, drawn, strict=True):
        rows[place] |= {"landmarks": landmarks.ravel().tolist(), "pose_score": score}
    uris = [rows[place]["image_uri"] for place in chosen]
    return pa.Table.from_pylist(rows, schema=pictures.schema), uris


def names_of(model: Bundle, pictures: pa.Table, uris: list[str]) -> list[str | None]:
    known = dict(
        zip(*model.vocabulary.select(["pose_id", "name"]).to_pydict().values(), strict=True)
    )
    found = dict(
        zip(
            pictures["image_uri"].to_pylist(),
            model.assign(pictures)["pose_id"].to_pylist(),
            strict=True,
        )
    )
    return [known.get(found[uri]) for uri in uris]


def test_a_rare_shot_is_a_class_though_k_means_has_no_centroid_for_it() -> None:
    pictures, uris = with_shot(reference(), Pose("back", "legs"), 4, score=0.9)
    assert set(names_of(train(pictures, FEW), pictures, uris)) == {"legs, back"}


def test_a_rare_shot_that_is_hardly_seen_is_none() -> None:
    pictures, uris = with_shot(reference(), Pose("back", "legs"), 4, score=0.1)
    assert "legs, back" not in names_of(train(pictures, FEW), pictures, uris)


def test_a_side_too_rare_for_a_class_counts_as_the_other_one() -> None:
    pictures, uris = with_shot(reference(), Pose("right", "upper"), 2, score=0.9, over="left upper")
    names = names_of(train(pictures, dataclasses.replace(BARE, clusters=12)), pictures, uris)
    assert set(names) == {"upper body, left side"}


@pytest.mark.parametrize(("part", "given"), [("divide", 5), ("joined", 5), ("without_tiny", 4)])
def test_training_goes_through_each_step(
    part: str, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, seen = getattr(branches.cells, part), []

    def watched(*arguments: object) -> object:
        seen.append(len(arguments))
        return step(*arguments)

    monkeypatch.setattr(branches.cells, part, watched)
    model = train(reference(products=12), BARE)
    assert set(seen) == {given}
    assert np.isfinite(model.person.clusters.centroids).all()
