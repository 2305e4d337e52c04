"""Pictures without a person: the names of their classes, taken at their word."""

from types import SimpleNamespace

import pandas as pd

from unposed_jobs.config import Settings
from unposed_jobs.lab.evaluation import kinds


def test_a_class_is_right_where_its_name_says_what_the_picture_is():
    pictures = pd.DataFrame(
        {
            "product_id": ["a", "b", "c", "d", "e"],
            "label": ["flat-lay", "flat-lay", "fabric", "size-chart", "front upper"],
            "pose_id": pd.array([7, 8, 8, None, 7], dtype="Int32"),
        }
    )
    names = {7: "flat lay, dark", 8: "fabric close-up"}
    entries = kinds.rendered("data", SimpleNamespace(pictures=pictures, names=names))
    shares = {entry.group: entry.result.figures["named_right"].value for entry in entries}
    # Who shows a person is not judged; who was given no class is not named right.
    assert shares == {"": 0.5, "flat-lay": 0.5, "fabric": 1.0, "size-chart": 0.0}
    assert entries[0].result.pictures == 4
    constant = entries[0].result.baselines["constant labeller"]
    assert constant["named_right"].value == 0.5


def test_real_pictures_are_not_judged_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "_champion", lambda settings: None)
    looked = pd.DataFrame(
        [{"folder": "flatlay", "image_uri": "a", "status": "no_person", "estimator_id": "x"}]
    )
    assert kinds.real(looked, Settings()) == []
