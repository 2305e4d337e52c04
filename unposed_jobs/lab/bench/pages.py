"""The pages of `unposed serve` over a large catalogue: how long they take, and what they hold.

    python -m unposed_jobs.lab.bench.pages [--products 1000000] [--small 10000]

Some thousand made products are audited as a night does it and each stands many times over under
other ids; nothing is rendered. A server in a process of its own then answers as one person after
another asks: each page is asked for in turns at both sizes, through the whole application, and its
times at the large size stand beside those at the small one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from unposed_jobs import config
from unposed_jobs.arguments import Parser, positive
from unposed_jobs.audit.expectations import Expectations
from unposed_jobs.audit.inference import AuditRun, audit_products
from unposed_jobs.audit.pictures import PICTURE
from unposed_jobs.config import AuditSettings, Settings
from unposed_jobs.lab.bench.child import Child
from unposed_jobs.sql import views
from unposed_jobs.warehouse import RunRecord, Warehouse

BEFORE, DAY = datetime.date(2026, 1, 4), datetime.date(2026, 1, 5)
RUN_ID, MODEL = "bench", "made"
AUDITED = 5_000
POSES = 12
PICTURES = 4
FIRST_PAGE_SECONDS, SEARCH_SECONDS = 1.0, 0.3
"""What is aimed at, of a million products on two cores."""
_BATCH = 500
_CATEGORIES = ("Tops", "Trousers", "Dresses", "Outerwear")
_PAGES = {
    "first page": "/work",
    "one category": "/work?category=Dresses",
    "one brand, one ask": "/work?col.brand=Brand+7&ask=3",
    "search an id": "/products?q=001-p0004999",
    "search a title": "/work?q=linen+shirt+77",
    "search for nothing": "/products?q=no+such+product",
    "longest open": "/work?sort=age",
    "one marketplace's rule": "/work?unready=amazon&rule=white_ground",
    "deep in the list": "/work?sort=popularity&after={deep}",
    "products": "/products",
    "a product": "/product?id=000-P0000077",
    "changes": "/changes",
    "CSV of 10,000": "/work/export?as=csv&category=Tops",
}


class Server:
    """The application over one size, asked without a network."""

    def __init__(self, home: str, products: int) -> None:
        self._home, self._products = Path(home), products
        self._settings = settings_of(self._home)
        self._client: Any = None

    def make(self) -> float:
        """Write the catalogue's published day; seconds."""
        start = time.monotonic()
        publish(self._settings, self._products)
        return time.monotonic() - start

    def start(self) -> dict[str, float]:
        """Make the day ready and log in; seconds, MiB of the file, MiB of this process at most."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fastapi.testclient import TestClient
        from unposed_jobs.decisions import Store
        from unposed_jobs.web import app
        from unposed_jobs.web.people import People

        store = Store.open(self._settings.decisions.store)
        made = app.create(self._settings, store)
        start = time.monotonic()
        day = made.state.days.latest()
        seconds = time.monotonic() - start
        client = TestClient(made, base_url="http://127.0.0.1")
        client.post("/login", data={"token": People(store).add("bench", "owner", "bench")})
        self._client = client
        return {
            "seconds": seconds,
            "file_mib": day.path.stat().st_size / 2**20,
            "peak_mib": _peak_mib(),
        }

    def ask(self, path: str) -> float:
        """Seconds that a page takes."""
        if "{deep}" in path:
            from unposed_jobs.web.filters import Place

            path = path.format(deep=Place(0.3, "001-P0002500", 2).written())
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


def publish(settings: Settings, products: int) -> None:
    """Audit made products, write each so often that there are `products`, publish them."""
    copies = max(1, products // AUDITED)
    warehouse = Warehouse.open(settings.warehouse)
    expectations = _expectations()
    tables = [
        audit_products(
            _batch(start, expectations),
            expectations,
            AuditSettings(),
            AuditRun(DAY, RUN_ID, MODEL, ("title", "brand")),
        )
        for start in range(0, min(products, AUDITED), _BATCH)
    ]
    rows = {
        name: pa.concat_tables([getattr(one, name) for one in tables])
        for name in ("pose_flags", "product_audit", "product_images")
    }
    rows["ready_for"] = _judged(rows["product_audit"])
    for day in (BEFORE, DAY):
        _publish(warehouse, day, rows, copies)
    warehouse.rewrite("vocabulary", lambda _: _vocabulary(), "train")
    views.publish(warehouse)
    header = "product_id,category,average_rating,rating_count\n"
    ids = (f"{c:03}-P{n:07}" for c in range(copies) for n in range(min(products, AUDITED)))
    with open(settings.catalogue.products, "w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(
            f"{one},Tops,4.{place % 10},{place * 7919 % 5000}\n" for place, one in enumerate(ids)
        )


def _publish(
    warehouse: Warehouse, day: datetime.date, rows: dict[str, pa.Table], copies: int
) -> None:
    """Each day's rows but for its date; on the day before every twentieth gap was none."""
    run_id = f"{RUN_ID}-{day}"
    for name, found in rows.items():
        dated = found.set_column(
            found.schema.get_field_index("run_date"), "run_date", pa.array([day] * len(found))
        )
        if name == "pose_flags" and day == BEFORE:
            dated = _some_present(dated)
        staged = warehouse.stage(name, run_id).write(_repeated(dated, copies))
        warehouse.write_day(name, day, staged, run_id)
    moment = datetime.datetime(day.year, day.month, day.day, 3, tzinfo=datetime.UTC)
    warehouse.record_run(
        RunRecord(
            run_id=run_id,
            job="audit",
            run_date=day,
            state="published",
            started_at=moment,
            finished_at=moment,
            model_version=MODEL,
        )
    )


