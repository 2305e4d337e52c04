"""Two nights of a catalogue on a faulty https host: every picture has its status.

The short form has some hundred pictures; ``make test-web`` is the long one, of 2,000.
"""

from __future__ import annotations

import csv
import os
import time
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import web_server
from web_server import after, coded, reset, truncated

from unposed_jobs import config, storage
from unposed_jobs.jobs import audit, extract, gallery, promote, train
from unposed_jobs.jobs.entry import Run
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.warehouse import Warehouse

WRITTEN = date(2026, 1, 5)
FIRST, SECOND = date(2026, 1, 6), date(2026, 1, 7)
PRODUCTS = int(os.environ.get("UNPOSED_WEB_PRODUCTS", "20"))
AT_ONCE = 6
SECONDS = 3.0
FAULT_EACH = 20 if PRODUCTS > 100 else 10
"""One picture of so many."""
FAULTS = {
    "slow": "timeout",
    "busy": "ok",
    "unavailable": "ok",
    "reset": "ok",
    "page": "not_a_picture",
    "away": "refused",
    "short": "unreachable",
}


def quiet(day: date, **rest) -> Run:
    return Run(day, progress=lambda line: None, **rest)


def slow(handler) -> None:
    """An answer whose bytes come one by one for longer than a request may last."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(int(10 * SECONDS) + 20):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def faulty(kind: str, path: str, data: bytes, server: web_server.WebServer):
    serve = lambda handler: server.serve(handler, path)  # noqa: E731
    return {
        "slow": slow,
        "busy": after(1, coded(429, {"Retry-After": "1"}), serve),
        "unavailable": after(2, coded(503), serve),
        "reset": after(1, reset, serve),
        "page": coded(200, {"Content-Type": "text/html"}, b"<html>sold out</html>"),
        "away": coded(302, {"Location": "https://elsewhere.example/a.jpg"}),
        "short": truncated(data[: len(data) // 2], len(data)),
    }[kind]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A catalogue whose pictures are on a server; (folder, server, CA bundle, status by path)."""
    folder = tmp_path_factory.mktemp("shop")
    catalogue = folder / "catalogue"
    write_sample(catalogue, SampleSettings(PRODUCTS, 11, 320, WRITTEN), 2, progress=False)
    bundle, chain = web_server.certificates(folder)
    server = web_server.WebServer(chain)
    with (catalogue / "images.csv").open() as source:
        rows = list(csv.DictReader(source))
    expected: dict[str, str] = {}
    kinds = list(FAULTS)
    for row in rows:
        if not row["image_uri"].startswith("pictures/"):
            continue
        path, file = f"/{row['image_uri']}", catalogue / row["image_uri"]
        row["image_uri"] = f"{server.base}{path}"
        if path in expected:
            continue
        expected[path] = "ok" if file.is_file() else "missing"
        if not file.is_file():
            continue
        server.files[path] = file.read_bytes()
        if len(expected) % FAULT_EACH == 0:
            kind = kinds[len(expected) // FAULT_EACH % len(kinds)]
            server.answers[path] = faulty(kind, path, server.files[path], server)
            expected[path] = FAULTS[kind]
            if kind == "slow":
                server.uncounted.add(path)
    with (catalogue / "images.csv").open("w", newline="") as target:
        writer = csv.DictWriter(target, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    yield folder, server, bundle, expected
    server.stop()


@pytest.fixture(scope="module")
def nights(spark, shop, pose_weights):
    folder, server, bundle, _ = shop
    catalogue = folder / "catalogue"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(folder))
        settings = config.load(
            catalogue__products=str(catalogue / "products.csv"),
            catalogue__images=str(catalogue / "images.csv"),
            catalogue__error_budget=0.2,
            storage__http_hosts=["127.0.0.1"],
            storage__http_private_addresses=True,
            storage__http_ca_bundle=str(bundle),
            storage__http_requests=AT_ONCE,
            storage__http_seconds=SECONDS,
            storage__http_attempts=4,
            warehouse__buckets=2,
            pose__second_look=False,
            pose__picture_kinds=False,
            facts__nightly=False,
            training__clusters=4,
            training__min_pictures=3,
            training__embedding="features",
        )
    figures = []
    for day in (FIRST, SECOND):
        server.bodies.clear()
        server.asked.clear()
        figures.append(extract.run(spark, settings, quiet(day)))
        figures[-1]["bodies"] = sum(server.bodies.values())
        figures[-1]["asked"] = sum(server.asked.values())
        if day == FIRST:
            train.run(spark, settings, quiet(day))
            promote.run(spark, settings, quiet(day))
    audit.run(spark, settings, quiet(SECOND))
    yield settings, Warehouse.open(settings.warehouse), figures
    storage.configure(storage.ANYWHERE)


def test_every_picture_has_its_status(nights, shop):
    _, server, _, expected = shop
    _, warehouse, figures = nights
    rows = warehouse.read("images").to_pylist()
    found = {
        row["image_uri"].removeprefix(server.base): row["status"]
        for row in rows
        if row["image_uri"].startswith(server.base)
    }
    print(f"{len(found)} pictures: {dict(Counter(found.values()))}")
    assert set(found) <= set(expected)
    assert found == {path: expected[path] for path in found}
    assert figures[0]["pictures"] >= len(found) * 0.9
    assert set(FAULTS.values()) <= set(found.values())
    assert all(row["error"] for row in rows if row["status"] != "ok")


def test_every_readable_picture_is_extracted_and_every_product_audited(nights, shop):
    _, warehouse, _ = nights
    rows = warehouse.read("images", row_filter={"status": "ok"}).to_pylist()
    contents = {row["content_sha256"] for row in rows}
    extracted = {row["content_sha256"] for row in warehouse.read("landmarks").to_pylist()}
    assert contents == extracted
    audited = warehouse.read("product_audit", row_filter={"run_date": SECOND}).to_pylist()
    assert len(audited) >= PRODUCTS * 0.9


def test_an_unchanged_night_reads_no_body(nights):
    _, _, (_, second) = nights
    print(f"second night: {second['asked']} requests, {second['bodies']} bodies")
    assert second["bodies"] == 0
    assert second["asked"] >= second["unchanged"]
    assert second["extracted"] == 0
    assert second["changed"] == second["new"] == 0


def test_no_host_sees_more_at_once_than_its_bound(nights, shop):
    _, server, _, _ = shop
    print(f"most requests at once: {server.most_at_once} of {AT_ONCE}")
    assert server.most_at_once <= AT_ONCE


def test_the_gallery_shows_pictures_of_the_web(nights, tmp_path, monkeypatch):
    settings, _, _ = nights
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path))
    page = gallery.run(None, settings, quiet(SECOND))
    assert len(list(Path(page).parent.rglob("*.webp"))) > PRODUCTS
