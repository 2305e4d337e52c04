"""What people saw in pictures, held against what a model reads."""

import duckdb
import pyarrow as pa
from small_decisions import recorded

from unposed_jobs.decisions import Decision, labels
from unposed_jobs.lab.evaluation import labelled
from unposed_jobs.warehouse.tables import IMAGE_POSES, VOCABULARY


def ask(sql, values):
    poses = [
        {"model_version": version, "content_sha256": content, "pose_id": pose}
        for version, content, pose in (
            ("m", "a" * 64, 1),
            ("m", "b" * 64, 2),
            ("m", "c" * 64, None),
            ("other", "d" * 64, 1),
        )
    ]
    classes = [
        {"model_version": "m", "pose_id": pose, "ask_id": ask_id}
        for pose, ask_id in ((1, 1), (2, 1), (3, 3))
    ]
    with duckdb.connect() as connection:
        connection.register("image_poses", pa.Table.from_pylist(poses, IMAGE_POSES.schema))
        connection.register("vocabulary", pa.Table.from_pylist(classes, VOCABULARY.schema))
        return connection.sql(sql, params=list(values)).to_arrow_table().to_pylist()


def shows(content, ask_id):
    return Decision(
        "shows",
        product_id=content[:1],
        image_uri="x",
        ask_id=ask_id,
        content_sha256=content,
    )


def test_a_label_agrees_with_any_class_of_its_ask():
    found = recorded(
        shows("a" * 64, 1),
        shows("b" * 64, 1),
        shows("a" * 64, 2),
        shows("b" * 64, 3),
        shows("c" * 64, 3),
        shows("d" * 64, 1),
        Decision("shows", product_id="e", image_uri="x", ask_id=1),
        Decision("waive", product_id="a", ask_id=1),
    )
    read = labels.readings(found, "m", ask)
    assert [one.agrees for one in read] == [True, True, True, False, False]
    assert labels.readings([], "m", ask) == []


def test_its_line():
    figures = {"agreed": 3, "pictures": 4, "share": 0.75, "low": 0.2, "high": 1.0, "unread": 1}
    assert "agrees on 3 of 4 (0.75, 95 % 0.20 to 1.00); 1 it has not read" in labelled.line(figures)
