"""What the views say of gaps that opened and closed, asked of tables in memory."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest
from warehouse_samples import DAY, NEXT, audit_rows, flag_rows, picture_rows

from unposed_jobs.sql.definitions import DERIVED_VIEWS, published_days
from unposed_jobs.warehouse.tables import DAY_TABLES, TABLES

MISSING = {"state": "missing", "evidence_image": None}
RULES = {"model": "m1", "profile": "p1", "settings": "s1"}


def filled(uri):
    return {"state": "present", "rank": None, "evidence_image": uri}


class Days:
    """Products of two days, each with its back's flag and its pictures."""

    def __init__(self):
        self.rows = {
            name: [] for name in ("pose_flags", "product_audit", "product_images", "decisions")
        }

    def add(self, day, product, flag, pictures=(), **audit):
        """`pictures`: (address, content) pairs; a content of None could not be read."""
        run = {"run_id": str(day)}
        back = flag_rows(day, [product]).to_pylist()[1]
        self.rows["pose_flags"].append(back | flag | run)
        (row,) = audit_rows(day, [product], pictures=[len(pictures)]).to_pylist()
        self.rows["product_audit"].append(row | audit | run)
        for uri, content in pictures:
            (row,) = picture_rows(
                day, [product], image_uri=[uri], content_sha256=[content]
            ).to_pylist()
            row["status"] = "shown" if content else "unreachable"
            self.rows["product_images"].append(row | run)

    def ask(self, sql, before=RULES, after=RULES):
        with duckdb.connect() as connection:
            for name, rows in self.rows.items():
                table = pa.Table.from_pylist(rows, TABLES[name].schema)
                connection.register(name, table)
                if name == "decisions":
                    continue
                connection.execute(
                    f"CREATE VIEW {name}_current AS FROM {name} WHERE run_date = '{NEXT}'"
                )
            for name in TABLES.keys() - self.rows.keys() - {"runs"}:
                connection.register(name, TABLES[name].schema.empty_table())
                if TABLES[name] in DAY_TABLES:
                    connection.execute(f"CREATE VIEW {name}_current AS FROM {name}")
            runs = [
                {
                    "run_date": day,
                    "run_id": str(day),
                    "model_version": rules["model"],
                    "figures": json.dumps({k: v for k, v in rules.items() if k != "model"}),
                }
                for day, rules in ((DAY, before), (NEXT, after))
            ]
            connection.register("runs", pa.Table.from_pylist(runs, TABLES["runs"].schema))
            for view in (published_days(map(str, (DAY, NEXT))), *DERIVED_VIEWS):
                connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
            return connection.sql(sql).to_arrow_table().to_pylist()

    def changes(self, **rules):
        sql = "SELECT product_id, change, why FROM changes ORDER BY ALL"
        return [tuple(row.values()) for row in self.ask(sql, **rules)]


A, B = ("/a.jpg", "sha a"), ("/b.jpg", "sha b")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((MISSING, [A]), (filled("/b.jpg"), [A, B]), ("closed", "picture added")),
        ((filled("/b.jpg"), [A, B]), (MISSING, [A]), ("opened", "picture removed")),
        ((MISSING, [A]), (filled("/a.jpg"), [("/a.jpg", "new")]), ("closed", "picture changed")),
        ((filled("/a.jpg"), [A]), (MISSING, [("/a.jpg", None)]), ("opened", "picture changed")),
        (
            (MISSING, [A]),
            (filled("/a.jpg") | {"shown_by": "M. Rossi"}, [A]),
            ("closed", "picture confirmed"),
        ),
        (
            (filled("/a.jpg") | {"shown_by": "M. Rossi"}, [A]),
            (MISSING, [A]),
            ("opened", "confirmation ended"),
        ),
        # Two pictures with one content: the address that fills it is new, the content is not.
        ((MISSING, [A]), (filled("/b.jpg"), [A, ("/b.jpg", "sha a")]), ("closed", "picture added")),
        # No picture fills it on either day: an unclear one was taken out, or came in.
        (({"state": "unknown"}, [A, B]), (MISSING, [A]), ("opened", "picture removed")),
        ((MISSING, [A]), ({"state": "unknown"}, [A, B]), ("closed", "picture added")),
        ((MISSING, [A]), ({"state": "waived"}, [A, B]), ("closed", "waived")),
        (({"state": "waived"}, [A]), (MISSING, [A]), ("opened", "waiver ended")),
        (None, (MISSING, []), ("opened", "new product")),
        ((MISSING, [A]), None, ("closed", "product removed")),
        ((filled("/a.jpg"), [A]), (MISSING, [A]), ("opened", "unknown")),
        ((MISSING, [A]), (MISSING, [A, B]), None),
        ((filled("/a.jpg"), [A]), (filled("/b.jpg"), [B]), None),
    ],
)
def test_why_a_gap_opened_or_closed(before, after, expected):
    days = Days()
    days.add(DAY, "other", MISSING, [A])
    days.add(NEXT, "other", MISSING, [A])
    for day, found in ((DAY, before), (NEXT, after)):
        if found is not None:
            days.add(day, "p", *found)
    assert days.changes() == ([] if expected is None else [("p", *expected)])


