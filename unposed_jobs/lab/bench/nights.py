"""Ratio 6: what a second night costs, unchanged and with one picture in a hundred changed.

The real job, Iceberg tables included, on a catalogue of files; each night is of another day. A run
has a fixed cost, whatever the catalogue's size (Spark's jobs, the commits, the views), which is
measured on a catalogue of a few pictures. The session is warm, as ratio 5's sides are. Every ratio
is given twice: as timed, where on a few hundred pictures the fixed cost is most of a later night;
and for a picture more, without it. For the latter the same pictures are then listed at many more
addresses: what one unchanged picture costs cannot be told apart from noise on a few hundred.
"""

from __future__ import annotations

import csv
import itertools
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from unposed_jobs.config import CatalogueSettings, PoseSettings, Settings, StorageSettings
from unposed_jobs.lab.bench import pictures, rounds, sessions
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.extraction import DAY, warehouse_settings
from unposed_jobs.lab.bench.results import Measured, Result, Target, number, spread

Named = tuple[str, str, Target]
UNCHANGED, CHANGED = Target("at_most", 0.005), Target("at_most", 0.02)
RATIOS: list[Named] = [
    ("6 unchanged", "second night, nothing changed ÷ first night", UNCHANGED),
    ("6 unchanged, a picture", "the same for each picture, without a run's fixed cost", UNCHANGED),
    ("6 changed", "second night, 1 % changed ÷ first night", CHANGED),
    ("6 changed, a picture", "the same for each picture, without a run's fixed cost", CHANGED),
]
CHANGED_SHARE = 0.01
_PICTURES_OF_A_PRODUCT = 4
_FEW = 4
_WARMING = 8
"""Nights before anything is timed: after four the next two still took half as long again."""
_REPEATS = 3
"""Later nights of a kind: one takes seconds, and another thing that runs then would decide."""
_OTHER_TURN = 1_000
"""No picture of the folder was made with it."""


