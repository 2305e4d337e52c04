"""A batch as a whole: its rows, its columns, and what is refused."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from small_products import EVERYTHING, EXPECTATIONS, RUN, SETTINGS, audit, batch, picture

from unposed_jobs.audit.inference import audit_products, sort_centroids_by_rank
from unposed_jobs.errors import UnposedError
from unposed_jobs.warehouse.tables import POSE_FLAGS, PRODUCT_AUDIT, PRODUCT_IMAGES


def test_schemas_are_the_tables():
    for products in ((), (("A", "Tops", "Polo", EVERYTHING),)):
        tables = audit_products(batch(*products), EXPECTATIONS, SETTINGS, RUN)
        assert tables.pose_flags.num_rows == 5 * len(products)
        for table, contract in (
            (tables.pose_flags, POSE_FLAGS),
            (tables.product_audit, PRODUCT_AUDIT),
            (tables.product_images, PRODUCT_IMAGES),
        ):
            assert table.schema.equals(contract.schema, check_metadata=True)
            for name in contract.required:
                assert table[name].null_count == 0


def test_a_pose_of_another_model_is_refused():
    with pytest.raises(ValueError, match="pose 4 is not in the vocabulary"):
        audit(picture("x", 4))
    with pytest.raises(ValueError, match="pose 99 is not"):
        audit(picture("x", 99, 0.1))


def test_an_unknown_cohort_attribute_is_told():
    strange = dataclasses.replace(EXPECTATIONS, attributes=("category", "brand"))
    with pytest.raises(UnposedError, match="no column brand"):
        audit_products(batch(("A", "Tops", "Polo", [])), strange, SETTINGS, RUN)


def test_a_missing_column_is_told():
    with pytest.raises(ValueError, match="no column pictures"):
        audit_products(
            batch().select(["product_id", "category", "subcategory", "product_type"]),
            EXPECTATIONS,
            SETTINGS,
            RUN,
        )


def test_sort_centroids_by_rank():
    missing = np.array([[True, True, False, True, True], [False] * 5])
    score = np.array([[1.0, 2.0, 9.0, 2.0, np.nan], [1.0] * 5])
    assert sort_centroids_by_rank(missing, score).tolist() == [[3, 1, 0, 2, 4], [0] * 5]


def test_products_in_a_batch_do_not_touch_and_any_split_gives_the_same_rows():
    random = np.random.default_rng(11)
    products = []
    for index in range(400):
        pictures = [
            picture(
                f"{index}/{place}",
                [1, 2, 3, 8, 9, None][random.integers(6)],
                float(random.random()),
                position=int(random.integers(4)),
                content_sha256=str(random.integers(5)),
                image_status=["ok", "ok", "ok", "missing"][random.integers(4)],
            )
            for place in range(random.integers(0, 7))
        ]
        products.append((f"P{index}", "Tops", ["Polo", "Vest"][index % 2], pictures))
    whole = audit_products(batch(*products), EXPECTATIONS, SETTINGS, RUN)
    parts = [
        audit_products(batch(*products[start : start + 37]), EXPECTATIONS, SETTINGS, RUN)
        for start in range(0, 400, 37)
    ]
    assert pa.concat_tables([part.pose_flags for part in parts]).equals(whole.pose_flags)
    assert pa.concat_tables([part.product_audit for part in parts]).equals(whole.product_audit)
    audit_rows = whole.product_audit
    total = np.array(audit_rows["pictures"])
    parts_sum = sum(np.array(audit_rows[name]) for name in ("usable", "unreadable", "duplicates"))
    assert (total == parts_sum).all()
    assert set(audit_rows["status"].to_pylist()) == {"complete", "gaps", "unclear", "unassessable"}
    assert set(whole.pose_flags["state"].to_pylist()) == {
        "present",
        "missing",
        "not_applicable",
        "unknown",
    }


def test_a_sliced_batch_is_read_from_its_slice():
    products = [(f"P{i}", "Tops", "Polo", [picture(f"{i}", 1 + i % 3)]) for i in range(6)]
    sliced = batch(*products).slice(2, 3)
    tables = audit_products(sliced, EXPECTATIONS, SETTINGS, RUN)
    assert tables.product_audit["product_id"].to_pylist() == ["P2", "P3", "P4"]
    assert tables.product_audit["poses_present"].to_pylist() == [[3], [1], [2]]


def test_a_cohort_attribute_may_stand_in_the_map_of_attributes():
    by_brand = dataclasses.replace(
        EXPECTATIONS,
        attributes=("category", "brand"),
        rows={("Tops", "Acme"): 0, ("Tops",): 1, (): 2},
    )
    products = batch(("A", "Tops", "x", []), ("B", "Tops", "x", []), ("C", "Tops", "x", []))
    brands = pa.array(
        [[("brand", "Acme")], [("brand", None)], None], pa.map_(pa.string(), pa.string())
    )
    products = products.append_column("attributes", brands)
    tables = audit_products(products, by_brand, SETTINGS, RUN)
    missing = tables.pose_flags.filter(pa.compute.equal(tables.pose_flags["pose_id"], 1))
    assert missing["confidence"].to_pylist() == [1.0, 0.75, 0.75]
