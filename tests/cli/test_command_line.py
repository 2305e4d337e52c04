"""What every command has in common."""

import pytest

from unposed_jobs import cli
from unposed_jobs.cli import query
from unposed_jobs.errors import UnposedError


def test_without_a_command_there_is_help(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert "sample-catalogue" in shown
    assert "--version" in shown


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
