from __future__ import annotations

import json

import landmark_figures
import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs import config
from unposed_jobs.catalogue import landmark_layout, landmarks, schemas
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.topology import BLAZEPOSE33, COCO17

BLAZE = landmark_figures.figures(
    [landmark_figures.Pose(view) for view in ("front", "left", "back")]
)
COCO = landmark_figures.coco(BLAZE)
URIS = [f"/{index}.jpg" for index in range(len(BLAZE))]


def table(points=None, **columns) -> pa.RecordBatch:
    given = {"image_uri": URIS}
    if points is not None:
        given["landmarks"] = [item.ravel().tolist() for item in points]
    return pa.RecordBatch.from_pydict(given | columns)


def wide(points, pattern, names, values) -> dict[str, list]:
    return {
        pattern.format(point=name, index=index, number=index + 1, value=value): points[
            :, index, place
        ].tolist()
        for index, name in enumerate(names)
        for place, value in enumerate(values)
    }


def read(batch, **settings):
    """(accepted rows, rejected rows, layout) of a batch under some settings."""
    chosen = CatalogueSettings(**settings)
    name = chosen.landmarks_columns.get("landmarks", "landmarks")
    length = (
        landmarks.list_length(batch, name, "/t.parquet") if name in batch.schema.names else None
    )
    layout = landmark_layout.layout(batch.schema.names, chosen, "/t.parquet", length)
    accepted, rejects = landmarks.landmarks(batch, layout, chosen, "/t.parquet", "/r")
    assert accepted.schema == schemas.ACCEPTED_LANDMARKS
    assert rejects.schema == schemas.REJECTS
    return accepted.to_pylist(), rejects.to_pylist(), layout


def points_of(rows, shape):
    return np.array([row["landmarks"] for row in rows], np.float32).reshape(-1, *shape)


def test_a_list_is_kept_as_it_is():
    rows, rejects, layout = read(table(BLAZE, width=[640] * 3, height=[480] * 3))
    assert not rejects
    np.testing.assert_allclose(points_of(rows, (33, 5)), BLAZE, atol=1e-6)
    assert {row["status"] for row in rows} == {"ok"}
    assert (rows[0]["width"], rows[0]["height"]) == (640, 480)
    assert layout.estimator_id.startswith("table-blazepose33-")
    assert len({row["content_sha256"] for row in rows}) == 3


@pytest.mark.parametrize(
    ("batch", "settings"),
    [
        (table(**wide(COCO, "{point}_{value}", COCO17, "xy")), {}),
        (table(**wide(COCO, "{value}_{index}", COCO17, "xy")), {}),
        (
            table(**wide(COCO, "kp{number}.{value}", COCO17, "xy")),
            {"landmarks_columns": {"x": "kp{number}.x", "y": "kp{number}.y"}},
        ),
        (table(COCO[..., :2]), {}),
        (table(pose=COCO[..., :2].tolist()), {"landmarks_columns": {"landmarks": "pose"}}),
        (table(landmarks=[json.dumps(item.tolist()) for item in COCO[..., :2]]), {}),
        (table(landmarks=[" ".join(map(str, item.ravel())) for item in COCO[..., :2]]), {}),
        (table(COCO[..., [1, 0]]), {"landmarks_values": ("y", "x")}),
    ],
    ids=["by name", "by index", "by number", "list", "lists", "JSON", "text", "y before x"],
)
def test_every_shape_of_one_table_says_the_same(batch, settings):
    rows, rejects, layout = read(batch, **settings)
    assert not rejects
    expected = np.concatenate([COCO[..., :2], np.ones((3, 17, 1))], axis=-1)
    np.testing.assert_allclose(points_of(rows, (17, 3)), expected, atol=1e-6)
    assert layout.estimator_id.startswith("table-coco17-")
    plain, _, _ = read(table(COCO[..., :2]))
    assert [row["content_sha256"] for row in rows] == [row["content_sha256"] for row in plain]


def test_pixels_are_divided_by_the_sizes_of_their_pictures():
    sizes = np.array([[640, 480], [300, 400], [1000, 1500]])
    pixels = BLAZE.astype(np.float64)
    pixels[..., :2] *= sizes[:, None]
    pixels[..., 2] *= sizes[:, None, 0]
    batch = table(pixels, w=sizes[:, 0].tolist(), height=sizes[:, 1].tolist())
    columns = {"landmarks_columns": {"width": "w"}}
    rows, rejects, _ = read(batch, landmarks_coordinates="pixels", **columns)
    assert not rejects
    np.testing.assert_allclose(points_of(rows, (33, 5)), BLAZE, atol=1e-5)
    rows, rejects, _ = read(batch, **columns)  # Not said to be pixels.
    assert not rows
    assert {row["reason"] for row in rejects} == {"bad_number"}
    assert 'landmarks_coordinates = "pixels"' in rejects[0]["detail"]
    no_size = batch.set_column(2, "w", pa.array([None, 0, 1000]))
    rows, rejects, _ = read(no_size, landmarks_coordinates="pixels", **columns)
    assert [row["image_uri"] for row in rows] == ["/2.jpg"]
    assert "width or height is absent" in rejects[0]["detail"]


