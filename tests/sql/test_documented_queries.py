"""The queries that the pages tell people to try run on a published day."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from warehouse_samples import (
    DAY,
    NEXT,
    audit_rows,
    flag_rows,
    picture_rows,
    publish_day,
    record,
    settings,
)

from unposed_jobs.cli import query as query_command
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse

ROOT = Path(__file__).parents[2]


def _queries() -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    analyst = (ROOT / "docs" / "analyst.md").read_text(encoding="utf-8")
    demo = (ROOT / "docker" / "demo.sh").read_text(encoding="utf-8").replace("\\$", "$")
    quoted = re.findall(r'unposed query "(SELECT[^"]*)"', readme)
    _, *blocks = re.findall(r"```sql\n(.*?)```", analyst, re.DOTALL)
    influence = (ROOT / "docs" / "influence.md").read_text(encoding="utf-8")
    blocks += re.findall(r"```sql\n(.*?)```", influence, re.DOTALL)
    shown = re.findall(r'unposed query "\s*(SELECT[^"]*)"', demo)
    examples = re.findall(r'"(SELECT.*?)"', query_command.__doc__ or "", re.DOTALL)
    runbooks = "\n".join(
        page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs/runbooks").glob("*.md"))
    )
    shown += re.findall(r'unposed query "(SELECT[^"]*)"', runbooks)
    assert len(quoted) == 3
    assert len(shown) > 10
    told = [sql.strip() for block in blocks for sql in block.split(";")[:-1]]
    return [*quoted, *told, *shown, *examples]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    warehouse = Warehouse.open(settings(tmp_path_factory.mktemp("published")))
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    rows = flag_rows(NEXT, ["a", "b"]).to_pylist()
    for row in rows:
        row["subcategory"] = "T-shirts"
        if row["product_id"] == "a" and row["ask_id"] == 2:  # By its other class.
            row.update(state="present", rank=None, pose_id=3, pose_name="chest, back")
    for name, content in (
        ("pose_flags", pa.Table.from_pylist(rows)),
        ("product_audit", audit_rows(NEXT, ["a", "b"])),
        ("product_images", picture_rows(NEXT, ["a", "b"])),
        ("catalogue_rejects", None),
    ):
        staged = warehouse.stage(name, "r2").write(content) if content is not None else []
        warehouse.write_day(name, NEXT, staged, "r2")
    warehouse.record_run(record("r2", NEXT))
    return warehouse


def test_every_query_of_the_pages_runs(published):
    seen = statements.Pinned(published)
    for sql in _queries():
        seen.query(sql, {"day": str(DAY)} if "$day" in sql else None)


def test_the_join_for_other_engines_shows_the_published_run(published):
    analyst = (ROOT / "docs" / "analyst.md").read_text(encoding="utf-8")
    join, *_ = re.findall(r"```sql\n(.*?)```", analyst, re.DOTALL)
    lost = published.stage("pose_flags", "lost").write(flag_rows(NEXT, ["a", "b", "c"]))
    published.write_day("pose_flags", NEXT, lost, "lost")
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA unposed")
        for name in ("pose_flags", "runs"):
            rows = published.table(name).scan().to_arrow()
            assert rows.num_rows > 0
            connection.execute(f"CREATE TABLE unposed.{name} AS FROM rows")
        shown = connection.sql(join).to_arrow_table().to_pylist()
    assert sorted(shown, key=repr) == sorted(published.read("pose_flags").to_pylist(), key=repr)
    assert {row["run_id"] for row in shown} == {"r1", "r2"}


def test_a_gap_closed_by_another_class_of_the_ask_is_closed(published):
    (sql,) = [sql for sql in _queries() if "Which gaps were closed" in sql]
    days = sql.replace("2026-01-05", str(DAY)).replace("2026-01-06", str(NEXT))
    assert statements.query(published, days).to_pylist() == [
        {"product_id": "a", "ask_name": "back"}
    ]


def test_the_studio_is_told_asks(published):
    (sql,) = [sql for sql in _queries() if "studio" in sql]
    assert statements.query(published, sql).to_pylist() == [
        {"ask_name": "back", "shot_code": None, "products": 1}
    ]
