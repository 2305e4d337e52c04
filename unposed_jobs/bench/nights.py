"""Ratio 6: what a second night costs, unchanged and with one picture in a hundred changed.

The real job, Iceberg tables included, on a catalogue of files. A run has a fixed cost, whatever
the catalogue's size (Spark's jobs, the commits, the views); it is measured on a catalogue of a
few pictures, and every figure is told with it and without.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from unposed_jobs.bench import pictures, rounds, sessions
from unposed_jobs.bench.child import Child
from unposed_jobs.bench.extraction import DAY, warehouse_settings
from unposed_jobs.bench.results import Measured, Result, Target, quotients, spread
from unposed_jobs.config import CatalogueSettings, PoseSettings, Settings

Named = tuple[str, str, Target]
UNCHANGED, CHANGED = Target("at_most", 0.005), Target("at_most", 0.02)
RATIOS: list[Named] = [
    ("6 unchanged", "second night, nothing changed ÷ first night", UNCHANGED),
    ("6 unchanged, a picture", "the same without a run's fixed cost", UNCHANGED),
    ("6 changed", "second night, 1 % changed ÷ first night", CHANGED),
    ("6 changed, a picture", "the same without a run's fixed cost", CHANGED),
]
CHANGED_SHARE = 0.01
_PICTURES_OF_A_PRODUCT = 4
_FEW = 4
_OTHER_TURN = 1_000
"""No picture of the folder was made with it."""


class Nights:
    """A catalogue of the first `count` pictures of a folder, and nights over it in one session."""

    def __init__(self, source: str, count: int, pose: PoseSettings, cores: int) -> None:
        self._source = sorted(Path(source).iterdir())[:count]
        self._pose = pose
        self._spark = sessions.local(cores)
        self._folder = tempfile.TemporaryDirectory()
        self._rounds = 0
        self._few = self._catalogue("few", self._source[:_FEW])
        self._night(self._few)
        self._settings: Settings | None = None

    def round(self, changed: int) -> dict[str, Any]:
        """A first night on a new warehouse, one unchanged, one with so many changed pictures.

        Before each of the last two the same night of the catalogue of a few, which is nearly all
        fixed cost; there, one picture is changed. Seconds and figures of each.
        """
        self._rounds += 1
        settings = self._catalogue(f"round{self._rounds}", self._source)
        found = {"cold": self._night(settings)}
        found["few_unchanged"] = self._night(self._few)
        found["unchanged"] = self._night(settings)
        self._change(self._few, 1)
        self._change(settings, changed)
        found["few_changed"] = self._night(self._few)
        found["changed"] = self._night(settings)
        return found

    def close(self) -> None:
        """Stop the session, remove the files."""
        self._spark.stop()
        self._folder.cleanup()

    def _night(self, settings: Settings) -> dict[str, Any]:
        from unposed_jobs.jobs import extract
        from unposed_jobs.jobs.entry import Run

        start = time.perf_counter()
        figures = extract.run(self._spark, settings, Run(DAY, progress=lambda line: None))
        return {"seconds": time.perf_counter() - start, "figures": figures}

    def _catalogue(self, name: str, chosen: list[Path]) -> Settings:
        folder = Path(self._folder.name) / name
        (folder / "pictures").mkdir(parents=True)
        rows = []
        for number, path in enumerate(chosen):
            target = folder / "pictures" / path.name
            target.symlink_to(path)
            product, position = divmod(number, _PICTURES_OF_A_PRODUCT)
            rows.append((f"P{product:07}", str(target), position + 1))
        products = [(product, "made", 4.0, 10) for product in sorted({row[0] for row in rows})]
        _csv(folder / "products.csv", "product_id,category,average_rating,rating_count", products)
        _csv(folder / "images.csv", "product_id,image_uri,position", rows)
        return Settings(
            warehouse=warehouse_settings(folder),
            catalogue=CatalogueSettings(
                products=str(folder / "products.csv"), images=str(folder / "images.csv")
            ),
            pose=self._pose,
        )

    @staticmethod
    def _change(settings: Settings, changed: int) -> None:
        found = sorted((Path(settings.catalogue.images).parent / "pictures").iterdir())
        for number in range(changed):
            path = found[number * len(found) // changed]
            data = pictures.varied(path.read_bytes(), _OTHER_TURN)
            made = path.with_suffix(".new")
            made.write_bytes(data)
            os.replace(made, path)


def _csv(path: Path, header: str, rows: list[Any]) -> None:
    with path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def measure(folder: Path, count: int, pose: PoseSettings, cores: int, number: int) -> list[Result]:
    """Ratio 6 in `number` rounds, each on a warehouse of its own."""
    changed = max(1, round(CHANGED_SHARE * count))
    with Child(Nights, str(folder), count, pose, cores) as child:
        taken = rounds.turns({"nights": lambda: child.call("round", changed)}, number)["nights"]
    seconds = {name: [turn[name]["seconds"] for turn in taken] for name in taken[0]}
    last = {name: found["figures"] for name, found in taken[-1].items()}
    figures = {"pictures": count, "nights": {name: _told(found) for name, found in last.items()}}
    proof = (
        f"the unchanged night read {_read(last['unchanged'])} pictures and extracted "
        f"{last['unchanged']['extracted']} of {last['unchanged']['pictures']}; the other read "
        f"{_read(last['changed'])} and extracted {last['changed']['extracted']}"
    )
    note = f"{count} pictures; {proof}"
    return [
        *_both((RATIOS[0], RATIOS[1]), "unchanged", seconds, figures, note),
        *_both((RATIOS[2], RATIOS[3]), "changed", seconds, figures, note),
    ]


def _both(
    pair: tuple[Named, Named],
    name: str,
    seconds: dict[str, list[float]],
    figures: dict[str, Any],
    note: str,
) -> list[Result]:
    """A ratio with a run's fixed cost and without it."""
    whole, net = pair
    ours, cold = Measured(f"{name} night", "s", seconds[name]), seconds["cold"]
    first = Measured("first night", "s", cold)
    fixed = spread(seconds[f"few_{name}"])[1]
    above = Measured(f"{name} night above the fixed cost", "s", [a - fixed for a in ours.values])
    first_above = Measured("first night above it", "s", [a - fixed for a in cold])
    subtracted = (
        f"a run's fixed cost, {fixed:.2f} s (the same night of {_FEW} pictures), is subtracted "
        "from both sides; in a large catalogue it no longer matters"
    )
    # Where noise is larger than the cost, it is not told as less than nothing.
    without = [max(0.0, a) / b for a, b in zip(above.values, first_above.values, strict=True)]
    return [
        Result(*whole, ours, first, quotients(ours, first), figures=figures, notes=[note]),
        Result(
            *net,
            above,
            first_above,
            without,
            figures={"fixed_seconds": seconds[f"few_{name}"]},
            notes=[subtracted],
        ),
    ]


def _read(figures: dict[str, Any]) -> int:
    """Pictures whose bytes a night read: change detection leaves the unchanged ones alone."""
    return int(figures["pictures"] - figures["unchanged"] - figures["failed"])


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if key != "snapshots"}
