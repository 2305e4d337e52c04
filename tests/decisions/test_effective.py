"""Decisions and the shot profile as one: what the audit goes by."""

import dataclasses
import datetime

from small_decisions import PROFILE, recorded

from unposed_jobs import config
from unposed_jobs.audit.profile import Profile
from unposed_jobs.decisions import Decision, Store, effective
from unposed_jobs.warehouse.tables import DECISIONS

UNTIL = datetime.date(2026, 12, 31)


def overlay(*decisions, profile=PROFILE):
    return effective.overlay(Profile.parse(profile, "shots.toml"), "text", recorded(*decisions))


def test_without_decisions_all_is_as_the_file_says():
    found = overlay()
    assert found.profile == Profile.parse(PROFILE, "shots.toml")
    assert found.text == "text"
    assert found.figures() == {}


def test_a_decision_says_the_same_as_an_entry_of_the_file():
    found = overlay(
        Decision("waive", product_id="B", ask_id=2, until=UNTIL, reason="why"),
        Decision("rename", pose_id=5, name="behind"),
        Decision("shows", product_id="B", ask_id=2, image_uri="x.jpg", content_sha256="c"),
        Decision("not_applicable", ask_id=8, category="Tops [new]", subcategory="*"),
        Decision("assign", product_id="B", ask_id=2, assignee="Kim"),
    ).profile
    waiver, shown, renamed = found.waivers[0], found.shows[0], found.corrections[0]
    assert (waiver.product_id, waiver.pose, waiver.until) == ("B", 2, UNTIL)
    assert (waiver.by, waiver.reason) == ("Rossi", "why")
    assert (shown.image_uri, shown.content_sha256, shown.by) == ("x.jpg", "c", "Rossi")
    assert (renamed.of, renamed.ids, renamed.name) == ("pose", (5,), "behind")
    assert "Rossi, 2026-03-01" in renamed.reason
    # A category is meant as it is written, not as a pattern.
    assert found.not_applicable[0] == ("Tops [[]new]/[*]", (8,))


def test_where_both_speak_of_the_same_the_decision_counts_and_is_told():
    found = overlay(
        Decision("rename", ask_id=3, name="from the application"),
        Decision("waive", product_id="A", ask_id=2, reason="from the application"),
    )
    names = [one.name for one in found.profile.corrections]
    assert names == ["from the application"]
    assert [one.reason for one in found.profile.waivers] == [
        "from the application",
        "from the file",
    ]
    assert found.overruled == ("[[rename]] ask 3: a later decision counts, not the profile",)


def test_what_decides_is_told_by_the_text_and_the_figures():
    waive = Decision("waive", product_id="B", ask_id=2)
    once, twice = overlay(waive), overlay(waive, dataclasses.replace(waive, product_id="C"))
    assert len({overlay().text, once.text, twice.text}) == 3
    assert twice.figures() == {"decisions": {"waive": 2, "latest": 2}}


def test_rows_have_the_columns_of_the_table():
    rows = effective.rows(
        recorded(
            Decision("merge", ask_ids=(3, 12), name="side"),
            Decision("waive", product_id="A", ask_id=7, until=UNTIL),
        )
    )
    assert [row["ask_ids"] for row in rows.to_pylist()] == [[3, 12], [7]]
    assert set(rows.column_names) == set(DECISIONS.schema.names) - {"run_date", "run_id"}


def test_the_audit_reads_the_store_that_the_settings_name(tmp_path):
    address = f"sqlite:///{tmp_path}/decisions.db"
    settings = config.Settings(decisions=config.DecisionSettings(store=address))
    assert effective.load(settings).decisions == ()
    store = Store.open(address)
    store.decide([Decision("waive", product_id="A", ask_id=7)], "Rossi")
    store.decide([Decision("done", product_id="A", ask_id=7)], "Rossi")
    found = effective.load(settings)
    assert [one.product_id for one in found.profile.waivers] == ["A"]
    store.undo(1, "Kim")
    assert effective.load(settings).profile == Profile()
