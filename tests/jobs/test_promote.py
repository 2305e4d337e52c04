"""Which of a day's models the promotion decides on; the decision itself is tested apart."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import promote
from unposed_jobs.jobs.entry import Run
from unposed_jobs.reference import comparison, registry
from unposed_jobs.reference.promotion import Decision
from unposed_jobs.reference.registry import ModelRow
from unposed_jobs.sql import published
from unposed_jobs.warehouse import Warehouse

FIGURES = {"champion": "old", "turned": 1}
TURNED = pa.Table.from_pylist(
    [
        {
            "product_id": "A",
            "ask_id": 1,
            "ask_name": "back",
            "state_before": "present",
            "state_after": "missing",
        }
    ],
    comparison.TURNED,
)
DAY, LATER = date(2026, 1, 5), date(2026, 1, 12)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))
    return config.load(warehouse__buckets=1)


@pytest.fixture
def decide(settings, monkeypatch):
    """Promote on a day, the comparison of the models given; returns the row and what is said."""

    def run(
        day: date, verdict: bool, anyway: str = "", *, ask: bool = False
    ) -> tuple[ModelRow, str]:
        said: list[str] = []
        monkeypatch.setattr(
            promote,
            "_decide",
            lambda *models: Decision(verdict, "as the test says", FIGURES, TURNED),
        )
        asked = Run(day, progress=said.append, promote_anyway=anyway, ask=ask)
        return promote.run(None, settings, asked), said[-1]

    return run


def record(settings, version: str, status: str, day: date) -> None:
    promoted = day if status == "champion" else None
    row = ModelRow(version, status, "e", "", {}, {}, {}, day, promoted, None, "r")
    registry.record(Warehouse.open(settings.warehouse), [row], f"train-{version}")


def statuses(settings) -> dict[str, str]:
    found = registry.models(Warehouse.open(settings.warehouse))
    return {row.model_version: row.status for row in found}


def test_a_rejected_model_leaves_the_champion(settings, decide):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "candidate", LATER)
    row, said = decide(LATER, False)
    assert (row.status, said) == (
        "rejected",
        "rejected new: as the test says; old stays the champion",
    )
    assert statuses(settings) == {"old": "champion", "new": "rejected"}


def test_analysts_see_the_new_champion_before_the_next_audit(settings, decide):
    record(settings, "new", "candidate", DAY)
    decide(DAY, True)
    with published.open_views(settings.warehouse) as connection:
        assert connection.execute("SELECT status FROM models").fetchall() == [("champion",)]


def test_a_rejected_model_is_decided_again_when_the_day_is_done_again(settings, decide):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "rejected", LATER)
    assert decide(LATER, False)[0].status == "rejected"
    assert decide(LATER, True)[0].status == "champion"
    assert statuses(settings) == {"old": "retired", "new": "champion"}


def test_a_promoted_day_done_again_is_left_as_it_is(settings, decide):
    record(settings, "first", "rejected", DAY)
    record(settings, "second", "champion", DAY)
    row, said = decide(DAY, False)
    assert row.model_version == "second"
    assert "already" in said


def test_a_day_without_a_model(settings, decide):
    with pytest.raises(UnposedError, match=r"run: unposed train --date 2026-01-05"):
        decide(DAY, True)


def test_a_refused_model_is_accepted_by_hand_with_both_reasons_kept(settings, decide):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "candidate", LATER)
    row, said = decide(LATER, False, "M. Rossi: the range is shot anew")
    assert row.status == "champion"
    assert row.promoted_on == LATER
    assert row.reason == (
        "accepted by hand (M. Rossi: the range is shot anew) though as the test says"
    )
    assert said.startswith("promoted new: accepted by hand")
    assert statuses(settings) == {"old": "retired", "new": "champion"}
    (run,) = Warehouse.open(settings.warehouse).read("runs").to_pylist()
    assert "M. Rossi" in run["figures"]
    assert "as the test says" in run["figures"]


def test_a_model_that_is_no_worse_needs_no_hand(settings, decide):
    record(settings, "new", "candidate", DAY)
    assert decide(DAY, True, "M. Rossi: wanted")[0].reason == "as the test says"


def test_a_model_rejected_beside_the_days_champion_can_be_accepted_by_hand(settings, decide):
    record(settings, "first", "rejected", DAY)
    record(settings, "second", "champion", DAY)
    assert decide(DAY, False, "M. Rossi: wanted")[0].model_version == "first"
    assert statuses(settings) == {"first": "champion", "second": "retired"}


def test_leaving_a_candidate_and_accepting_it_exclude_each_other():
    from argparse import ArgumentParser

    from unposed_jobs.cli import train as command

    parser = ArgumentParser()
    parser.add_argument("--config")
    command.configure(parser)
    arguments = parser.parse_args(["--no-promote", "--promote-anyway", "M. Rossi: wanted"])
    with pytest.raises(UnposedError, match="exclude each other"):
        command.run(arguments)


def test_a_model_of_before_is_made_champion_again_by_hand(settings, tmp_path, monkeypatch, capsys):
    from unposed_jobs.cli import main

    (tmp_path / "unposed.toml").write_text("[warehouse]\nbuckets = 1\n")
    monkeypatch.setenv("UNPOSED_CONFIG", str(tmp_path / "unposed.toml"))

    record(settings, "old", "retired", DAY)
    record(settings, "new", "champion", LATER)
    roll_back = ("warehouse", "champion", "--reason", "M. Rossi: odd flags", "--model")
    assert main([*roll_back, "older"]) == 2
    assert "no model older; known: old, new" in capsys.readouterr().err
    assert main([*roll_back, "old"]) == 2  # Its bundle is not there.
    assert statuses(settings) == {"old": "retired", "new": "champion"}
    monkeypatch.setattr(promote.Bundle, "load", lambda uri: None)
    assert main([*roll_back, "old"]) == 0
    assert statuses(settings) == {"old": "champion", "new": "retired"}
    (run,) = Warehouse.open(settings.warehouse).runs()
    assert run.figures == {"by_hand": "M. Rossi: odd flags", "before": "new"}
    with published.open_views(settings.warehouse) as connection:
        found = connection.execute("SELECT reason FROM models WHERE status = 'champion'").fetchone()
    assert found == ("made champion by hand: M. Rossi: odd flags",)


def settle(settings, decision: str, by: str = "M. Rossi: seen") -> ModelRow:
    asked = Run(LATER, progress=lambda _: None, decision=decision, decided_by=by)
    return promote.settle(None, settings, asked)


@pytest.mark.parametrize(("decision", "status"), [("promote", "champion"), ("reject", "rejected")])
def test_a_refused_model_waits_until_a_person_decides_it(settings, decide, decision, status):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "candidate", LATER)
    row, said = decide(LATER, False, ask=True)
    assert row.waits
    assert said == "left new: waits for a person: as the test says; old stays the champion"
    # Compared again it waits all the same, and its flags are there once.
    assert decide(LATER, False, ask=True)[0].waits
    warehouse = Warehouse.open(settings.warehouse)
    assert warehouse.read("candidate_flags").num_rows == 1
    assert statuses(settings) == {"old": "champion", "new": "candidate"}

    row = settle(settings, decision)
    assert (row.status, row.waits) == (status, False)
    assert "by hand (M. Rossi: seen); without that: as the test says" in (row.reason or "")
    champion = {"promote": "new", "reject": "old"}[decision]
    assert [key for key, value in statuses(settings).items() if value == "champion"] == [champion]
    again = settle(settings, decision)
    assert again == row
    states = [one["state"] for one in warehouse.read("runs").to_pylist()]
    assert states == ["published"] * len(states)


def test_a_decision_about_a_model_compared_with_another_champion_is_refused(settings, decide):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "candidate", LATER)
    with pytest.raises(UnposedError, match="no candidate of 2026-01-12 waits"):
        settle(settings, "promote")
    decide(LATER, False, ask=True)
    record(settings, "old", "retired", DAY)
    record(settings, "older", "champion", DAY)
    with pytest.raises(UnposedError, match="compared with old, which is not the champion"):
        settle(settings, "promote")
    assert statuses(settings)["new"] == "candidate"


def test_without_a_person_a_refused_model_that_waited_is_rejected(settings, decide):
    record(settings, "old", "champion", DAY)
    record(settings, "new", "candidate", LATER)
    decide(LATER, False, ask=True)
    assert decide(LATER, False)[0].status == "rejected"
