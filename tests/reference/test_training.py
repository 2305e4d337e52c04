import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pytest
from reference_tables import BARE, SETTINGS, reference, train

from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import statistics
from unposed_jobs.reference.bundle import Bundle
from unposed_jobs.vocabulary.no_person import KIND_REACH
from unposed_jobs.warehouse import tables


def purity(bundle: Bundle, pictures: pa.Table) -> float:
    """Share of pictures whose class holds mostly their own kind."""
    pose = bundle.assign(pictures)["pose_id"].fill_null(-1).to_numpy()
    truth = np.array(pictures["truth"].to_pylist())
    right = sum(
        np.unique(truth[pose == label], return_counts=True)[1].max()
        for label in np.unique(pose)
        if label >= 0
    )
    return right / len(truth)


@pytest.mark.parametrize("embedding", ["autoencoder", "features"])
@pytest.mark.parametrize("points", [33, 17])
def test_poses_are_found_without_labels_and_named(embedding: str, points: int) -> None:
    settings = dataclasses.replace(SETTINGS, embedding=embedding)
    model = train(reference(points=points), settings)
    assert purity(model, reference(products=10, seed=5, points=points)) > 0.9
    names = model.vocabulary["name"].to_pylist()
    assert len(set(names)) == len(names)
    assert {"upper body, front", "upper body, back", "legs, front"} <= set(names)
    assert model.metrics["embedding"] == embedding
    assert model.metrics["no_person_clusters"] == 2


def test_the_vocabulary_and_cohorts_are_what_tables_and_audit_want(bundle: Bundle) -> None:
    for column in bundle.vocabulary.schema:
        assert tables.VOCABULARY.schema.field(column.name).type == column.type
    assert set(bundle.vocabulary["lineage"].to_pylist()) == {"new"}
    cohorts = bundle.cohorts.to_pylist()
    poses = bundle.vocabulary.num_rows
    assert len(cohorts) == (1 + 2 + 6) * poses
    assert all(0 <= row["share"] <= 1 for row in cohorts)
    by_name = dict(
        zip(*bundle.vocabulary.select(["pose_id", "name"]).to_pydict().values(), strict=True)
    )
    share = {
        (row["category"], by_name[row["pose_id"]]): row["share"]
        for row in cohorts
        if row["subcategory"] is None
    }
    assert share["Tops", "upper body, back"] > 0.9
    assert share["Trousers", "upper body, back"] == 0
    assert share["Trousers", "legs, front"] > 0.9


def test_examples_come_from_the_cohorts_popular_products(
    bundle: Bundle, pictures: pa.Table
) -> None:
    product = dict(
        zip(pictures["image_uri"].to_pylist(), pictures["product_id"].to_pylist(), strict=True)
    )
    category = dict(
        zip(pictures["product_id"].to_pylist(), pictures["category"].to_pylist(), strict=True)
    )
    for row in bundle.cohorts.to_pylist():
        shown = [product[uri] for uri in row["example_images"]]
        assert shown == sorted(shown, reverse=True)  # Later products are more popular.
        assert len(set(shown)) == len(shown) <= SETTINGS.exemplars
        if row["category"]:
            assert {category[item] for item in shown} <= {row["category"]}
    for row in bundle.vocabulary.to_pylist():
        owners = [product[uri] for uri in row["exemplars"]]
        assert len(set(owners)) == len(owners) > 0


def test_equal_input_in_any_order_gives_the_same_model(bundle: Bundle, pictures: pa.Table) -> None:
    shuffled = pictures.take(np.random.default_rng(0).permutation(pictures.num_rows))
    assert train(shuffled).model_version == bundle.model_version
    assert bundle.model_version.startswith("2026-01-05-")
    other = train(pictures, BARE)
    assert other.model_version != bundle.model_version


def test_ids_keep_their_meaning_when_learned_again_on_other_products(bundle: Bundle) -> None:
    later = reference(seed=8)
    new = dataclasses.replace(SETTINGS, seed=99)
    again = train(later, new, champion=bundle, run_date=datetime.date(2026, 1, 12))
    kept = [row["pose_id"] for row in again.vocabulary.to_pylist() if row["lineage"] == "kept"]
    assert len(kept) >= 0.8 * bundle.vocabulary.num_rows
    judged = reference(products=12, seed=3)
    before = bundle.assign(judged)["pose_id"].to_numpy(zero_copy_only=False)
    after = again.assign(judged)["pose_id"].to_numpy(zero_copy_only=False)
    both = np.isin(before, kept) & np.isin(after, kept)
    assert (before[both] == after[both]).mean() > 0.97
    names = [
        dict(zip(*m.vocabulary.select(["pose_id", "name"]).to_pydict().values(), strict=True))
        for m in (bundle, again)
    ]
    assert all(names[0][pose_id] == names[1][pose_id] for pose_id in kept)


