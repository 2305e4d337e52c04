"""Cards: pages of figures with a section a command, which leaves the others as they are."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """Its title on the page, and what writes it of a command's JSON."""

    title: str
    text: Callable[[Content], str]


@dataclass(frozen=True)
class Card:
    """A page: `head` until its first section, `sections` by their words, in their order.

    `name` is the module's, ``python -m NAME KIND FILE --card PAGE`` writes a section.
    """

    name: str
    head: str
    sections: Mapping[str, Section]

    def with_section(self, page: str, kind: str, text: str) -> str:
        """The page with this section in its place; `page` may be empty."""
        parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
        held = dict(zip(parts[1::2], (one.strip() for one in parts[2::2]), strict=True))
        held[self.sections[kind].title] = text.strip()
        titles = [one.title for one in self.sections.values()]
        written = [f"## {title}\n\n{held[title]}\n" for title in titles if title in held]
        return "\n".join([self.head, *written])

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Write the section."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.name}")
        parser.add_argument("kind", choices=self.sections)
        parser.add_argument("figures", type=Path, help="the command's JSON")
        parser.add_argument("--card", type=Path, required=True)
        given = parser.parse_args(arguments)
        content = json.loads(given.figures.read_text(encoding="utf-8"))
        page = given.card.read_text(encoding="utf-8") if given.card.exists() else ""
        text = self.sections[given.kind].text(content)
        given.card.write_text(self.with_section(page, given.kind, text), encoding="utf-8")
        return 0


def judged(command: str, content: Content) -> str:
    """A table of `content`'s figures, each with what is asked of it, below its notes.

    A figure has name, count, value (with low and high where there is an interval), wanted (such as
    ``>= 0.9``; may be empty), holds (None where nothing is asked) and baseline (may be None).
    """
    told = "; ".join(str(line) for line in content["notes"])
    rows = [
        [
            str(one["name"]).replace("|", "/"),
            str(one["count"]),
            value(one["value"]),
            str(one["wanted"]).replace(">=", "≥").replace("<=", "≤"),
            {None: "", True: "yes", False: "**no**"}[one["holds"]],
            "" if one["baseline"] is None else f"{one['baseline']:.3f}",
        ]
        for one in content["figures"]
    ]
    head = ("figure", "n", "value (95 %)", "asked", "holds", "baseline")
    return f"`{command}`: {told}.\n\n{table(head, rows)}"


def value(found: Mapping[str, float]) -> str:
    """In three digits, with its interval where it has one."""
    if not math.isfinite(found.get("low", math.nan)):
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, all but the first column to the right."""
    aligned = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, aligned, *rows))
