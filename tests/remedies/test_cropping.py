"""Landmarks in the frame of a crop: what the crop holds stays, what it does not is not seen."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unposed_jobs.embedding.features import pose_features, visibility
from unposed_jobs.errors import UnposedError
from unposed_jobs.remedies import cropping


def person(points=33):
    """A grid of points, all seen."""
    x, y = np.meshgrid(np.linspace(0.2, 0.8, 3), np.linspace(0.05, 0.95, 11))
    flat = np.stack([x.ravel(), y.ravel()], 1)[:points]
    more = [[-0.1, 1.0, 1.0]] if points == 33 else [[1.0]]
    return np.concatenate([flat, np.repeat(more, points, 0)], 1).astype(np.float32)[None]


BOX = np.array([[0.1, 0.0, 0.8, 0.5]], np.float32)


def test_points_stand_where_they_stood_in_the_picture():
    found = cropping.within(person(), BOX)
    back = found[0, :, :2] * BOX[0, 2:] + BOX[0, :2]
    np.testing.assert_allclose(back, person()[0, :, :2], atol=1e-6)
    np.testing.assert_allclose(found[0, :, 2], -0.1 / 0.8, atol=1e-6)


def test_what_the_crop_does_not_hold_is_not_seen():
    seen = visibility(cropping.within(person(), BOX))[0]
    inside = person()[0, :, 1] <= 0.5
    assert (seen[inside] > 0).all()
    assert (seen[~inside] == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.3, 0.6), st.floats(0.3, 0.6))
def test_features_of_a_crop_are_finite_and_bounded(left, top, width, height):
    box = np.array([[left, top, width, height]], np.float32)
    values = pose_features(cropping.within(person(), box), np.array([width / height]))
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= 1.0


def test_rows_of_the_table_get_the_size_of_the_crop():
    table = pa.table(
        {
            "landmarks": pa.array([person(17)[0].ravel()], pa.list_(pa.float32())),
            "width": pa.array([900], pa.int32()),
            "height": pa.array([1200], pa.int32()),
            "box": pa.array([BOX[0]], pa.list_(pa.float32())),
            "crop_width": pa.array([720], pa.int32()),
            "crop_height": pa.array([600], pa.int32()),
        }
    )
    (row,) = cropping.cropped(table).to_pylist()
    assert (row["width"], row["height"], len(row["landmarks"])) == (720, 600, 51)
    assert cropping.cropped(table.slice(0, 0)).num_rows == 0
    strange = table.set_column(0, "landmarks", pa.array([[1.0] * 7], pa.list_(pa.float32())))
    with pytest.raises(UnposedError, match="7 values"):
        cropping.cropped(strange)