def test_retired_ids_stay_in_the_vocabulary_and_are_never_reused(bundle: Bundle) -> None:
    tops = reference(seed=8).filter(pa.compute.equal(reference(seed=8)["category"], "Tops"))
    again = train(tops, BARE, champion=bundle)
    rows = {row["pose_id"]: row for row in again.vocabulary.to_pylist()}
    retired = {pose_id for pose_id, row in rows.items() if row["lineage"] == "retired"}
    assert retired
    assert set(bundle.vocabulary["pose_id"].to_pylist()) <= set(rows)
    assert not retired & set(again.active["pose_id"].to_pylist())
    third = train(reference(seed=9), BARE, champion=again)
    assert not retired & set(third.active["pose_id"].to_pylist())
    assert retired <= set(third.vocabulary["pose_id"].to_pylist())
    assert len(set(third.vocabulary["pose_id"].to_pylist())) == third.vocabulary.num_rows


def test_the_highest_ids_are_not_given_again_after_their_classes_retired(bundle: Bundle) -> None:
    highest = {
        row["pose_id"] for row in bundle.vocabulary.to_pylist() if row["kind"] == "no_person"
    }
    assert max(bundle.vocabulary["pose_id"].to_pylist()) in highest
    people = reference(seed=8)
    people = people.filter(pa.compute.equal(people["status"], "ok"))
    without = train(people, BARE, champion=bundle)
    assert not highest & set(without.active["pose_id"].to_pylist())
    again = train(reference(seed=9), BARE, champion=without)
    back = {row["pose_id"] for row in again.active.to_pylist() if row["kind"] == "no_person"}
    assert back
    assert not highest & back


def test_a_catalogue_without_people_has_only_the_other_branch() -> None:
    pictures = reference(people=False)
    model = train(pictures)
    assert model.person is None
    assert model.topology is None
    assert set(model.assign(pictures)["kind"].to_pylist()) == {"no_person"}
    assert purity(model, pictures) == 1
    somebody = reference(products=2)
    found = model.assign(somebody).filter(pa.compute.equal(somebody["status"], "ok"))
    assert found["pose_id"].null_count == found.num_rows
    assert set(found["confidence"].to_pylist()) == {0}
    with_people = train(reference(), BARE, champion=model)
    assert set(with_people.vocabulary["lineage"].to_pylist()) == {"kept", "new"}


def test_landmarks_from_elsewhere_without_statistics_have_one_other_class() -> None:
    pictures = reference().drop_columns(["statistics", "perceptual_hash", "product_type"])
    model = train(pictures, BARE)
    other = [row for row in model.vocabulary.to_pylist() if row["kind"] == "no_person"]
    assert [row["name"] for row in other] == ["no person"]
    again = train(pictures, BARE, champion=model)
    assert set(again.vocabulary["lineage"].to_pylist()) == {"kept"}


@pytest.mark.parametrize("products", [1, 3])
def test_a_tiny_set_gets_a_small_vocabulary(products: int) -> None:
    pictures = reference(products=products)
    model = train(pictures)
    people = sum(status == "ok" for status in pictures["status"].to_pylist())
    assert 1 <= model.metrics["clusters"] <= people / 3
    assert np.isfinite(model.assign(pictures)["confidence"].to_numpy()).all()
    if people < 16:
        assert model.metrics["embedding"].startswith("features: ")


def test_nothing_readable_is_told() -> None:
    pictures = reference(products=2)
    column = pa.array(["unreadable"] * pictures.num_rows)
    blind = pictures.set_column(pictures.column_names.index("status"), "status", column)
    with pytest.raises(UnposedError, match="nothing to learn"):
        train(blind)


def test_a_missing_cohort_attribute_is_refused() -> None:
    with pytest.raises(UnposedError, match="no column brand"):
        train(reference(products=2), attributes=("category", "brand"))


def test_a_content_that_is_listed_often_does_not_count_often(pictures: pa.Table) -> None:
    again = pa.concat_tables([pictures, *[pictures.slice(0, 1)] * 40])
    one, two = (train(table, BARE).person.clusters for table in (pictures, again))
    np.testing.assert_allclose(two.centroids, one.centroids, atol=1e-4)


def test_a_trained_class_of_sure_kinds_has_room_for_less_sure_ones() -> None:
    rows = reference(products=12).to_pylist()
    for row in rows:
        if row["statistics"]:
            kind = np.eye(len(statistics.KINDS))[2 if row["truth"] == "size chart" else 3]
            row["statistics"] = [*row["statistics"], *kind.tolist()]
    bundle = train(pa.Table.from_pylist(rows, schema=reference(products=1).schema), BARE)
    assert len(bundle.other.branch) == 2
    # Measured alone, they reach a tenth of that.
    np.testing.assert_allclose(bundle.other.branch.clusters.reach, KIND_REACH)
