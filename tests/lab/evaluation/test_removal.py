"""Views taken away, through the audit itself: what is flagged, and what naming and asking do."""

import numpy as np
import pytest
from reference_tables import BARE, OTHERS, SHOTS, reference, train

from unposed_jobs.config import AuditSettings
from unposed_jobs.lab.evaluation import removal
from unposed_jobs.lab.evaluation.naming import votes_of


@pytest.fixture(scope="module")
def pictures():
    table = reference(products=16, seed=3)
    return table.append_column("label", table["truth"])


@pytest.fixture(scope="module")
def model(pictures):
    return train(pictures, BARE)


@pytest.fixture
def required(pictures):
    """The whole set of each product's category."""
    owner = dict(
        zip(pictures["product_id"].to_pylist(), pictures["category"].to_pylist(), strict=True)
    )
    return {
        product: (*(shot.label for shot in SHOTS[category]), *OTHERS)
        for product, category in owner.items()
    }


def named(model, pictures):
    pose = model.assign(pictures)["pose_id"].fill_null(-1).to_numpy()
    votes = votes_of(pose, np.array(pictures["label"].to_pylist(), dtype=str))
    return dict.fromkeys(pictures["product_id"].to_pylist(), votes)


def test_what_is_taken_away_is_flagged_and_the_rest_is_not(pictures, model, required):
    found = removal.judge(model, pictures, required, named(model, pictures), AuditSettings())
    assert found.products == 16
    assert found.notes == ("96 views taken away, one at a time",)
    assert found.figures["recall"].value >= 0.95
    assert found.figures["false_alarms"].value <= 0.02
    coin = found.baselines["coin of the same rate"]["recall"].value
    assert 0.1 < coin < 0.3  # One of six labels, in six of the seven variants.


def test_a_pose_that_the_audit_does_not_expect_is_not_flagged(pictures, model, required):
    strict = AuditSettings(min_cohort_share=1.0, min_confidence=0.99)
    found = removal.judge(model, pictures, required, named(model, pictures), strict)
    assert found.figures["recall"].value < 0.5


def test_poses_named_wrongly_are_flags_of_another_view(pictures, model, required):
    right = next(iter(named(model, pictures).values()))
    turned = dict(zip(right, [*list(right.values())[-1:], *list(right.values())[:-1]], strict=True))
    names = dict.fromkeys(required, turned)
    found = removal.judge(model, pictures, required, names, AuditSettings())
    assert found.figures["recall"].value < 0.5


def test_without_a_complete_product_there_is_nothing_to_judge(pictures, model):
    required = dict.fromkeys(pictures["product_id"].to_pylist(), ("chest", "back upper"))
    assert removal.judge(model, pictures, required, {}, AuditSettings()) is None
