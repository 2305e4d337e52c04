"""Two trainings on resamples: what the protocol calls unchanged, and what a turned id does."""

import dataclasses

import numpy as np
import pytest
from reference_tables import BARE, reference, train

from unposed_jobs.config import AuditSettings
from unposed_jobs.lab.evaluation import stability


@pytest.fixture(scope="module")
def pictures():
    return reference(products=24, seed=2)


def labels(pictures) -> np.ndarray:
    return np.array(pictures["truth"].to_pylist())


def test_a_vocabulary_learned_again_from_other_products_turns_hardly_a_flag(pictures) -> None:
    everyone = np.ones(pictures.num_rows, dtype=bool)
    found = stability.retrain(
        pictures, everyone, BARE, AuditSettings(), labels=labels(pictures), seed=1
    )
    assert found.changed.shape == (24, len(found.poses))
    assert found.unchanged >= 0.95
    assert found.same_meaning == 1


def test_a_model_compared_with_itself_and_with_its_ids_dealt_out_anew(pictures) -> None:
    model = train(pictures, BARE)
    same = stability.compare(model, model, pictures, AuditSettings(), labels=labels(pictures))
    assert (same.unchanged, same.same_meaning) == (1, 1)
    turned = dataclasses.replace(
        model,
        person=dataclasses.replace(model.person, pose_ids=np.roll(model.person.pose_ids, 1)),
    )
    other = stability.compare(model, turned, pictures, AuditSettings(), labels=labels(pictures))
    assert other.unchanged < 0.9
    assert other.same_meaning < 0.6
