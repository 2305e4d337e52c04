"""The runbooks are whole: pages that are named exist, and their commands are understood."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from unposed_jobs import errors
from unposed_jobs.cli import build_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/runbooks").glob("*.md"))


def commands(program: str) -> list[tuple[str, str]]:
    """(page, command) of every command in a block or between ticks that has arguments."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [
            line.strip()
            for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)
            for line in block.splitlines()
        ]
        plain = re.sub(r"```\n.*?```", "", text, flags=re.DOTALL)
        lines += re.findall(rf"`({program} [^`]+)`", plain.replace("\n   ", " "))
        found += [(page.name, line) for line in lines if line.startswith(f"{program} ")]
    return found


@pytest.mark.parametrize(("page", "command"), commands("unposed"))
def test_a_command_of_ours_is_understood(page, command):
    build_parser().parse_args(shlex.split(command)[1:])


def test_airflows_commands_are_understood(airflow_home):
    from airflow.cli.cli_parser import get_parser

    parser = get_parser()
    found = commands("airflow")
    assert len(found) >= 8
    for _, command in found:
        parser.parse_args(shlex.split(command)[1:])


def test_every_page_is_in_the_list_and_every_link_leads_somewhere():
    listed = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert (page.parent / target).is_file(), (page.name, target)
        if page.name != "README.md":
            assert f"({page.name})" in listed
            assert text.count("```") % 2 == 0


def test_every_exit_status_and_procedure_has_a_page(airflow_home):
    statuses = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.UnposedError)
    } | {5}
    names = {page.name for page in PAGES}
    for status in statuses - {99}:
        assert any(name.startswith(f"exit-{status}-") for name in names), status
    listed = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    assert "exit 99" in listed
    for task in (
        "re-do-a-day",
        "re-do-a-month",
        "roll-a-model-back",
        "a-bad-model-went-live",
        "the-export-was-broken",
        "the-warehouse-is-behind",
        "move-to-another-bucket",
    ):
        assert f"{task}.md" in names


def test_dags_that_runbooks_name_exist(dag_bag):
    for page, command in commands("airflow"):
        for name in re.findall(r"unposed_\w+", command):
            assert name in dag_bag.dags, (page, name)
