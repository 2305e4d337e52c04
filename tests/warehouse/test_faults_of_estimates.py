"""The job of estimates, ended at any step and run again, leaves the undisturbed rows.

The job itself runs; only what it would work out is given.
"""

from __future__ import annotations

import os

import pytest
from fault_points import deaths, kept, prepare, said, stage
from warehouse_samples import NEXT, record, settings

from unposed_jobs.config import InfluenceSettings, Settings
from unposed_jobs.influence import rows as influence_rows
from unposed_jobs.influence.estimates import ALL_PRODUCTS, REGRESSION, ask_term, refused
from unposed_jobs.jobs import influence
from unposed_jobs.jobs.entry import Run
from unposed_jobs.warehouse import Warehouse

LONG = os.environ.get("UNPOSED_FAULTS") == "long"
TODAY = Run(NEXT, progress=lambda line: None)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A warehouse with two published days."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    prepare(folder)
    warehouse = Warehouse.open(settings(folder))
    of_model = record("of-m1", NEXT, model_version="m1")
    warehouse.publish_day(warehouse.seen(NEXT), of_model, stage(warehouse, "of-m1", ["a", "b"]))
    return folder


def rows(folder, *names):
    """The published rows of those tables, and the runs, without their times."""
    warehouse = Warehouse.open(settings(folder))
    found = {name: sorted(warehouse.read(name).to_pylist(), key=repr) for name in names}
    runs = sorted((run.run_id, run.state, run.error) for run in warehouse.runs())
    return found | {"runs": runs}


def tried(property_, what, steps):
    assert len(steps) > 5
    property_("tried", f"{what}: ended before each of its {len(steps)} steps\n    {said(steps)}")


@pytest.fixture
def estimates(monkeypatch):
    """Runs the job with estimates of so many asks."""

    def estimate(folder, asks):
        given = [
            refused(cohort, ask_term(ask, f"ask {ask}"), REGRESSION, f"{asks} asks")
            for cohort in (ALL_PRODUCTS, "tops")
            for ask in range(asks)
        ]
        whole = influence_rows.table(given, "rating_count", "log")
        by_method = {"regression": whole, "differences": whole.slice(0, 0)}
        with monkeypatch.context() as patch:
            patch.setattr(influence, "_terms", lambda days: [])
            patch.setattr(influence, "_by_cohort", lambda *given: by_method[given[-1]])
            for name in ("products", "histories"):
                patch.setattr(influence.outcomes, name, lambda *_: None)
            changed = Settings(
                warehouse=settings(folder),
                influence=InfluenceSettings(max_products=20_000 + asks),
            )
            influence.run(None, changed, TODAY)

    return estimate


def test_estimates_that_end_at_any_step_are_the_old_or_the_new(
    prepared, estimates, record_property
):
    with kept(prepared):
        estimates(prepared, 2)
        before = rows(prepared, "influence")
        with kept(prepared):
            estimates(prepared, 3)
            after = rows(prepared, "influence")
        assert (len(before["influence"]), len(after["influence"])) == (4, 6)
        steps = []
        for death in deaths(prepared, lambda folder: estimates(folder, 3)):
            steps.append(death.step)
            if death.shown:
                found = rows(prepared, "influence")["influence"]
                assert found in (before["influence"], after["influence"]), death
            if LONG or death.number % 5 == 3:
                estimates(prepared, 3)
                assert rows(prepared, "influence") == after, death
    tried(record_property, "estimates of worth", steps)
