"""What every command has in common."""

import argparse
import os
import subprocess
import sys
from datetime import date

import pytest

from unposed_jobs import cli
from unposed_jobs.cli import query
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs import entry


def test_without_a_command_there_is_help(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert "sample-catalogue" in shown
    assert "--version" in shown


@pytest.mark.parametrize(
    ("line", "found"), [("unposed que", "query "), ("unposed runs --form", "--format ")]
)
def test_a_shell_completes_commands_and_flags(tmp_path, line, found):
    """In a process of its own: completion ends it, and its file descriptors."""
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": " ",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "unposed_jobs.cli"], env=os.environ | asked, check=True)
    assert answer.read_text() == found


def test_colours_can_be_turned_off(monkeypatch):
    from rich.console import Console

    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(force_terminal=True).no_color


def test_an_old_name_of_a_flag_works_and_warns(capsys):
    arguments = cli.build_parser().parse_args(
        ["sample-catalogue", "--out", "x", "--day", "2026-02-01"]
    )
    assert arguments.date == date(2026, 2, 1)
    assert capsys.readouterr().err == "unposed: --day is now --date\n"


def test_flags_that_exclude_each_other_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--landmarks", "x.parquet", "--estimator", "movenet-thunder"]
    arguments = cli.build_parser().parse_args(["extract", *flags])
    with pytest.raises(UnposedError, match="--landmarks and --estimator exclude each other"):
        entry.settings_of(arguments)


def test_an_end_by_the_keyboard_is_one_line(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(query, "run", interrupted)
    assert cli.main(["query", "SELECT 1"]) == cli.INTERRUPTED
    assert capsys.readouterr().err.splitlines() == [
        "unposed: interrupted; what was committed stays, run it again"
    ]


@pytest.mark.parametrize(("flags", "traced"), [([], False), (["-v"], True)])
def test_a_trace_is_shown_where_more_is_asked_for(monkeypatch, capsys, flags, traced):
    def refuses(arguments):
        raise UnposedError("no such thing; do another")

    monkeypatch.setattr(query, "run", refuses)
    assert cli.main([*flags, "query", "SELECT 1"]) == UnposedError.exit_code
    err = capsys.readouterr().err
    assert ("Traceback" in err) == traced
    assert err.endswith("unposed: no such thing; do another\n")


def test_every_help_fits_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    waiting, checked = [cli.build_parser()], 0
    while waiting:
        parser, checked = waiting.pop(), checked + 1
        long = [line for line in parser.format_help().splitlines() if len(line) > 80]
        assert long == [], parser.prog
        assert {"-v", "-q"} < set(parser._option_string_actions), parser.prog
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
    assert checked > 25


@pytest.mark.parametrize(
    "line",
    [
        ["train", "--products", "none.csv", "--images", "none.csv"],
        ["people", "add"],
        ["audit", "--landmarks", "a.csv", "--estimator", "b"],
    ],
)
def test_what_fails_on_its_arguments_makes_nothing(tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "home"))
    assert cli.main(line) == 2
    assert capsys.readouterr().err.startswith("unposed: ")
    assert list(tmp_path.iterdir()) == []
