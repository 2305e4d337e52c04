"""Each way of losing pictures has its bound."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from unposed_jobs import config, storage
from unposed_jobs.errors import ErrorBudgetExceededError
from unposed_jobs.jobs import budgets
from unposed_jobs.jobs.extraction_figures import Compared, Extracted, Measured

ONCE = {
    "unreachable": ("max_unreachable", "Is the storage up"),
    "timeout": ("max_unreachable", "timeout 60"),
    "server_error": ("max_unreachable", "server error 60"),
    "rate_limited": ("max_unreachable", "rate limited 60"),
    "missing": ("max_missing", "not there"),
    "gone": ("max_missing", "gone 60"),
    "forbidden": ("max_missing", "forbidden 60"),
    "too_large": ("max_too_large", "max_bytes"),
    "not_a_picture": ("max_undecodable", "not a picture 60"),
    "refused": ("max_refused", "never opened"),
}


def figures(pictures: int = 100, **counts: int) -> Compared:
    return Compared(pictures=pictures, statuses=counts)


def examples(statuses):
    return ["a.jpg: why", "b.jpg: why", "c.jpg: why"]


def test_every_status_counts_against_one_bound():
    counted = Counter(status for bound in budgets.BOUNDS for status in bound.statuses)
    assert counted == Counter(storage.STATUSES)
    assert set(ONCE) == set(storage.STATUSES)
    for bound in budgets.BOUNDS:
        assert getattr(config.ExtractionSettings(), bound.setting) < 0.2


@pytest.mark.parametrize("status", ONCE)
def test_too_many_of_a_kind_are_refused_with_three_addresses(status):
    setting, told = ONCE[status]
    with pytest.raises(ErrorBudgetExceededError, match=f"60 of 100 pictures .*{told}") as caught:
        budgets.fingerprinted(figures(**{status: 60}), config.Settings(), examples)
    line = str(caught.value)
    assert f"[extraction] {setting} = " in line
    assert line.endswith("Such as: a.jpg: why; b.jpg: why; c.jpg: why")
    budgets.fingerprinted(figures(**{status: 1}), config.Settings(), examples)


def test_one_kind_does_not_use_up_what_another_may_lose():
    lost = dict.fromkeys(("unreachable", "not_a_picture", "refused"), 50)
    lost |= {"missing": 100, "too_large": 20}
    budgets.fingerprinted(figures(1000, **lost), config.Settings(), examples)
    with pytest.raises(ErrorBudgetExceededError, match="51 of 1000"):
        budgets.fingerprinted(figures(1000, **lost, timeout=1), config.Settings(), examples)


@pytest.mark.parametrize(
    ("count", "of", "share", "exceeded"),
    [
        (0, 0, 0.0, False),
        (1, 1, 0.05, True),
        (1, 2, 0.05, False),
        (2, 3, 0.05, True),
        (5, 10, 0.05, False),
        (6, 12, 0.05, True),
        (6, 120, 0.05, False),
        (7, 120, 0.05, True),
    ],
)
def test_a_few_of_few_are_not_too_many(count, of, share, exceeded):
    assert budgets.exceeded(count, of, share) == exceeded


def test_pictures_that_cannot_be_decoded_count_wherever_that_was_found():
    measured = Measured(1.0, 50.0, None, {"broken": 40}, 0, {}, ())
    done = Extracted(unreadable_pictures=50, measured=measured)
    with pytest.raises(ErrorBudgetExceededError, match=r"60 of 100 .*\(broken 40\).*max_undecod"):
        budgets.decoded(
            figures(not_a_picture=10), done, config.Settings(), lambda: ["a.jpg: broken"]
        )


def test_pictures_lost_between_two_looks_are_counted_and_can_be_had_again():
    found = Extracted(to_extract=100, extracted=64, lost=30)
    with pytest.raises(ErrorBudgetExceededError, match=r"30 of 100 .*64 are kept.*run it again"):
        budgets.extracted(found, config.ExtractionSettings(), ["a.jpg: gone"])
    budgets.extracted(Extracted(to_extract=100, lost=2), config.ExtractionSettings(), [])


def test_a_night_ends(monkeypatch):
    budgets.Night(0.0).check()
    night = budgets.Night(60.0)
    night.check()
    now = budgets.time.time()
    monkeypatch.setattr(budgets.time, "time", lambda: now + 61)
    with pytest.raises(ErrorBudgetExceededError, match="night_seconds = 60"):
        night.check()


def test_the_one_budget_of_before_stands_for_all_and_warns(tmp_path, caplog):
    file = tmp_path / "unposed.toml"
    file.write_text("[pose]\nerror_budget = 0.3\n[extraction]\nmax_missing = 0.01\n")
    with caplog.at_level(logging.WARNING):
        found = config.load(file).extraction
    assert (found.max_unreachable, found.max_lost, found.max_missing) == (0.3, 0.3, 0.01)
    assert found.night_seconds == config.ExtractionSettings().night_seconds
    assert "max_unreachable" in caplog.text
