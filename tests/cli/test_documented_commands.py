"""Every command of README and documentation is one that `unposed` takes as it is written."""

import re
import shlex
from pathlib import Path

import pytest

from unposed_jobs.cli import build_parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STANDING_FOR = {"DAY": "2026-01-05", "N": "3", "VERSION": "v1", "…": ""}
"""What readers put in the place of a word in capitals."""
OPENING = re.compile(r"[\[({<]|\.\.\.|…")


def commands(page: Path) -> list[str]:
    """Lines of code blocks that start with `unposed`, joined where a backslash ends them."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("unposed ")]


WRITTEN = [(page, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(
    ("page", "line"), WRITTEN, ids=[f"{page.name}: {line[:60]}" for page, line in WRITTEN]
)
def test_it_is_taken(page: Path, line: str, capsys) -> None:
    words = shlex.split(line, comments=True)[1:]
    ends = [number for number, word in enumerate(words) if word in ("|", ">", ";", "&&")]
    words = words[: ends[0]] if ends else words
    words = [STANDING_FOR.get(word, word) for word in words if not OPENING.match(word)]
    code = 0
    try:
        build_parser().parse_args(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 0, f"{page.name}: {line}\n{capsys.readouterr().err}"


def test_there_are_some() -> None:
    assert len(WRITTEN) > 30
    assert any(page.name == "README.md" for page, _ in WRITTEN)