def test_what_a_table_does_not_state_has_a_default():
    rows, _, _ = read(table(BLAZE[..., :3]))
    np.testing.assert_allclose(points_of(rows, (33, 5))[..., 3:], 1)
    rows, _, _ = read(table(BLAZE[..., :2]))
    assert not points_of(rows, (33, 5))[..., 2].any()
    rows, _, _ = read(table(BLAZE[..., :4]))
    np.testing.assert_allclose(points_of(rows, (33, 5))[..., 3], BLAZE[..., 3], atol=1e-6)


def test_points_that_were_not_found():
    found = COCO.astype(np.float64)
    found[0, 3] = np.nan, 0.5, 0.9
    found[0, 4] = 0.5, np.nan, 0.9
    found[0, 5] = 0.5, 0.5, np.nan
    found[0, 6] = 0.3, 0.3, 0
    found[1] = np.nan
    found[2, :, 2] = 0
    rows, rejects, _ = read(table(found))
    assert not rejects
    assert [row["status"] for row in rows] == ["ok", "no_person", "no_person"]
    assert not points_of(rows[:1], (17, 3))[0, 3:7].any()
    assert rows[1]["landmarks"] is None
    assert (rows[1]["person_count"], rows[0]["person_count"]) == (0, None)
    # Two pictures without a person are two contents, lest one be taken for a repeat.
    assert rows[1]["content_sha256"] != rows[2]["content_sha256"]
    empty = pa.array([COCO[0].ravel().tolist(), [], None], pa.list_(pa.float32()))
    rows, rejects, _ = read(table(landmarks=empty))
    assert [row["status"] for row in rows] == ["ok", "no_person", "no_person"]


def test_what_a_table_tells_of_a_picture_is_kept_and_part_of_its_content():
    told = {"pose_score": [0.5, 0.25, None], "person_count": [2, 1, None], "width": [300, 0, 40]}
    rows, rejects, _ = read(table(COCO, **told))
    assert not rejects
    assert [row["pose_score"] for row in rows] == [0.5, 0.25, None]
    assert [row["person_count"] for row in rows] == [2, 1, None]
    assert [row["width"] for row in rows] == [300, None, 40]
    before = [row["content_sha256"] for row in rows]
    for other in ({"pose_score": [0.6] * 3}, {"person_count": [3] * 3}, {"width": [7] * 3}):
        rows, _, _ = read(table(COCO, **told | other))
        assert not set(before) & {row["content_sha256"] for row in rows}


def test_every_kind_of_list_and_what_a_null_one_hides():
    lists = [COCO[0].ravel().tolist(), None, COCO[2].ravel().tolist()]
    plain = read(table(landmarks=pa.array(lists, pa.list_(pa.float32()))))[0]
    fixed = pa.array([[0.5] * 51, *lists], pa.list_(pa.float32(), 51)).slice(1)
    nested = [item and np.reshape(item, (17, 3)).tolist() for item in lists]
    for column in (
        fixed,
        fixed.cast(pa.large_list(pa.float32())),
        pa.array(nested, pa.list_(pa.list_(pa.float32(), 3), 17)),
    ):
        rows, rejects, _ = read(table(landmarks=column))
        assert not rejects
        assert rows == plain


def changed(place, value):
    points = COCO.astype(np.float64)
    points[1][place] = value
    return table(points)


