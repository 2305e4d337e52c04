"""The results as tables on a terminal: one for each data set and protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unposed_jobs.lab.evaluation import subcategories
from unposed_jobs.lab.evaluation.bootstrap import Interval
from unposed_jobs.lab.evaluation.naming import UNKNOWN
from unposed_jobs.lab.evaluation.summary import Entry

TITLES = {
    "picture_labels": "Labels of pictures, classes named on other products",
    "present_poses": "Labels that a product shows",
    "removed_view": "A view taken away from complete products",
    "removed_view_audited": "A view taken away from complete products, through the audit itself",
    "paper_ratio": "The paper's ratio, labels detected missing ÷ truly missing, and F1 of them",
    "flip_rate": "Flags that differ between two trainings, no picture changed",
    "published_flags": "Published flags",
    "ranking_quality": "Order of the missing poses",
    "hidden_view": "A view that a product shows, hidden: where would the order ask for it?",
    "confidence": "Confidence: does it separate right from wrong?",
    "false_persons": "Persons found where nobody is, and persons found rightly",
    "joint_places": "Joints in the frame within a quarter of the torso of the truth",
    "named_right": "Pictures without a person that are named what they are",
    "backs": "Backs that are named backs",
    "kept_ids": "Ids that two trainings share and that mean the same pose",
    "paper_table": "The paper's Table 1: labels detected missing ÷ truly missing",
}
FIGURES = {
    "macro_f1": "macro-F1",
    "kappa": "Cohen's κ",
    "f1": "F1",
    "mcc": "MCC",
    "precision": "precision",
    "recall": "recall",
    "false_alarms": "false alarms",
    "products_alarmed": "products alarmed",
    "unassessable": "unassessable",
    "ratio": "ratio",
    "missing_f1": "F1 of missing",
    "flip_rate": "share",
    "accuracy": "accuracy",
    "accuracy_kept": "of kept",
    "coverage": "kept",
    "ece": "calib. error",
    "brier": "Brier score",
    "false_persons": "false persons",
    "persons_found": "persons found",
    "found": "person found",
    "placed": "in place",
    "sided": "left and right",
    "named_right": "named right",
    "backs": "backs named back",
    "same_meaning": "same pose",
    "ndcg@3": "NDCG@3",
    "ndcg@5": "NDCG@5",
    "mrr": "recipr. rank",
    "gain": "NDCG@5 points gained",
}

F1 = "missing_f1"
WIDE = 6
"""A confusion matrix of more labels than this numbers its columns."""


def print_entries(entries: Sequence[Entry], console: Console, mistakes: bool = False) -> None:
    """Print every result with its 95 % interval, its baselines and its sample size.

    `mistakes`: also list the pictures that are wrong most often.
    """
    for data in dict.fromkeys(entry.data for entry in entries):
        console.print(Text(data, style="bold reverse"), "\n")
        own = [entry for entry in entries if entry.data == data]
        for protocol in dict.fromkeys(entry.result.protocol for entry in own):
            group = [entry for entry in own if entry.result.protocol == protocol]
            title = TITLES.get(protocol, protocol)
            if protocol == subcategories.PROTOCOL:
                console.print(_by_group(title, group, "ratio"))
                console.print(_by_group("The same products: F1 of the missing labels", group, F1))
                continue
            console.print(_figures(title, group))
            for entry in group:
                for note in entry.result.notes:
                    console.print(Text(f"  {entry.method}: {note}", style="dim"))
            for entry in group:
                for name, rows in entry.result.details.items():
                    console.print(_details(name, rows))
                if entry.result.confusion is not None:
                    console.print(_confusion(entry))
                if mistakes and entry.mistakes:
                    console.print(_mistakes(entry))


def _figures(title: str, entries: Sequence[Entry]) -> Table:
    """Rows are methods, then the baselines; one set of baselines where all entries share it."""
    table = _table(title)
    table.add_column("", overflow="fold")
    table.add_column("pictures / products", justify="right", min_width=10)
    names = list(entries[0].result.figures)
    for name in names:
        table.add_column(FIGURES.get(name, name), no_wrap=True)
    shared = all(entry.result.baselines == entries[0].result.baselines for entry in entries)
    for entry in entries:
        result = entry.result
        count = f"{result.pictures:,} / {result.products:,}"
        name = f"{entry.method}, {entry.group}" if entry.group else entry.method
        table.add_row(name, count, *(figure_text(result.figures[item]) for item in names))
        if not shared or entry is entries[-1]:
            for rival, values in result.baselines.items():
                cells = [figure_text(values[name]) for name in names]
                table.add_row(Text(f"  {rival}"), "", *cells, style="dim")
    return table


def columns(entries: Sequence[Entry]) -> dict[str, dict[str, dict[str, Interval]]]:
    """Of a table by group: for each group the methods' figures, then the baselines'."""
    rows: dict[str, dict[str, dict[str, Interval]]] = {}
    for entry in entries:
        rows.setdefault(entry.group, {})[entry.method] = entry.result.figures
    for entry in entries:
        rows[entry.group] |= entry.result.baselines
    return rows


def _by_group(title: str, entries: Sequence[Entry], figure: str) -> Table:
    """The layout of the paper's Table 1: groups by methods and baselines."""
    rows = columns(entries)
    products = {entry.group: entry.result.products for entry in entries}
    table = _table(title)
    table.add_column("")
    table.add_column("products", justify="right")
    for name in next(iter(rows.values())):
        table.add_column(name)
    for group, cells in rows.items():
        table.add_row(
            group, str(products[group]), *(figure_text(cell[figure]) for cell in cells.values())
        )
    return table


def _details(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(title)
    for name in rows[0] if rows else ():
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, Interval):
        return figure_text(value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def figure_text(figure: Interval) -> str:
    """A figure with its interval, as in "0.750 (0.73–0.77)"; a dash where it is not defined."""
    if not math.isfinite(figure.value):
        return "–"
    if not math.isfinite(figure.low):
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.2f}–{figure.high:.2f})"


def _confusion(entry: Entry) -> Table:
    result = entry.result
    assert result.confusion is not None
    table = _table(f"{entry.method}: rows are the true labels, columns ours")
    table.add_column("", no_wrap=True)
    # Many labels have no room above their columns: numbers stand for them.
    many = len(result.labels) > WIDE
    heads = [str(number) for number in range(1, len(result.labels) + 1)]
    for head in (*(heads if many else result.labels), UNKNOWN):
        table.add_column(head, justify="right")
    for row, label in enumerate(result.labels):
        cells = [
            Text(f"{count:.0f}", style="bold" if row == column else "" if round(count) else "dim")
            for column, count in enumerate(result.confusion[row])
        ]
        table.add_row(f"{heads[row]:>2} {label}" if many else label, *cells)
    return table


def _mistakes(entry: Entry) -> Table:
    table = _table(f"{entry.method}: worst mistakes")
    table.add_column("picture", overflow="fold")
    for name in ("true label", "ours", "share of repeats", "confidence"):
        table.add_column(name)
    for item in entry.mistakes:
        sure = "" if item.confidence is None else f"{item.confidence:.2f}"
        table.add_row(Text(item.image), item.truth, item.predicted, f"{item.share:.0%}", sure)
    return table


def _table(title: str) -> Table:
    return Table(
        title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False
    )
