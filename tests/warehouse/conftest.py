"""A warehouse of its own for each test."""

from __future__ import annotations

import pytest
from warehouse_samples import settings

from unposed_jobs.warehouse import Warehouse


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse.open(settings(tmp_path))