@pytest.mark.parametrize(
    ("batch", "reason", "told"),
    [
        (changed((2, 0), np.inf), "bad_number", "infinite"),
        (changed((2, 2), -np.inf), "bad_number", "infinite"),
        (changed((2, 2), 1.5), "bad_number", "score"),
        (changed((2, 2), -0.1), "bad_number", "score"),
        (changed((2, 1), 300), "bad_number", "pixels"),
        (
            table(landmarks=[COCO[0].ravel().tolist(), [0.5] * 50, COCO[2].ravel().tolist()]),
            "wrong_points",
            "51 values",
        ),
        (
            table(landmarks=["0.5," * 50 + "0.5", "0.5," * 50 + "left", "0.1 " * 51]),
            "bad_number",
            "not a number",
        ),
        (table(COCO, image_uri=["/a.jpg", None, "/b.jpg"]), "missing_key", "image_uri"),
        (table(COCO, image_uri=["/a.jpg", "../b.jpg", "/b.jpg"]), "bad_uri", "leaves"),
        (table(COCO, width=["7", "x", ""]), "bad_number", "width"),
        (table(COCO, pose_score=[0.5, 7.0, float("nan")]), "bad_number", "pose_score"),
    ],
)
def test_rows_that_are_set_aside(batch, reason, told):
    rows, rejects, _ = read(batch)
    assert len(rows) == 2
    assert [(row["source"], row["reason"]) for row in rejects] == [("landmarks", reason)]
    assert told in rejects[0]["detail"]
    assert rejects[0]["detail"].startswith("/t.parquet row 2: ")
    json.loads(rejects[0]["row"])


def test_a_part_of_a_batch_is_read_as_itself():
    whole, _, layout = read(table(COCO))
    part, _ = landmarks.landmarks(table(COCO).slice(1), layout, CatalogueSettings(), "/t", "/r")
    assert part.column("content_sha256").to_pylist() == [row["content_sha256"] for row in whole[1:]]
    none, rejects = landmarks.landmarks(table(COCO).slice(3), layout, CatalogueSettings(), "/t")
    assert (none.num_rows, rejects.num_rows) == (0, 0)


def test_the_content_is_what_is_kept_of_a_row():
    first, _, _ = read(table(COCO, width=[10, 10, 10], height=[20, 20, 20]))
    moved = COCO.copy()
    moved[0, 0, 0] += 0.01
    for batch in (
        table(COCO, width=[11, 10, 10], height=[20, 20, 20]),
        table(moved, width=[10, 10, 10], height=[20, 20, 20]),
    ):
        rows, _, _ = read(batch)
        same = [
            a["content_sha256"] == b["content_sha256"] for a, b in zip(rows, first, strict=True)
        ]
        assert same == [False, True, True]


def test_the_estimator_is_named_by_what_the_numbers_mean():
    first = read(table(COCO))[2].estimator_id
    assert read(table(COCO[::-1], note=["a", "b", "c"]))[2].estimator_id == first
    others = [
        read(table(COCO), landmarks_model="another")[2].estimator_id,
        read(table(COCO[..., :2]))[2].estimator_id,
        read(table(BLAZE))[2].estimator_id,
    ]
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    ("batch", "settings", "told"),
    [
        (table(COCO), {"landmarks_coordinates": "pixels"}, "need the pictures' sizes"),
        (table(), {}, "no column landmarks of landmarks; it has: image_uri"),
        (table(COCO), {"landmarks_columns": {"landmarks": "pose"}}, "no column pose"),
        (table(COCO), {"landmarks_columns": {"image_uri": "url"}}, "no column url"),
        (table(COCO), {"landmarks_columns": {"landmark": "x"}}, "did you mean landmarks?"),
        (table(COCO[:, :9]), {}, "lists of 27 landmark values"),
        (table(COCO), {"landmarks_values": ("x", "y")}, "not 33 or 17 points of 2 values"),
        (table(landmarks=[1.0, 2.0, 3.0]), {}, "holds double, not lists"),
        (
            table(**wide(COCO, "{point}_{value}", COCO17, "xy")),
            {"landmarks_columns": {"x": "{point}_x", "y": "{point}_y", "score": "{point}_c"}},
            "no column nose_c",
        ),
        (
            table(**wide(BLAZE, "{point}_{value}", BLAZEPOSE33, "x")),
            {"landmarks_columns": {"x": "{point}_x", "y": "{point}_why"}},
            "no column nose_why",
        ),
    ],
)
def test_a_table_that_cannot_be_understood_is_one_line(batch, settings, told):
    with pytest.raises(UnposedError) as caught:
        read(batch, **settings)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_landmarks_is_the_list_where_no_other_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("UNPOSED_CONFIG", raising=False)
    file = tmp_path / "unposed.toml"
    file.write_text(
        "[catalogue]\n[catalogue.landmarks_columns]\nimage_uri = 'url'\nproduct_id = 'style'\n"
    )
    alone = config.load(file, catalogue__landmarks="/l.parquet").catalogue
    assert (alone.images, alone.products) == ("/l.parquet", "/l.parquet")
    assert alone.image_columns == {"image_uri": "url", "product_id": "style"}
    assert alone.product_columns == {"product_id": "style"}
    named = config.load(file, catalogue__landmarks="/l", catalogue__images="/i").catalogue
    assert (named.images, named.image_columns, named.products) == ("/i", {}, "/l")
    assert config.load(file).catalogue.images.endswith("images.csv")
