"""What a training hands on: counted confidences, examples that differ, names that are unique."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from reference_tables import BARE, reference, train

from unposed_jobs.reference import branches, describing
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.vocabulary.clustering import Clusters, describe
from unposed_jobs.vocabulary.retaking import Retaken


def with_column(pictures: pa.Table, name: str, values: list) -> pa.Table:
    place = pictures.schema.get_field_index(name)
    return pictures.set_column(place, name, pa.array(values, pictures.schema.field(name).type))


def exemplars(model: Bundle, kind: str) -> list[list[str]]:
    return [row["exemplars"] for row in model.vocabulary.to_pylist() if row["kind"] == kind]


def test_both_kinds_of_classes_state_counted_probabilities(bundle: Bundle) -> None:
    for clusters in (bundle.person.clusters, bundle.other.branch.clusters):
        worth = clusters.calibration
        assert worth is not None
        # Nothing that was counted a finite number of times is certain.
        assert 0.5 < worth.probability.max() < 1


def tried(monkeypatch: pytest.MonkeyPatch, noted: Callable[..., None]) -> None:
    """Let trials be noted instead of made."""

    def trials(clusters: Clusters, *given: Any, **named: Any) -> Retaken:
        noted(clusters, *given, **named)
        return Retaken(None, np.full((len(clusters), len(clusters)), np.nan))

    monkeypatch.setattr(branches.retaking, "trials", trials)


def test_people_are_judged_on_varied_landmarks_without_their_product(
    pictures: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    tried(monkeypatch, lambda *given, **_: asked.append(given))
    train(pictures, BARE)
    (_, points, again, owner, *_), (_, others, same, *_) = asked
    retaken = again(np.random.default_rng(0))
    assert retaken.shape == points.shape
    assert (np.linalg.norm(retaken - points, axis=1) > 0).all()
    assert set(owner) == set(pictures["product_id"].to_pylist())
    np.testing.assert_array_equal(same(np.random.default_rng(0)), others)


def test_what_is_learned_again_is_divided_as_the_classes_were(
    pictures: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    tried(monkeypatch, lambda *given, divided, **_: asked.append((*given, divided)))
    train(pictures, BARE)
    assert len(asked) == 2
    for clusters, points, *_, divided in asked:
        whole = describe(points, points.mean(axis=0, keepdims=True))
        everything = np.arange(len(points))
        assert 1 < len(divided(whole, points, everything).centroids) <= len(clusters.centroids)


def test_examples_are_pictures_whose_people_are_surely_seen(pictures: pa.Table) -> None:
    few = dataclasses.replace(BARE, exemplars=3)
    shown = {uri for uris in exemplars(train(pictures, few), "person") for uri in uris}
    assert shown
    scores = [
        0.05 if uri in shown else score
        for uri, score in zip(
            *pictures.select(["image_uri", "pose_score"]).to_pydict().values(), strict=True
        )
    ]
    again = exemplars(train(with_column(pictures, "pose_score", scores), few), "person")
    assert not shown & {uri for uris in again for uri in uris}


def test_examples_of_a_bare_picture_are_those_where_surely_nobody_is(pictures: pa.Table) -> None:
    few = dataclasses.replace(BARE, exemplars=3)
    shown = {uri for uris in exemplars(train(pictures, few), "no_person") for uri in uris}
    there = pa.array([0.6 if uri in shown else 0.0 for uri in pictures["image_uri"].to_pylist()])
    told = pictures.append_column("person_probability", there)
    again = exemplars(train(told, few), "no_person")
    assert all(again)
    assert not shown & {uri for uris in again for uri in uris}


def test_examples_of_one_class_are_no_repeats_of_each_other() -> None:
    pictures = reference(products=12)
    same = with_column(pictures, "perceptual_hash", ["0f0f0f0f0f0f0f0f"] * pictures.num_rows)
    model = train(same, BARE)
    assert {len(uris) for kind in ("person", "no_person") for uris in exemplars(model, kind)} == {1}


def test_a_kept_class_keeps_its_name_and_a_new_one_never_has_the_name_of_another(
    bundle: Bundle,
) -> None:
    kept, *_ = bundle.active.to_pylist()

    def named(pose_id: int, name: str, lineage: str) -> describing.PoseClass:
        none = np.zeros(0, dtype=np.int64)
        return describing.PoseClass(
            pose_id, "person", name, "FRNT", 1, 1.0, lineage, [], none, none.astype(np.float32)
        )

    again = [
        named(100, kept["name"], "new"),
        named(kept["pose_id"], "what it would be called today", "kept"),
        named(101, kept["name"], "new"),
        named(102, f"{kept['name']} (2)", "new"),
    ]
    describing.settle_names(again, bundle)
    assert [one.name for one in again] == [
        f"{kept['name']} (2)",
        kept["name"],
        f"{kept['name']} (3)",
        f"{kept['name']} (4)",
    ]
    assert again[1].shot_code == kept["shot_code"]
