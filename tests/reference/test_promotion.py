import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from reference_tables import SETTINGS, reference, train

from unposed_jobs.config import AuditSettings
from unposed_jobs.reference import promotion
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.vocabulary.calibration import Calibration
from unposed_jobs.vocabulary.clustering import Clusters

LATER = datetime.date(2026, 1, 12)


def test_the_first_model_is_promoted(bundle: Bundle, pictures: pa.Table) -> None:
    decision = promotion.decide(bundle, None, pictures, SETTINGS)
    assert decision.promote
    assert "no champion" in decision.reason


def test_the_same_model_again_flips_nothing(bundle: Bundle, pictures: pa.Table) -> None:
    decision = promotion.decide(bundle, bundle, pictures, SETTINGS)
    assert decision.promote
    assert decision.figures["flip_share"] == 0


def test_a_model_learned_anew_on_other_products_turns_few_flags(
    bundle: Bundle, pictures: pa.Table
) -> None:
    candidate = train(
        reference(seed=8), dataclasses.replace(SETTINGS, seed=3), champion=bundle, run_date=LATER
    )
    decision = promotion.decide(candidate, bundle, pictures, SETTINGS)
    assert decision.promote, decision
    assert decision.figures["flip_share"] < 0.1


def shuffled_ids(bundle: Bundle, by: int) -> Bundle:
    """The same model, with its classes' ids dealt out anew."""
    person = bundle.person
    assert person is not None
    turned = dataclasses.replace(person, pose_ids=np.roll(person.pose_ids, by))
    return dataclasses.replace(bundle, person=turned, run_date=LATER)


def test_what_would_turn_is_told_flag_by_flag_with_the_picture_that_decides(
    bundle: Bundle, pictures: pa.Table
) -> None:
    decision = promotion.decide(shuffled_ids(bundle, 1), bundle, pictures, SETTINGS)
    assert decision.turned is not None
    rows = decision.turned.to_pylist()
    assert len(rows) == decision.figures["turned"] > 0
    assert len({(row["product_id"], row["ask_id"]) for row in rows}) == len(rows)
    columns = (pictures[name].to_pylist() for name in ("image_uri", "product_id"))
    uris = dict(zip(*columns, strict=True))
    for row in rows:
        states = {row["state_before"], row["state_after"]}
        assert "missing" in states
        assert len(states) == 2
        assert (row["image_uri"] is None) == ("present" not in states)
        if row["image_uri"]:
            assert uris[row["image_uri"]] == row["product_id"]
            assert row["pose_before"] != row["pose_after"]
    pairs = decision.figures["confusion"]
    assert sum(count for _, _, count in pairs) == len(pictures)
    same = promotion.decide(bundle, bundle, pictures, SETTINGS)
    assert same.turned is not None
    assert same.turned.num_rows == 0
    assert all(before == after for before, after, _ in same.figures["confusion"])


def test_ids_that_change_their_meaning_are_refused(bundle: Bundle, pictures: pa.Table) -> None:
    # How many flags change hangs on which classes trade places, and that on ties in their size.
    dealt = [shuffled_ids(bundle, by) for by in range(1, 5)]
    decisions = [promotion.decide(one, bundle, pictures, SETTINGS) for one in dealt]
    for decision in decisions:
        assert decision.promote == (decision.figures["flip_share"] <= SETTINGS.max_flip_share)
    refused = [decision.promote for decision in decisions].index(False)
    assert "flags would change" in decisions[refused].reason
    lenient = dataclasses.replace(SETTINGS, max_flip_share=1.0)
    assert promotion.decide(dealt[refused], bundle, pictures, lenient).promote


def test_a_worse_model_is_refused(bundle: Bundle, pictures: pa.Table) -> None:
    lazy = dataclasses.replace(bundle, metrics=bundle.metrics | {"stability": 0.2}, run_date=LATER)
    decision = promotion.decide(lazy, bundle, pictures, SETTINGS)
    assert not decision.promote
    assert "stability" in decision.reason


def test_the_stability_of_a_single_class_is_no_yardstick(
    bundle: Bundle, pictures: pa.Table
) -> None:
    lone = dataclasses.replace(bundle, metrics=bundle.metrics | {"clusters": 1, "stability": 1.0})
    other = dataclasses.replace(bundle, metrics=bundle.metrics | {"stability": 0.6}, run_date=LATER)
    assert promotion.decide(other, lone, pictures, SETTINGS).promote


def test_another_estimators_champion_is_followed(bundle: Bundle) -> None:
    pictures = reference(points=17)
    candidate = train(pictures, estimator_id="coco", champion=bundle)
    old, new = (set(m.active["pose_id"].to_pylist()) for m in (bundle, candidate))
    people = {row["pose_id"] for row in candidate.vocabulary.to_pylist() if row["kind"] == "person"}
    assert not old & new & people
    decision = promotion.decide(candidate, bundle, pictures, SETTINGS)
    assert decision.promote
    assert "estimator" in decision.reason


LENIENT = dataclasses.replace(SETTINGS, max_flip_share=1.0)


def with_clusters(bundle: Bundle, clusters: Clusters) -> Bundle:
    """The same model with other classes of pictures with a person."""
    ids = bundle.person.pose_ids[: len(clusters)]
    person = dataclasses.replace(bundle.person, clusters=clusters, pose_ids=ids)
    return dataclasses.replace(bundle, person=person, run_date=LATER)


def test_a_model_that_names_fewer_pictures_is_refused_by_the_audits_own_bound(
    bundle: Bundle, pictures: pa.Table
) -> None:
    doubt = Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.4]))
    shy = with_clusters(bundle, dataclasses.replace(bundle.person.clusters, calibration=doubt))
    strict, lax = (
        promotion.decide(shy, bundle, pictures, LENIENT, AuditSettings(min_confidence=bound))
        for bound in (0.5, 0.05)
    )
    assert not strict.promote
    assert "named pictures" in strict.reason
    assert strict.figures["named"][0] > 0.9
    assert lax.promote, lax


def test_classes_that_mix_what_lies_apart_are_refused(bundle: Bundle, pictures: pa.Table) -> None:
    clusters = bundle.person.clusters
    mixed = clusters.merged(np.arange(len(clusters.centroids)) // 2)
    decision = promotion.decide(with_clusters(bundle, mixed), bundle, pictures, LENIENT)
    assert not decision.promote
    assert "silhouette" in decision.reason


@pytest.mark.parametrize(("column", "turns"), [("share", False), ("steady_share", True)])
def test_flags_are_counted_by_the_share_that_the_audit_asks_by(
    bundle: Bundle, pictures: pa.Table, column: str, turns: bool
) -> None:
    assert bundle.asked is not None
    place = bundle.asked.column_names.index(column)
    none = pa.array([0.0] * bundle.asked.num_rows)
    asking = bundle.asked.set_column(place, column, none)
    candidate = dataclasses.replace(bundle, asked=asking, run_date=LATER)
    lacking = pictures.filter(
        pc.invert(
            pc.and_(
                pc.equal(pictures["truth"], "front full"),
                pc.equal(pictures["product_id"], pictures["product_id"][0]),
            )
        )
    )
    decision = promotion.decide(candidate, bundle, lacking, LENIENT)
    assert (decision.figures["flip_share"] > 0) == turns