def _some_present(flags: pa.Table) -> pa.Table:
    states = [
        "present" if state == "missing" and place % 20 == 0 else state
        for place, state in enumerate(flags["state"].to_pylist())
    ]
    return flags.set_column(flags.schema.get_field_index("state"), "state", pa.array(states))


def _judged(products: pa.Table) -> pa.Table:
    """By two marketplaces; one fails a third of the products."""
    from unposed_jobs.warehouse.tables import TABLES

    rows = []
    for place, row in enumerate(products.select(["run_date", "product_id"]).to_pylist()):
        for market in ("amazon", "zalando"):
            fails = market == "amazon" and place % 3 == 0
            rule = {"rules": "white_ground", "levels": "must", "images": "", "found": "82%"}
            rule |= {"wanted": "98%", "remedies": "cut_out"}
            judged = {name: [value] if fails else [] for name, value in rule.items()}
            whole = {"marketplace": market, "ready": not fails, "judged": 4, "unjudged": 0}
            rows.append(row | whole | judged)
    return pa.Table.from_pylist(rows, TABLES["ready_for"].schema)


def _repeated(rows: pa.Table, copies: int) -> Iterator[pa.RecordBatch]:
    own = [name for name in rows.column_names if name != "run_id"]
    with duckdb.connect() as connection:
        connection.register("made", rows.select(own))
        for copy in range(copies):
            found = connection.sql(
                "SELECT * REPLACE (? || product_id AS product_id) FROM made",
                params=[f"{copy:03}-"],
            )
            yield from found.to_arrow_table().cast(rows.select(own).schema).to_batches()


def _vocabulary() -> pa.Table:
    from unposed_jobs.warehouse.tables import VOCABULARY

    rows: list[dict[str, Any]] = [
        {
            "model_version": MODEL,
            "pose_id": pose,
            "kind": "person",
            "name": f"pose {pose}",
            "shot_code": None,
            "size": 100 - pose,
            "spread": 0.2,
            "exemplars": [],
            "lineage": "new",
            "ask_id": pose,
            "ask_name": f"pose {pose}",
            "asked": True,
            "run_id": "train",
        }
        for pose in range(POSES)
    ]
    return pa.Table.from_pylist(rows, VOCABULARY.schema)


