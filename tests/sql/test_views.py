"""What analysts see: whole published days, exact types, comments, and SQL that only reads."""

from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa
import pytest
from warehouse_samples import (
    DAY,
    NEXT,
    audit_rows,
    flag_rows,
    landmark_rows,
    picture_rows,
    publish_day,
    record,
    settings,
)

from unposed_jobs.errors import UnposedError
from unposed_jobs.sql import statements, views
from unposed_jobs.sql.published import open_views
from unposed_jobs.warehouse import Warehouse, reading
from unposed_jobs.warehouse.tables import TABLES

LATER = dt.datetime(2024, 3, 6, tzinfo=dt.UTC)
VIEWS = (
    "pose_flags_current",
    "product_audit_current",
    "product_images_current",
    "gaps_by",
    "changes",
    "waivers",
    "top_missing_by_category",
    "missing_trend",
    "unassessable_products",
)


def products(warehouse, view="product_audit"):
    rows = statements.query(
        warehouse, f"SELECT run_date, product_id FROM {view} ORDER BY ALL"
    ).to_pylist()
    return [(row["run_date"], row["product_id"]) for row in rows]


def test_current_is_the_latest_published_day(warehouse):
    publish_day(warehouse, NEXT, ["b"], "r2")
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    assert products(warehouse) == [(DAY, "a"), (DAY, "b"), (NEXT, "b")]
    assert products(warehouse, "product_audit_current") == [(NEXT, "b")]
    flags = statements.query(warehouse, "SELECT DISTINCT run_date, run_id FROM pose_flags_current")
    assert flags.to_pylist() == [{"run_date": NEXT, "run_id": "r2"}]


def test_an_empty_published_day_is_the_current_one(warehouse):
    publish_day(warehouse, DAY, ["a"], "r1")
    for name in ("pose_flags", "product_audit", "catalogue_rejects"):
        warehouse.write_day(name, NEXT, [], "r2")
    warehouse.record_run(record("r2", NEXT))
    assert products(warehouse, "product_audit_current") == []
    assert products(warehouse) == [(DAY, "a")]


def test_rows_that_no_run_published_are_not_seen(warehouse):
    publish_day(warehouse, DAY, ["a"], "r1")
    staged = warehouse.stage("product_audit", "r2").write(audit_rows(NEXT, ["a"]))
    warehouse.write_day("product_audit", NEXT, staged, "r2")
    assert products(warehouse) == [(DAY, "a")]
    warehouse.record_run(record("r2", NEXT, "refused", error="too many"))
    assert products(warehouse, "product_audit_current") == [(DAY, "a")]


def test_until_a_day_is_published_the_run_before_is_seen(warehouse):
    """One of its tables has the new run's rows already."""
    publish_day(warehouse, DAY, ["a"], "r1")
    publish_day(warehouse, NEXT, ["a", "b"], "r2")
    staged = warehouse.stage("pose_flags", "r3").write(flag_rows(NEXT, ["a", "b", "c"]))
    warehouse.write_day("pose_flags", NEXT, staged, "r3")
    assert products(warehouse) == [(DAY, "a"), (NEXT, "a"), (NEXT, "b")]
    assert products(warehouse, "pose_flags_current") == [(NEXT, p) for p in "aabb"]
    staged = warehouse.stage("product_audit", "r3").write(audit_rows(NEXT, ["a", "b", "c"]))
    warehouse.write_day("product_audit", NEXT, staged, "r3")
    staged = warehouse.stage("product_images", "r3").write(picture_rows(NEXT, ["a", "b", "c"]))
    warehouse.write_day("product_images", NEXT, staged, "r3")
    warehouse.record_run(record("r3", NEXT, finished_at=LATER))
    assert products(warehouse, "product_audit_current") == [(NEXT, p) for p in "abc"]


def test_a_day_of_an_earlier_version_that_is_not_whole_is_left_out(warehouse):
    """It died after a table had the rows of another run: the last whole day is the current one."""
    publish_day(warehouse, DAY, ["a"], "r1")
    counts = {"pose_flags": 4, "product_audit": 2, "catalogue_rejects": 0}
    publish_day(warehouse, NEXT, ["a", "b"], "r2", rows=counts)
    assert products(warehouse, "product_audit_current") == [(NEXT, "a"), (NEXT, "b")]
    warehouse.write_day("pose_flags", NEXT, [], "r2")
    staged = warehouse.stage("pose_flags", "r3").write(flag_rows(NEXT, ["a", "b", "c"]))
    warehouse.write_day("pose_flags", NEXT, staged, "r3")
    assert products(warehouse, "product_audit_current") == [(DAY, "a")]
    assert products(warehouse, "pose_flags") == [(DAY, "a")] * 2
    days = statements.query(warehouse, "SELECT run_date FROM published_days").to_pylist()
    assert days == [{"run_date": DAY}]