@pytest.mark.parametrize(
    ("changed", "why"),
    [("model", "new model"), ("profile", "new profile"), ("settings", "new settings")],
)
def test_what_else_decided_where_no_picture_did(changed, why):
    days = Days()
    for day, flag in ((DAY, MISSING), (NEXT, filled("/a.jpg"))):
        days.add(day, "same pictures", flag, [A])
    days.add(DAY, "took one", MISSING, [A])
    days.add(NEXT, "took one", filled("/b.jpg"), [A, B])
    # A picture that does not fill the ask is no reason where the rules are others.
    days.add(DAY, "unclear", MISSING, [A])
    days.add(NEXT, "unclear", {"state": "unknown"}, [A, B])
    assert days.changes(after=RULES | {changed: "other"}) == [
        ("same pictures", "closed", why),
        ("took one", "closed", "picture added"),
        ("unclear", "closed", why),
    ]


def test_a_product_that_went_to_another_category():
    days = Days()
    days.add(DAY, "p", {"state": "not_applicable"}, [A])
    days.add(NEXT, "p", MISSING, [A], category="coats", carried=[("seller", "Acme")])
    (row,) = days.ask("FROM changes")
    assert (row["change"], row["why"], row["category"]) == ("opened", "new catalogue", "coats")
    assert (row["run_date"], row["previous_date"]) == (NEXT, DAY)
    assert (row["state_before"], row["state_after"]) == ("not_applicable", "missing")
    assert row["carried"] == [("seller", "Acme")]


def test_an_earlier_version_gives_no_reason_it_does_not_know():
    """Its runs have no digests and its days no pictures."""
    days = Days()
    days.add(DAY, "p", MISSING, [])
    days.rows["product_audit"][-1]["pictures"] = 1
    days.add(NEXT, "p", filled("/b.jpg"), [A, B])
    old = {"model": "m1"}
    assert days.changes(before=old) == [("p", "closed", "unknown")]
    assert days.changes(before=old, after=RULES | {"model": "m2"}) == [("p", "closed", "new model")]


def test_gaps_by_every_carried_column():
    days = Days()
    for product, brand, status, missing in (
        ("a", "Acme", "gaps", 3),
        ("b", "Acme", "complete", 0),
        ("c", None, "unassessable", 0),
    ):
        carried = [("brand", brand), ("title", product)]
        completeness = {"gaps": 0.5, "complete": 1.0}.get(status)
        days.add(
            NEXT,
            product,
            MISSING,
            carried=carried,
            status=status,
            missing_count=missing,
            completeness=completeness,
        )
    days.add(NEXT, "d", MISSING, carried=None)
    found = days.ask("FROM gaps_by WHERE attribute = 'brand' ORDER BY value")
    assert [tuple(row.values()) for row in found] == [
        (NEXT, "brand", "Acme", 2, 1, 1, 3, 0.75),
        (NEXT, "brand", None, 1, 0, 0, 0, None),
    ]
    (row,) = days.ask("FROM gaps_by WHERE attribute = 'category'")
    assert (row["value"], row["products"]) == ("tops", 4)


def test_waivers_in_force_with_who_why_and_until():
    days = Days()
    said = {"waived_by": "M. Rossi", "waived_reason": "sold without"}
    until = NEXT.replace(day=NEXT.day + 5)
    days.add(NEXT, "a", {"state": "waived", "waived_until": until} | said, carried=[("t", "Tee")])
    days.add(NEXT, "b", {"state": "waived"} | said)
    days.add(NEXT, "c", MISSING)
    days.add(DAY, "d", {"state": "waived"} | said)
    columns = (
        "product_id, ask_name, waived_by, waived_reason, waived_until, days_left, carried['t']"
    )
    found = days.ask(f"SELECT {columns} FROM waivers")
    assert [tuple(row.values()) for row in found] == [
        ("a", "back", "M. Rossi", "sold without", until, 5, "Tee"),
        ("b", "back", "M. Rossi", "sold without", None, None, None),
    ]
