"""The commands of the warehouse, as a user calls them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console
from warehouse_samples import DAY, NEXT, publish_day, record, settings

from unposed_jobs.cli import main, runs
from unposed_jobs.sql import views
from unposed_jobs.warehouse import Warehouse


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    warehouse = Warehouse.open(settings(folder))
    publish_day(warehouse, DAY, ["a", "b"], "r1")
    publish_day(warehouse, NEXT, ["a"], "r2")
    warehouse.record_run(record("r3", NEXT, "refused", error="too many [red] failed"))
    views.publish(warehouse)
    return folder


@pytest.fixture
def call(tmp_path, capsys):
    def run(folder, command, *arguments):
        chosen = settings(folder)
        config = tmp_path / "unposed.toml"
        config.write_text(
            f'[warehouse]\nuri = "{chosen.uri}"\nlocation = "{chosen.location}"\n'
            f'views = "{chosen.views}"\nbuckets = {chosen.buckets}\n'
        )
        code = main([command, *arguments, "--config", str(config)])
        return code, *capsys.readouterr()

    return run


def test_query_as_csv_json_and_table(place, call):
    sql = "SELECT product_id, poses_present FROM product_audit WHERE run_date = $day ORDER BY 1"
    day = ("--param", f"day={DAY}")
    assert call(place, "query", "--format", "csv", *day, sql) == (
        0,
        'product_id,poses_present\na,"[1, 2]"\nb,"[1, 2]"\n',
        "",
    )
    code, out, _ = call(place, "query", "--format", "json", *day, sql)
    assert (code, json.loads(out)) == (
        0,
        [
            {"product_id": "a", "poses_present": [1, 2]},
            {"product_id": "b", "poses_present": [1, 2]},
        ],
    )
    code, out, _ = call(place, "query", *day, sql)
    assert code == 0
    assert "product_id" in out
    assert "│ b " in out


def test_query_describes_and_shows(place, call):
    assert "top_missing_by_category" in call(place, "query", "SHOW TABLES")[1]
    assert "completeness" in call(place, "query", "DESCRIBE product_audit_current")[1]


def test_a_long_table_is_cut_with_a_word(place, call):
    code, out, _ = call(place, "query", "SELECT * FROM range(450)")
    assert code == 0
    assert "250 more rows" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["DELETE FROM runs"], "DELETE is refused"),
        (["SELECT nope FROM runs"], 'column "nope" not found'),
        (["SELECT * FROM read_text('/etc/hostname')"], "Cannot access file"),
        (["SELECT $day", "--param", "day"], "give it as NAME=VALUE"),
    ],
)
def test_a_mistake_is_one_line(place, call, arguments, message):
    code, out, err = call(place, "query", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", [("query", "SELECT 1"), ("runs",), ("warehouse", "maintain")])
def test_no_warehouse_yet(tmp_path, call, command):
    code, _, err = call(tmp_path / "none", *command)
    assert code == 2
    assert "no warehouse yet" in err
    assert "run: unposed train, then: unposed audit" in err
    assert not (tmp_path / "none").exists()


def test_query_without_a_file_of_views_asks_the_tables(tmp_path, call):
    publish_day(Warehouse.open(settings(tmp_path)), DAY, ["a"], "r1")
    code, out, _ = call(tmp_path, "query", "--format", "csv", "SELECT count(*) AS n FROM runs")
    assert (code, out) == (0, "n\n1\n")


def test_runs_are_listed(place, call):
    code, out, _ = call(place, "runs")
    assert code == 0
    assert "too many [red] failed" in out
    code, out, _ = call(place, "runs", "--format", "json", "--limit", "2")
    assert [run["run_id"] for run in json.loads(out)] == ["r2", "r3"]
    code, out, err = call(place, "runs", "--job", "train", "--json")
    assert (out, err) == ("[]\n", "unposed: --json is now --format json\n")
    rows = list(csv.DictReader(io.StringIO(call(place, "runs", "--format", "csv")[1])))
    assert [row["state"] for row in rows][-1] == "refused"
    assert json.loads(rows[0]["rows"]) is not None


def test_runs_fit_a_terminal_of_80_columns(place, call, monkeypatch):
    monkeypatch.setattr(runs, "console_of_stdout", lambda: Console(width=80))
    out = call(place, "runs")[1]
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "too many [red] failed" in " ".join(out.split())


def test_maintenance_is_dry_unless_asked(place, call):
    warehouse = Warehouse.open(settings(place))
    before = warehouse.snapshot_id("runs")
    code, out, _ = call(place, "warehouse", "maintain")
    assert code == 0
    assert "Nothing was changed" in out
    assert warehouse.snapshot_id("runs") == before
    code, out, _ = call(place, "warehouse", "maintain", "--apply")
    assert code == 0
    assert "Nothing was changed" not in out
    with pytest.raises(SystemExit) as caught:
        call(place, "warehouse", "maintain", "--keep-days", "0")
    assert caught.value.code == 2


def test_freshness_is_told_and_a_warehouse_that_is_behind_is_an_alarm(place, call):
    code, out, _ = call(place, "warehouse", "freshness", "--max-age", "90000d")
    assert code == 0
    assert out.startswith(f"the last published day is {NEXT}, ")
    code, out, error = call(place, "warehouse", "freshness", "--max-age", "2h")
    assert (code, out, error.count("\n")) == (4, "", 1)
    assert "more than 2 h; see docs/runbooks/the-warehouse-is-behind.md" in error
    with pytest.raises(SystemExit):
        call(place, "warehouse", "freshness", "--max-age", "soon")


def test_a_day_is_cleared_by_a_command_that_wants_a_reason(tmp_path, call, capsys):
    warehouse = Warehouse.open(settings(tmp_path))
    publish_day(warehouse, DAY, ["a"], "r1")
    publish_day(warehouse, NEXT, ["a", "b"], "r2")
    clear = ("warehouse", "clear-day", "--date", str(NEXT))
    with pytest.raises(SystemExit) as caught:
        call(tmp_path, *clear)
    assert caught.value.code == 2
    assert "--reason" in capsys.readouterr().err
    code, out, _ = call(tmp_path, *clear, "--reason", "M. Rossi: a test export")
    assert (code, out) == (0, f"cleared {NEXT}: r2 is published no more\n")
    shown = call(tmp_path, "query", "--format", "csv", "SELECT run_date FROM product_audit_current")
    assert shown[1] == f"run_date\n{DAY}\n"
    code, _, error = call(tmp_path, *clear, "--reason", "again")
    assert (code, error.count("\n")) == (2, 1)
    assert "nothing to clear" in error
    (cleared,) = [run for run in warehouse.runs() if run.job == "clear"]
    assert cleared.figures == {"cleared": "r2", "reason": "M. Rossi: a test export"}
    assert "M. Rossi: a test export" in call(tmp_path, "runs", "--date", str(NEXT))[1]
    of_the_day_before = call(tmp_path, "runs", "--date", str(DAY), "--format", "json")[1]
    assert [run["run_id"] for run in json.loads(of_the_day_before)] == ["r1"]