def test_the_file_shows_what_it_was_made_of_until_it_is_made_again(warehouse):
    publish_day(warehouse, DAY, ["a"], "r1")
    path = views.publish(warehouse)
    old = duckdb.connect(str(path), read_only=True)
    publish_day(warehouse, DAY, ["a", "b"], "r2", finished_at=LATER)
    views.publish(warehouse)
    count = "SELECT count(*) FROM product_audit_current"
    assert old.execute(count).fetchone() == (1,)
    old.close()
    with duckdb.connect(str(path), read_only=True) as new:
        assert new.execute(count).fetchone() == (2,)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_views_have_exact_types_with_and_without_files(warehouse):
    def types():
        with duckdb.connect(str(views.publish(warehouse)), read_only=True) as connection:
            return {
                name: [
                    (column, kind)
                    for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall()
                ]
                for name in (*TABLES, *VIEWS)
            }

    before = types()
    publish_day(warehouse, DAY, ["a"], "r1")
    staged = warehouse.stage("landmarks", "e1").write(landmark_rows(["00"]))
    warehouse.append("landmarks", staged, "e1", 0)
    assert types() == before
    for name, table in TABLES.items():
        assert before[name] == [
            (c.name, views.duckdb_type(c.type).replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"))
            for c in table.schema
        ]


def test_questions_of_one_moment_share_their_views(warehouse, monkeypatch):
    made, create = [], views.create
    monkeypatch.setattr(views, "create", lambda *given, **how: made.append(create(*given, **how)))
    seen = statements.Pinned(warehouse)
    found = [seen.query("SELECT ? AS one", [number]).to_pylist() for number in range(3)]
    assert found == [[{"one": 0}], [{"one": 1}], [{"one": 2}]]
    with pytest.raises(UnposedError):
        seen.query("SELECT nothing")
    assert seen.query("FROM runs").num_rows == 0
    assert len(made) == 1


@pytest.mark.parametrize("file", [True, False])
def test_every_view_and_column_has_a_comment(warehouse, monkeypatch, file):
    """In the file of views, and in what is asked where there is none."""
    monkeypatch.setitem(views.create.__kwdefaults__, "comments", True)
    if file:
        views.publish(warehouse)
    with open_views(warehouse.settings) as connection:
        silent = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND coalesce(comment, '') = ''"
        ).fetchall()
        comments = dict(
            connection.execute(
                "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
            ).fetchall()
        )
    assert silent == []
    assert set(VIEWS) | set(TABLES) <= set(comments)
    assert comments["pose_flags"] == TABLES["pose_flags"].doc


def test_the_derived_views_count_right(warehouse):
    flags = [flag_rows(DAY, ["a", "b"]), flag_rows(DAY, ["c"], state="present")]
    staged = [f for rows in flags for f in warehouse.stage("pose_flags", "r1").write(rows)]
    warehouse.write_day("pose_flags", DAY, staged, "r1")
    audits = audit_rows(
        DAY,
        ["a", "b", "c", "d"],
        status=["gaps", "unassessable", "complete", "unclear"],
        reason=[None, "no picture could be read", None, "an unclear picture may show 1"],
        missing_count=[1, 0, 0, 0],
        completeness=[0.5, None, 1.0, 0.75],
    )
    staged = warehouse.stage("product_audit", "r1").write(audits)
    warehouse.write_day("product_audit", DAY, staged, "r1")
    warehouse.record_run(record("r1", DAY))
    (top,) = statements.query(warehouse, "FROM top_missing_by_category").to_pylist()
    assert top == {
        "run_date": DAY,
        "category": "tops",
        "ask_id": 2,
        "ask_name": "back",
        "pose_id": 2,
        "pose_name": "back view",
        "missing_products": 2,
        "assessed_products": 3,
        "missing_share": pytest.approx(2 / 3),
        "mean_score": 0.7,
        "place": 1,
    }
    (trend,) = statements.query(warehouse, "FROM missing_trend").to_pylist()
    assert trend == {
        "run_date": DAY,
        "category": "tops",
        "products": 4,
        "complete_products": 1,
        "gap_products": 1,
        "unclear_products": 1,
        "unassessable_products": 1,
        "missing_asks": 1,
        "mean_completeness": 0.75,
    }
    (blind,) = statements.query(warehouse, "FROM unassessable_products").to_pylist()
    assert (blind["product_id"], blind["reason"]) == ("b", "no picture could be read")


