"""The bench of the pages: its section of docs/performance.md, and the catalogue made for it."""

from __future__ import annotations

import pytest

from unposed_jobs.lab.bench import pages, pages_catalogue, pages_report
from unposed_jobs.sql import published

PAGE = "<!-- others -->\n\n# Performance\n\nRatios.\n"


@pytest.fixture
def report() -> dict:
    timed = {"small": [0.1, 0.1, 0.1], "large": [0.2, 0.5, 0.3], "first": 0.9}
    started = {"ready_seconds": 15.0, "changes_seconds": 9.0, "file_mib": 258.0}
    return {
        "machine": {
            "date": "2026-01-05",
            "cpu": "A processor",
            "cores": 2,
            "memory_gib": 23.5,
            "load_before": 0.1,
        },
        "products": [10_000, 1_000_000],
        "audited": 5000,
        "days": 3,
        "rounds": 3,
        "memory": 1024,
        "made": [started | {"changes_mib": 3.0, "started_mib": 1400.0}] * 2,
        "pages": [
            {"name": "first page", "target": 1.0} | timed,
            {"name": "search an id", "target": 0.2} | timed,
            {"name": "CSV", "target": None} | timed,
        ],
        "peak_mib": [400.0, 1500.0],
    }


def test_the_section_has_medians_and_verdicts(report):
    text = pages_report.section(report)
    assert "| first page | 0.10 | 0.30 | 0.50 | 0.90 | ≤ 1.00 | met |" in text
    assert "| search an id | 0.10 | 0.30 | 0.50 | 0.90 | ≤ 0.20 | **not met** |" in text
    assert "| CSV | 0.10 | 0.30 | 0.50 | 0.90 | – |  |" in text
    assert "1,500 MiB in all" in text


def test_a_section_takes_the_place_of_its_own_kind_and_of_nothing_else(report):
    assert pages_report.split(PAGE) == (PAGE, "")
    assert pages_report.joined(PAGE, "") == PAGE
    whole = pages_report.joined(PAGE, pages_report.section(report))
    others, section = pages_report.split(whole)
    assert (others, section) == (PAGE, pages_report.section(report))
    assert pages_report.joined("# Another page\n", section).endswith(section)


def test_a_made_day_is_one_that_a_server_answers_from(tmp_path, monkeypatch):
    monkeypatch.setattr(pages_catalogue, "AUDITED", 500)
    server = pages.Server(str(tmp_path), 1000, 2)
    server.make()
    settings = pages.settings_of(tmp_path)
    with published.open_views(settings.warehouse) as views:
        listed = views.sql("SELECT count(*), count(DISTINCT product_id) FROM product_audit_current")
        assert listed.fetchall() == [(1000, 1000)]
        content = pages_catalogue.content(pages_catalogue.LOOKED_AT, 0)
        sql = "SELECT bucket, mask FROM picture_facts WHERE content_sha256 = ?"
        found = views.sql(sql, params=[content])
        ((bucket, mask),) = found.fetchall()
        assert bucket == 0
        assert mask.startswith(b"\x89PNG")
    assert server.start()["file_mib"] > 0
    for path in {**pages._PAGES, **pages._SEARCHES}.values():
        assert server.ask(path) > 0, path