class Nights:
    """A catalogue of the first `count` pictures of a folder, and nights over it in one session."""

    def __init__(
        self, source: str, count: int, pose: PoseSettings, cores: int, warming: int
    ) -> None:
        self._source = sorted(Path(source).iterdir())[:count]
        self._pose = pose
        self._spark = sessions.local(cores)
        self._folder = tempfile.TemporaryDirectory()
        self._rounds = 0
        self._few = self._catalogue("few", self._source[:_FEW])
        self._turn = _OTHER_TURN
        # By then the JVM has compiled what a night of so many asks of it; a few contents do.
        like = self._catalogue("warming", self._source[:_FEW])
        _list(_folder(like), self._source[:_FEW], count)
        for days in range(warming):
            self._night(self._few, days)
            self._night(like, days)

    def round(self, listed: int, repeats: int) -> dict[str, list[dict[str, Any]]]:
        """A first night on a new warehouse, `repeats` unchanged, as many with some pictures changed
        before each; then, after a night that learns of `listed` addresses, the later ones again.

        Before each the same night of the catalogue of a few, which is nearly all fixed cost;
        there, one picture is changed. Seconds and figures of each.
        """
        self._rounds += 1
        settings = self._catalogue(f"round{self._rounds}", self._source)
        found, days = {"cold": [self._night(settings, 0)]}, itertools.count(1)
        for name in ("", "many_"):
            if name:
                self._list(settings, listed)
                found["listing"] = [self._night(settings, next(days))]
            for kind in ("unchanged", "changed"):
                nights = found[f"{name}{kind}"] = []
                few = found[f"{name}few_{kind}"] = []
                for day in itertools.islice(days, repeats):
                    if kind == "changed":
                        known = found[f"{name}unchanged"][0]["figures"]["pictures"]
                        self._change(self._few, 1)
                        self._change(settings, max(1, round(CHANGED_SHARE * known)))
                    few.append(self._night(self._few, day))
                    nights.append(self._night(settings, day))
        return found

    def close(self) -> None:
        """Stop the session, remove the files."""
        self._spark.stop()
        self._folder.cleanup()

    def _night(self, settings: Settings, days: int) -> dict[str, Any]:
        from unposed_jobs.jobs import extract
        from unposed_jobs.jobs.entry import Run

        run = Run(DAY + timedelta(days=days), progress=lambda line: None)
        start = time.perf_counter()
        figures = extract.run(self._spark, settings, run)
        return {"seconds": time.perf_counter() - start, "figures": figures}

    def _catalogue(self, name: str, chosen: list[Path]) -> Settings:
        folder = Path(self._folder.name) / name
        (folder / "pictures").mkdir(parents=True)
        _list(folder, chosen)
        return Settings(
            warehouse=warehouse_settings(folder),
            catalogue=CatalogueSettings(
                products=str(folder / "products.csv"), images=str(folder / "images.csv")
            ),
            pose=self._pose,
            storage=StorageSettings(roots=("/",)),  # The pictures are links.
        )

    def _list(self, settings: Settings, listed: int) -> None:
        _list(_folder(settings), self._source, listed)

    def _change(self, settings: Settings, changed: int) -> None:
        found = sorted((_folder(settings) / "pictures").iterdir())
        self._turn += 1
        for place in range(changed):
            path = found[place * len(found) // changed]
            # Two addresses of one picture become two pictures.
            data = pictures.varied(path.read_bytes(), self._turn) + b"%d" % place
            made = path.with_suffix(".new")
            made.write_bytes(data)
            os.replace(made, path)


def _folder(settings: Settings) -> Path:
    return Path(settings.catalogue.images).parent


def _list(folder: Path, chosen: list[Path], count: int | None = None) -> None:
    """Write the sources of a catalogue of `count` addresses of these pictures."""
    targets = []
    for place in range(count or len(chosen)):
        path = chosen[place % len(chosen)]
        target = folder / "pictures" / f"{place:07}{path.suffix}"
        if not target.exists():
            target.symlink_to(path)
        targets.append(str(target))
    write_list(folder, targets)


def write_list(folder: Path, addresses: list[str]) -> None:
    """Write products.csv and images.csv of a catalogue of these pictures."""
    rows = []
    for place, address in enumerate(addresses):
        product, position = divmod(place, _PICTURES_OF_A_PRODUCT)
        rows.append((f"P{product:07}", address, position + 1))
    products = [(product, "made", 4.0, 10) for product in sorted({row[0] for row in rows})]
    _csv(folder / "products.csv", "product_id,category,average_rating,rating_count", products)
    _csv(folder / "images.csv", "product_id,image_uri,position", rows)


def _csv(path: Path, header: str, rows: list[Any]) -> None:
    with path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(header.split(","))
        writer.writerows(rows)


def measure(
    folder: Path,
    sizes: tuple[int, int],
    pose: PoseSettings,
    cores: int,
    times: int,
    *,
    repeats: int = _REPEATS,
    warming: int = _WARMING,
) -> list[Result]:
    """Ratio 6 in `times` rounds, each on a warehouse of its own.

    `sizes`: so many pictures are extracted on a first night; later they are at so many addresses,
    or at as many.
    """
    count, listed = sizes[0], max(sizes)
    with Child(Nights, str(folder), count, pose, cores, warming) as child:
        taken = rounds.turns({"nights": lambda: child.call("round", listed, repeats)}, times)
    seconds = {
        name: [[night["seconds"] for night in turn[name]] for turn in taken["nights"]]
        for name in taken["nights"][0]
    }
    last = {name: nights[-1]["figures"] for name, nights in taken["nights"][-1].items()}
    figures = {
        "pictures": count,
        "listed": listed,
        "seconds": seconds,
        "nights": {name: _night_figures(found) for name, found in last.items()},
    }
    found = []
    for place, name in enumerate(("unchanged", "changed")):
        found.append(_whole(RATIOS[2 * place], name, seconds, figures))
        found.append(_net(RATIOS[2 * place + 1], name, seconds, figures))
    return found


_Seconds = dict[str, list[list[float]]]
"""Of each kind of night, by round."""


def _whole(named: Named, name: str, seconds: _Seconds, figures: dict[str, Any]) -> Result:
    night = figures["nights"][name]
    note = (
        f"as timed, {figures['pictures']} pictures, of which the {name} night read {_read(night)} "
        f"and extracted {night['extracted']}"
    )
    sides = _sides(name, "s", seconds[name], seconds["cold"])
    return Result(*named, *sides, figures=figures, notes=[note])


def _net(named: Named, name: str, seconds: _Seconds, figures: dict[str, Any]) -> Result:
    """Milliseconds for each picture, the fixed cost of such a run subtracted from each side."""
    count, listed = figures["pictures"], figures["listed"]
    fixed = {
        kind: spread(_all(seconds[f"few_{kind}"] + seconds[f"many_few_{kind}"]))[1]
        for kind in ("unchanged", "changed")
    }

    def each(nights: list[list[float]], less: float, pictures: int) -> list[list[float]]:
        # Where noise is larger than the cost, it is not told as less than nothing.
        return [[1000 * max(0.0, night - less) / pictures for night in turn] for turn in nights]

    later = each(seconds[f"many_{name}"], fixed[name], listed)
    # A first night writes what a night with changes writes.
    first = each(seconds["cold"], fixed["changed"], count)
    if not all(_all(first)):
        why = f"{count} pictures: their first night took no longer than a run's fixed cost"
        return Result(*named, absent=why)
    night = figures["nights"][f"many_{name}"]
    notes = [
        f"for each picture of {listed:,}, of which the night read {_read(night)} and extracted "
        f"{night['extracted']}; less a run's fixed cost, {number(fixed[name])} s and, of the first "
        f"night, {number(fixed['changed'])} s (such nights of {_FEW} pictures); "
        + _enough(
            named[2].value,
            fixed[name] - named[2].value * fixed["changed"],
            _all(later),
            _all(first),
        )
    ]
    return Result(
        *named,
        *_sides(name, "ms", later, first),
        figures={"fixed_seconds": fixed},
        notes=notes,
    )


def _sides(
    name: str, unit: str, later: list[list[float]], first: list[list[float]]
) -> tuple[Measured, Measured, list[float]]:
    """Both sides, and each later night over the first one of its round."""
    ratios = [
        night / cold for nights, (cold,) in zip(later, first, strict=True) for night in nights
    ]
    ours = Measured(f"{name} night", unit, _all(later))
    return ours, Measured("first night", unit, _all(first)), ratios


def _all(turns: list[list[float]]) -> list[float]:
    return list(itertools.chain.from_iterable(turns))


def _enough(share: float, fixed: float, each: list[float], first: list[float]) -> str:
    """From which size on the whole night, fixed cost included, is within the share."""
    gain = (share * spread(first)[1] - spread(each)[1]) / 1000
    if gain <= 0:
        return "no catalogue is large enough for the target"
    size = number(float(f"{max(0.0, fixed) / gain:.2g}"))
    return f"from {size} pictures on, the whole night is within the target"


def _read(figures: dict[str, Any]) -> int:
    """Pictures whose bytes a night read: change detection leaves the unchanged ones alone."""
    return int(figures["pictures"] - figures["unchanged"] - figures["failed"])


def _night_figures(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if key != "snapshots"}
