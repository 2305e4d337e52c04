"""The made catalogue: tables that are made apart fit together, and the figures are people."""

from __future__ import annotations

import numpy as np

from unposed_jobs.lab.bench import made
from unposed_jobs.lab.bench.parity import _HIPS, _SHOULDERS
from unposed_jobs.reference.pictures import arrays, statistics_width, topology_of
from unposed_jobs.warehouse import tables


def test_tables_that_are_made_apart_fit_together():
    numbers = np.arange(400, 480)
    listed, known = made.listing(numbers), made.images(numbers)
    found = made.landmarks(numbers, "made")
    assert listed["image_uri"].equals(known["image_uri"])
    assert listed["etag"].equals(known["etag"])
    assert known["content_sha256"].equals(found["content_sha256"])
    assert len(set(found["content_sha256"].to_pylist())) == 80
    products = made.products(np.arange(100, 120))
    assert set(listed["product_id"].to_pylist()) == set(products["product_id"].to_pylist())
    assert found.equals(made.landmarks(numbers, "made"))
    for name, batch in (("landmarks", found), ("images", known)):
        wanted = [f for f in tables.TABLES[name].schema if f.name not in ("bucket", "run_id")]
        assert set(batch.schema.names) == {field.name for field in wanted}
        assert not [f.name for f in wanted if not f.nullable and batch.column(f.name).null_count]


def test_the_figures_are_people_in_different_shots():
    import pyarrow as pa

    table = pa.table(made.landmarks(np.arange(4_000), "made"))
    found = arrays(table, topology_of(table), statistics_width(table))
    kinds, counts = np.unique(found.kind, return_counts=True)
    assert kinds.tolist() == ["no_person", "person"]
    assert 0.05 < counts[0] / 4_000 < 0.15
    points = found.landmarks
    torso = points[:, _SHOULDERS, :2].mean(1) - points[:, _HIPS, :2].mean(1)
    assert (torso[:, 1] < 0).all()
    facing = np.sign(points[:, 11, 0] - points[:, 12, 0])
    assert 0.2 < (facing < 0).mean() < 0.6
    feet_seen = points[:, 27, 3] > 0.5
    assert 0.2 < feet_seen.mean() < 0.9