def _expectations() -> Expectations:
    cohorts = {
        "category": [category for category in _CATEGORIES for _ in range(POSES)],
        "pose_id": list(range(POSES)) * len(_CATEGORIES),
        "ask_id": list(range(POSES)) * len(_CATEGORIES),
        "share": [1.0 - 0.05 * pose for pose in range(POSES)] * len(_CATEGORIES),
        "score": [float(POSES - pose) for pose in range(POSES)] * len(_CATEGORIES),
        "example_images": [[f"/made/{pose}.jpg"] for pose in range(POSES)] * len(_CATEGORIES),
    }
    return Expectations.from_tables(_vocabulary(), pa.table(cohorts), ("category",))


def _batch(start: int, expectations: Expectations) -> pa.RecordBatch:
    rng = np.random.default_rng(start)
    rows: list[dict[str, Any]] = []
    for number in range(start, start + _BATCH):
        shown = rng.choice(POSES, rng.integers(0, 2 * PICTURES), replace=True)
        rows.append(
            {
                "product_id": f"P{number:07}",
                "category": _CATEGORIES[number % len(_CATEGORIES)],
                "subcategory": f"kind {number % 9}",
                "product_type": None,
                "carried": [f"Linen shirt {number % 997}", f"Brand {number % 40}"],
                "pictures": [
                    {
                        "image_uri": f"/made/{number}-{place}.jpg",
                        "position": place,
                        "image_status": "ok",
                        "landmark_status": "ok",
                        "pose_id": int(pose),
                        "confidence": 0.9 if rng.random() < 0.85 else 0.3,
                        "kind": "person",
                        "content_sha256": f"{number * 100 + place:064x}",
                        "person_count": 1,
                    }
                    for place, pose in enumerate(shown)
                ],
            }
        )
    texts = ("product_id", "category", "subcategory", "product_type")
    schema = pa.schema(
        [(name, pa.string()) for name in texts]
        + [("carried", pa.list_(pa.string())), ("pictures", pa.list_(PICTURE))]
    )
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _peak_mib() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = Parser(prog="python -m unposed_jobs.lab.bench.pages", description=__doc__)
    parser.add_argument("--products", type=positive, default=1_000_000)
    parser.add_argument("--small", type=positive, default=10_000)
    parser.add_argument("--rounds", type=positive, default=7)
    given = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="unposed-pages-") as folder,
        contextlib.ExitStack() as stack,
    ):
        sides = []
        for size in (given.small, given.products):
            home = Path(folder) / str(size)
            home.mkdir()
            with Child(Server, str(home), size) as maker:
                print(f"{size} products made in {maker.call('make'):.0f} s", flush=True)
            server = stack.enter_context(Child(Server, str(home), size))
            started = server.call("start")
            print(
                f"  made ready in {started['seconds']:.1f} s: {started['file_mib']:.0f} MiB; "
                f"the process held {started['peak_mib']:.0f} MiB at most",
                flush=True,
            )
            sides.append(server)
        _compare(sides, given.rounds)
        for size, server in zip((given.small, given.products), sides, strict=True):
            print(
                f"{size} products: {server.call('peak'):.0f} MiB at most, limit of queries included"
            )
    return 0


def _compare(sides: list[Any], rounds: int) -> None:
    print(f"load {os.getloadavg()[0]:.1f}, {len(os.sched_getaffinity(0))} cores")
    print("| page | small, median s | large, median s | large, most | first time | ratio |")
    print("|---|---|---|---|---|---|")
    for name, path in _PAGES.items():
        first = [server.call("ask", path) for server in sides]
        times = [[server.call("ask", path) for server in sides] for _ in range(rounds)]
        small, large = (list(one) for one in zip(*times, strict=True))
        print(
            f"| {name} | {statistics.median(small):.3f} | {statistics.median(large):.3f} | "
            f"{max(large):.3f} | {first[1]:.3f} | "
            f"{statistics.median(large) / statistics.median(small):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    raise SystemExit(main())
