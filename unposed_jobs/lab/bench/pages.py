"""The pages of `unposed serve` over a large catalogue: how long they take, and what they hold.

    python -m unposed_jobs.lab.bench.pages [--products 1000000] [--small 10000]

A server in a process of its own answers as one person after another asks: each page is asked for
in turns at both sizes, through the whole application, and its times at the large size stand beside
those at the small one. Two million rows of flags a night and more need some 10 GiB of disk.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from unposed_jobs import config
from unposed_jobs.arguments import Parser, positive
from unposed_jobs.config import Settings
from unposed_jobs.lab.bench import machine, pages_catalogue, pages_report
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.lab.bench.pages_report import Report

FIRST_PAGE_SECONDS, SEARCH_SECONDS = 1.0, 0.3
"""What is aimed at, of a million products on two cores."""
DECIDED = 5_000
"""Gaps that people have decided about, where a page is named so."""
_PAGES = {
    "first page": "/work",
    "products": "/products",
    "a product": "/product?id={product}",
    "landmarks, mask and crops of a picture": "/overlay?content={content}",
    "poses": "/poses",
    "changes": "/changes",
    "changes, one category, second page": "/changes?category=Dresses&after=200",
    "changes since another day": "/changes?since={earliest}",
    "trends by brand": "/changes?by=brand",
    "CSV of 10,000": "/work/export?as=csv&category=Tops",
    "CSV of 10,000 changes": "/changes/export?as=csv",
}
_SEARCHES = {
    "search an id": "/products?q=001-p0004999",
    "search a title": "/work?q=linen+shirt+77",
    "search for nothing": "/products?q=no+such+product",
    "one category": "/work?category=Dresses",
    "one brand, one ask": "/work?col.brand=Brand+7&ask=3",
    "one remedy": "/work?remedy=photograph",
    "one marketplace's rule": "/work?unready=amazon&rule=white_ground",
    "longest open": "/work?sort=age",
    "worth most, as estimated": "/work?sort=estimated",
    "deep in the list": "/work?sort=popularity&after={deep}",
    "deep in the products": "/products?sort=popularity&after={deep}",
}
_DECIDED_PAGES = {
    "first page, 5,000 decided": "/work",
    "poses, pictures labelled": "/poses",
}
_DECIDED = {
    "what is assigned to Kim": "/work?assignee=Kim",
    "what is waived": "/work?state=waived",
    "what is not assigned, one category": "/work?state=open&category=Tops",
}


class Server:
    """The application over one size, asked without a network."""

    def __init__(self, home: str, products: int, days: int) -> None:
        self._home, self._products, self._days = Path(home), products, days
        self._settings = settings_of(self._home)
        self._made: Any = None
        self._client: Any = None

    def make(self) -> float:
        """Write the catalogue's published days; seconds."""
        start = time.monotonic()
        pages_catalogue.publish(self._settings, self._products, self._days)
        return time.monotonic() - start

    def start(self) -> dict[str, float]:
        """Make the day ready and log in; seconds, MiB of the files, MiB of this process at most."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fastapi.testclient import TestClient
        from unposed_jobs.decisions import Store
        from unposed_jobs.web import app, changes
        from unposed_jobs.web.people import People

        store = Store.open(self._settings.decisions.store)
        self._made = app.create(self._settings, store)
        start = time.monotonic()
        day = self._made.state.days.latest()
        ready = time.monotonic() - start
        changes.prepare(day)  # Under way already; this waits for it.
        prepared = time.monotonic() - start - ready
        self._client = TestClient(self._made, base_url="http://127.0.0.1")
        self._client.post("/login", data={"token": People(store).add("bench", "owner", "bench")})
        beside = [one.stat().st_size for one in day.path.parent.glob("changes-*.duckdb")]
        return {
            "ready_seconds": ready,
            "changes_seconds": prepared,
            "file_mib": day.path.stat().st_size / 2**20,
            "changes_mib": sum(beside) / 2**20,
            "started_mib": _peak_mib(),
        }

    def decide(self) -> float:
        """Waive, assign and do the first gaps, as a bulk action does; seconds."""
        from unposed_jobs.decisions import Decision
        from unposed_jobs.web.filters import Filter
        from unposed_jobs.web.rows import gap_rows

        day = self._made.state.days.latest()
        start = time.monotonic()
        rows = gap_rows(day, Filter(sort="worth"), "", DECIDED)
        kinds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("waive", {}),
            ("assign", {"assignee": "Kim"}),
            ("done", {}),
        )
        made = [
            Decision(kind, product_id=row["product_id"], ask_id=row["ask_id"], **more)
            for place, row in enumerate(rows)
            for kind, more in [kinds[place % 3]]
        ]
        self._made.state.store.decide(made, "bench")
        seconds = time.monotonic() - start
        looked_at = pages_catalogue.LOOKED_AT
        labels = [
            Decision(
                "shows",
                product_id=f"000-P{looked_at:07}",
                image_uri=f"/made/{looked_at}-{place}.jpg",
                ask_id=place,
                content_sha256=pages_catalogue.content(looked_at, place),
            )
            for place in range(pages_catalogue.PICTURES)
        ]
        self._made.state.store.decide(labels, "bench")
        return seconds

    def ask(self, path: str) -> float:
        """Seconds that a page takes."""
        from unposed_jobs.web.filters import Place

        earliest = pages_catalogue.earliest(self._days)
        path = path.format(
            deep=Place(0.3, "001-P0002500", 2).written(),
            product=f"000-P{pages_catalogue.LOOKED_AT:07}",
            content=pages_catalogue.content(pages_catalogue.LOOKED_AT, 0),
            earliest=earliest,
        )
        start = time.monotonic()
        answer = self._client.get(path)
        answer.raise_for_status()
        return time.monotonic() - start

    def peak(self) -> float:
        """MiB that this process ever held."""
        return _peak_mib()


def settings_of(home: Path) -> Settings:
    """Settings of a made catalogue."""
    found = config.load(
        warehouse__uri=f"sqlite:///{home}/catalog.db",
        warehouse__location=str(home / "warehouse"),
        warehouse__views=str(home / "views.duckdb"),
        decisions__store=f"sqlite:///{home}/decisions.db",
        serve__folder=str(home / "serve"),
        catalogue__products=str(home / "products.csv"),
        catalogue__images=str(home / "products.csv"),
        catalogue__carry=["title", "brand"],
    )
    serve = dataclasses.replace(found.serve, requests_a_minute=10**6, export_rows=10_000)
    return dataclasses.replace(found, serve=serve)


def _peak_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = Parser(prog="python -m unposed_jobs.lab.bench.pages", description=__doc__)
    add = parser.add_argument
    add("--products", type=positive, default=1_000_000, metavar="N", help="of the large size")
    add("--small", type=positive, default=10_000, metavar="N", help="of the small size")
    add("--days", type=positive, default=3, metavar="N", help="published days")
    add("--rounds", type=positive, default=7, metavar="N", help="of each page")
    add("--card", type=Path, metavar="FILE", help="also write the page's section about it")
    add("--json", type=Path, metavar="FILE", help="results (default: $UNPOSED_HOME/bench)")
    given = parser.parse_args(arguments)
    report = _measure(given)
    target = given.json or config.home() / "bench" / "pages.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n")
    print(f"results: {target}")
    print(pages_report.section(report))
    if given.card:
        others, _ = pages_report.split(given.card.read_text() if given.card.is_file() else "")
        given.card.write_text(pages_report.joined(others, pages_report.section(report)))
        print(f"page: {given.card}")
    return 0


def _measure(given: argparse.Namespace) -> Report:
    described = machine.describe()
    with (
        tempfile.TemporaryDirectory(prefix="unposed-pages-") as folder,
        contextlib.ExitStack() as stack,
    ):
        sides, started = [], []
        for size in (given.small, given.products):
            home = Path(folder) / str(size)
            home.mkdir()
            with Child(Server, str(home), size, given.days) as maker:
                print(f"{size} products made in {maker.call('make'):.0f} s", flush=True)
            server = stack.enter_context(Child(Server, str(home), size, given.days))
            started.append(server.call("start"))
            print("  " + ", ".join(f"{k} {v:.1f}" for k, v in started[-1].items()), flush=True)
            sides.append(server)
        pages = _compare(sides, _PAGES, FIRST_PAGE_SECONDS, given.rounds)
        pages += _compare(sides, _SEARCHES, SEARCH_SECONDS, given.rounds)
        decided = [server.call("decide") for server in sides]
        print(f"{DECIDED} decisions in {decided[1]:.1f} s", flush=True)
        pages += _compare(sides, _DECIDED_PAGES, FIRST_PAGE_SECONDS, given.rounds)
        pages += _compare(sides, _DECIDED, SEARCH_SECONDS, given.rounds)
        return {
            "machine": described,
            "products": [given.small, given.products],
            "audited": pages_catalogue.AUDITED,
            "days": given.days,
            "rounds": given.rounds,
            "memory": config.ServeSettings().memory,
            "made": started,
            "decided_seconds": decided,
            "pages": pages,
            "peak_mib": [server.call("peak") for server in sides],
        }


def _compare(
    sides: list[Any], pages: dict[str, str], target: float, rounds: int
) -> list[dict[str, Any]]:
    """Each page in turns at both sizes; exports have no target."""
    print(f"load {os.getloadavg()[0]:.1f}, {len(os.sched_getaffinity(0))} cores")
    found = []
    for name, path in pages.items():
        first = [server.call("ask", path) for server in sides]
        times = [[server.call("ask", path) for server in sides] for _ in range(rounds)]
        small, large = (list(one) for one in zip(*times, strict=True))
        found.append(
            {
                "name": name,
                "target": None if "/export" in path else target,
                "small": small,
                "large": large,
                "first": first[1],
            }
        )
        medians = statistics.median(small), statistics.median(large)
        print(f"{name}: {medians[0]:.3f}, {medians[1]:.3f} s, first {first[1]:.3f}", flush=True)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
