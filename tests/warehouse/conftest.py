"""A warehouse of its own for each test."""

from __future__ import annotations

import pytest
from warehouse_samples import settings

from unposed_jobs.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse.open(settings(tmp_path))


def pytest_terminal_summary(terminalreporter):
    """What the fault tests tried, and what was lost."""
    tried = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "tried"
    ]
    if tried:
        terminalreporter.section("faults tried")
        for line in sorted(tried):
            terminalreporter.write_line(line)