def test_an_ask_is_counted_once_by_whichever_class_its_cohorts_show_it(warehouse):
    near = flag_rows(DAY, ["b", "c"]).to_pylist()
    near = [
        row | ({"pose_id": 3, "pose_name": "chest, back"} if row["rank"] else {}) for row in near
    ]
    rows = flag_rows(DAY, ["a"]).to_pylist() + near
    staged = warehouse.stage("pose_flags", "r1").write(pa.Table.from_pylist(rows))
    warehouse.write_day("pose_flags", DAY, staged, "r1")
    for name, other in (
        ("product_audit", audit_rows(DAY, ["a", "b", "c"])),
        ("catalogue_rejects", []),
    ):
        staged = warehouse.stage(name, "r1").write(other) if len(other) else []
        warehouse.write_day(name, DAY, staged, "r1")
    warehouse.record_run(record("r1", DAY))
    (top,) = statements.query(warehouse, "FROM top_missing_by_category").to_pylist()
    assert (top["ask_id"], top["ask_name"], top["missing_products"]) == (2, "back", 3)
    assert (top["pose_id"], top["pose_name"]) == (3, "chest, back")


def test_a_day_from_before_there_were_asks_counts_by_class(warehouse):
    publish_day(warehouse, DAY, ["a"], "r1", flags={"ask_id": None, "ask_name": None})
    (top,) = statements.query(warehouse, "FROM top_missing_by_category").to_pylist()
    assert (top["ask_id"], top["ask_name"], top["missing_products"]) == (2, "back view", 1)


def test_ten_thousand_files_are_no_trouble(warehouse):
    publish_day(warehouse, DAY, ["a"], "r1")
    planned = views.plan(warehouse)
    planned.files["product_audit"] *= 10_000
    with reading.connect() as connection:
        views.create(connection, planned)
        assert connection.execute("SELECT count(*) FROM product_audit").fetchone() == (10_000,)


def test_remote_files_are_read_through_arrow(warehouse, monkeypatch):
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    monkeypatch.setattr(reading, "local_paths", lambda paths: None)
    assert products(warehouse) == [(DAY, "a"), (DAY, "b")]
    rows = statements.query(
        warehouse,
        "SELECT pose_name, example_images FROM pose_flags_current WHERE state = $state LIMIT 1",
        {"state": "missing"},
    ).to_pylist()
    assert rows == [{"pose_name": "back view", "example_images": ["/pictures/popular.jpg"]}]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    warehouse = Warehouse.open(settings(tmp_path_factory.mktemp("published")))
    publish_day(warehouse, DAY, ["a"], "r1")
    return warehouse


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DROP VIEW pose_flags", "DROP is refused"),
        ("COPY (SELECT 1) TO 'x.csv'", "COPY is refused"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'", "EXPLAIN is refused"),
        ("SET memory_limit = '1GB'", "SET is refused"),
        ("ATTACH 'x.duckdb'", "ATTACH is refused"),
        ("INSTALL httpfs", "LOAD is refused"),
        ("SELECT 1; SELECT 2", "one statement at a time, not 2"),
        ("", "one statement at a time, not 0"),
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM pose_flags", 'column "nope" not found'),
        ("SELECT * FROM read_text('/etc/hostname')", "/etc/hostname"),
        ("SELECT * FROM read_csv('https://example.com/x.csv')", "x.csv"),
        ("SELECT $day", "day"),
    ],
)
def test_sql_that_does_not_just_read_is_one_line(published, sql, message):
    with pytest.raises(UnposedError, match=message) as caught:
        statements.query(published, sql)
    assert "\n" not in str(caught.value)


def test_parameters_are_bound_not_pasted(warehouse):
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    sql = "SELECT count(*) AS n FROM product_audit WHERE product_id = $id"
    assert statements.query(warehouse, sql, {"id": "a"}).to_pylist() == [{"n": 1}]
    assert statements.query(warehouse, sql, {"id": "a' OR 'x' = 'x"}).to_pylist() == [{"n": 0}]


def test_views_that_cannot_be_written_are_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    warehouse = Warehouse.open(settings(tmp_path, views=f"{tmp_path}/file/unposed.duckdb"))
    with pytest.raises(UnposedError, match="cannot write the views"):
        views.publish(warehouse)
    warehouse = Warehouse.open(settings(tmp_path, views="s3://bucket/unposed.duckdb"))
    with pytest.raises(UnposedError, match="must be a local path"):
        views.publish(warehouse)
