"""From classes to what a cohort asks for: names, ids, usual classes, shares, what is not asked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.ranking import order
from unposed_jobs.reference import asking
from unposed_jobs.reference.cohorts import ReferenceProducts
from unposed_jobs.reference.describing import Ask, PoseClass, vocabulary
from unposed_jobs.vocabulary.asks import SMALL_COHORT
from unposed_jobs.vocabulary.naming import Shot

FRONT, LEFT, RIGHT, RARE = 0, 1, 4, 7
ATTRIBUTES = ("category",)
N = 40


def pose_class(pose_id: int, name: str, size: int, **more: object) -> PoseClass:
    view = "side" if name.endswith("side") else name.rsplit(", ", 1)[-1]
    none = np.zeros(0)
    return PoseClass(
        pose_id=pose_id,
        kind="person",
        name=name,
        shot_code="SHOT",
        size=size,
        spread=1.0,
        lineage="new",
        exemplars=[],
        rows=none.astype(np.int64),
        confidence=none,
        shot=Shot("upper body", view),
        **more,  # type: ignore[arg-type]
    )


def classes(*, rare: dict[int, float] | None = None) -> list[PoseClass]:
    return [
        pose_class(FRONT, "upper body, front", 40),
        pose_class(LEFT, "upper body, left side", 18),
        pose_class(RIGHT, "upper body, right side", 22),
        pose_class(RARE, "upper body, back", 9, retaken=rare or {}),
    ]


def reference(rare: int = 9) -> ReferenceProducts:
    """Tops show the left side or the right one, Dresses the right one alone."""
    shows = np.zeros((N, 4), dtype=bool)
    shows[:, 0] = True
    tops = np.arange(N) < N // 2
    shows[tops, 1] = np.arange(N)[tops] % 4 != 0
    shows[:, 2] = ~shows[:, 1]
    shows[:rare, 3] = True
    best = np.where(shows, "picture", None)
    names = np.array(["left", "right"])
    best[:, 1:3] = np.where(shows[:, 1:3], names, None)
    return ReferenceProducts(
        products=[f"P{row}" for row in range(N)],
        attributes={"category": ["Tops" if top else "Dresses" for top in tops]},
        popularity=np.linspace(1, 0.5, N),
        pose_ids=np.array([FRONT, LEFT, RIGHT, RARE], dtype=np.int32),
        shows=shows,
        best=best,
        recognised=np.ones(N),
    )


def asked(products: ReferenceProducts, given: list[PoseClass]) -> asking.Asks:
    return asking.learn(products, given, ATTRIBUTES, None)


def table(learned: asking.Asks) -> pa.Table:
    products = learned.reference
    ordered = order.learn(products.attributes, ATTRIBUTES, products.shows, products.popularity, 1)
    return asking.table(learned, ordered, ATTRIBUTES, 4, None)


def test_both_sides_are_one_ask_under_the_older_id_and_the_name_of_both() -> None:
    learned = asked(reference(), classes())
    assert [(ask.ask_id, ask.members) for ask in learned.asks] == [
        (FRONT, (FRONT,)),
        (LEFT, (LEFT, RIGHT)),
        (RARE, (RARE,)),
    ]
    assert learned.asks[1].name == "upper body, side"
    assert learned.reference.shows[:, 1].all()
    assert set(learned.reference.best[:, 1]) == {"left", "right"}


def test_the_usual_class_and_the_share_are_each_cohorts_own() -> None:
    rows = {
        (row["category"], row["ask_id"]): row
        for row in table(asked(reference(), classes())).to_pylist()
    }
    assert rows["Tops", LEFT]["pose_id"] == LEFT
    assert rows["Dresses", LEFT]["pose_id"] == RIGHT
    assert rows["Tops", LEFT]["share"] == rows["Dresses", LEFT]["share"] == 1.0
    assert set(rows["Tops", LEFT]["satisfied_by"]) == {LEFT, RIGHT}
    # Nine of the twenty tops, none of the dresses: drawn towards the whole's share.
    assert rows["Tops", RARE]["share"] == 0.45
    assert 0.225 < rows["Tops", RARE]["steady_share"] < 0.45
    assert 0 < rows["Dresses", RARE]["steady_share"] < 0.1


@pytest.mark.parametrize(
    ("rare", "retaken", "wanted"),
    [
        (9, {}, True),
        (2, {}, False),
        (9, {RARE: 0.3, FRONT: 0.7}, False),
        (9, {RARE: 0.9, FRONT: 0.1}, True),
    ],
    ids=["common", "of two products", "not found again", "found again"],
)
def test_what_is_rare_or_not_found_again_is_kept_but_not_asked(
    rare: int, retaken: dict[int, float], wanted: bool
) -> None:
    learned = asked(reference(rare), classes(rare=retaken))
    last = learned.asks[-1]
    assert last.ask_id == RARE
    assert last.asked is wanted
    told = vocabulary(classes(), learned.asks, None)
    expected = Expectations.from_tables(told, table(learned), ATTRIBUTES)
    column = expected.ask_ids.tolist().index(RARE)
    assert (expected.share[:, column] > 0).any() == wanted


def test_the_vocabulary_says_what_is_asked() -> None:
    learned = asked(reference(), classes())
    rows = vocabulary(classes(), learned.asks, None).to_pylist()
    assert [(row["pose_id"], row["ask_id"], row["ask_name"]) for row in rows] == [
        (FRONT, FRONT, "upper body, front"),
        (LEFT, LEFT, "upper body, side"),
        (RIGHT, LEFT, "upper body, side"),
        (RARE, RARE, "upper body, back"),
    ]


def test_names_of_asks_differ() -> None:
    twice = [Ask(0, "side", (0,), True, None), Ask(1, "side", (1,), True, None)]
    assert [ask.name for ask in asking._unique_names(twice)] == ["side", "side (2)"]


def test_the_audit_reads_the_same_asks_from_the_tables() -> None:
    learned = asked(reference(), classes())
    told = vocabulary(classes(), learned.asks, None)
    expected = Expectations.from_tables(told, table(learned), ATTRIBUTES)
    assert expected.members == ((FRONT,), (LEFT, RIGHT), (RARE,))
    tops, dresses = (expected.find([name])[0] for name in ("Tops", "Dresses"))
    usual = expected.pose_ids[expected.usual]
    assert (usual[tops, 1], usual[dresses, 1]) == (LEFT, RIGHT)
    assert expected.fills[tops, 1].tolist() == [False, True, True, False]


def test_without_cohort_attributes_the_whole_reference_is_the_cohort() -> None:
    products = reference()
    learned = asking.learn(products, classes(), (), None)
    ordered = order.learn(
        learned.reference.attributes, (), learned.reference.shows, products.popularity, 1
    )
    rows = asking.table(learned, ordered, (), 4, None)
    assert rows["ask_id"].to_pylist() == [FRONT, LEFT, RARE]
    assert rows["share"].to_pylist() == [1.0, 1.0, 9 / N]
    assert rows["steady_share"].to_pylist() == pytest.approx(rows["share"].to_pylist())


def test_a_product_with_pictures_that_nobody_recognised_is_half_a_witness() -> None:
    clear = reference()
    blurred = dataclasses.replace(clear, recognised=np.where(clear.shows[:, 3], 1.0, 0.5))
    shares = []
    for products in (clear, blurred):
        rows = table(asked(products, classes())).to_pylist()
        row = next(row for row in rows if (row["category"], row["ask_id"]) == (None, RARE))
        assert row["share"] == 9 / N
        shares.append(row["steady_share"])
    assert shares[0] == pytest.approx(9 / N)
    assert shares[1] == pytest.approx(9 / (9 + (N - 9) / 2))


def test_what_a_cohort_shows_only_by_another_pose_is_not_asked_for_beside_it() -> None:
    products = reference()
    products.shows[:, 1:] = False
    products.shows[:, 1] = np.arange(N) % 5 < 2  # Two in five show the smaller framing.
    given = classes()
    full = [
        given[0],
        given[1],
        dataclasses.replace(given[2], shot=Shot("full body", "side")),
        given[3],
    ]
    full[1] = dataclasses.replace(given[1], shot=Shot("upper body", "side"))
    products.shows[:, 2] = True
    rows = {
        (row["category"], row["ask_id"]): row for row in table(asked(products, full)).to_pylist()
    }
    row = rows["Tops", LEFT]
    assert RIGHT in row["satisfied_by"]
    assert row["share"] == 0.4
    assert row["steady_share"] < 0.05
    assert rows["Tops", RIGHT]["steady_share"] > 0.9


@pytest.mark.parametrize("count", [4, 6])
def test_what_a_cohort_shows_another_pose_for_is_not_drawn_to_what_the_others_show(
    count: int,
) -> None:
    products = reference()
    trousers = np.arange(N) >= N - count  # None of them shows the smaller framing.
    products.shows[:, 1:] = True
    products.shows[trousers, 1] = False
    products.shows[:, 3] = ~trousers  # Nothing of theirs fills the back, nor do they show it.
    products = dataclasses.replace(
        products, attributes={"category": ["Trousers" if one else "Tops" for one in trousers]}
    )
    given = classes()
    given[1] = dataclasses.replace(given[1], shot=Shot("upper body", "side"))
    given[2] = dataclasses.replace(given[2], shot=Shot("full body", "side"))
    rows = {
        (row["category"], row["ask_id"]): row for row in table(asked(products, given)).to_pylist()
    }
    assert RIGHT in rows["Trousers", LEFT]["satisfied_by"]
    # Four say little of what their cohort does without.
    assert (rows["Trousers", LEFT]["steady_share"] == 0.0) == (count >= SMALL_COHORT)
    assert rows["Trousers", RARE]["steady_share"] > 0.15
    assert rows["Tops", LEFT]["satisfied_by"] == [LEFT]
    assert rows["Tops", LEFT]["steady_share"] > 0.9
